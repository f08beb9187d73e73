//! Paging, order and filters.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::Iam;
use super::caller::{ADMIN_CLIENT, ids};
use crate::harness::{NOW, TestApp, both};

both!(
    a_page_is_what_was_asked_for_within_bounds,
    what_is_no_integer_is_refused,
    tokens_come_by_expiration_then_id,
    filters_match_exactly_and_together,
    only_what_lives_is_listed,
    totals_are_exact_the_moment_a_revocation_is_made,
    a_chain_of_pages_is_whole_while_tokens_are_made,
);

/// Makes tokens of alice that expire one second after another, with a refresh token each.
async fn make(app: &TestApp, count: i64) {
    for n in 0..count {
        let body = json!({"sub": "alice", "cid": "65564eb0058d", "scp": ["openid"], "atl": 600 + n, "irt": true,
            "rtl": 6000 + n});
        app.authz_store().new_tokens(&body).await;
    }
}

async fn a_page_is_what_was_asked_for_within_bounds(app: &TestApp) {
    let iam = Iam::new(app).await;
    make(app, 25).await;
    for resource in ["access-tokens", "refresh-tokens"] {
        let all = ids(&iam.all(resource, &[("clientId", "65564eb0058d")]).await);
        assert_eq!(all.len(), 25);
        // count, startIndex; expected startIndex and the stretch of all ids
        for (count, start, shown, stretch) in [
            (None, None, 1, 0..20),
            (Some("20"), Some("1"), 1, 0..20),
            (Some("7"), Some("3"), 3, 2..9),
            (Some("1000000000"), None, 1, 0..20),
            (None, Some("21"), 21, 20..25),
            (None, Some("25"), 25, 24..25),
            (None, Some("26"), 26, 0..0),
            (None, Some("1000000000000"), 1_000_000_000_000_i64, 0..0),
            (Some("5"), Some("0"), 1, 0..5),
            (Some("5"), Some("-5"), 1, 0..5),
            (Some("0"), Some("3"), 1, 0..0),
            (Some("-1"), None, 1, 0..0),
        ] {
            let mut query = vec![("clientId", "65564eb0058d"), ("unknown", "ignored")];
            query.extend(count.map(|count| ("count", count)));
            query.extend(start.map(|start| ("startIndex", start)));
            let page = iam.page(resource, &query).await;
            let expected = all[stretch].to_vec();
            let what = format!("{resource} count={count:?} startIndex={start:?}");
            assert_eq!(page["totalResults"], 25, "{what}");
            assert_eq!(page["startIndex"], shown, "{what}");
            assert_eq!(page["itemsPerPage"], expected.len(), "{what}");
            assert_eq!(ids(page["resources"].as_array().unwrap()), expected, "{what}");
        }
    }
}

async fn what_is_no_integer_is_refused(app: &TestApp) {
    let iam = Iam::new(app).await;
    for resource in ["access-tokens", "refresh-tokens"] {
        for query in ["count=x", "count=1.5", "startIndex=x", "startIndex=1e3", "count=1&count=1"] {
            iam.get(&format!("{resource}?{query}")).await.error(400, "invalid_request");
        }
    }
}

async fn tokens_come_by_expiration_then_id(app: &TestApp) {
    let iam = Iam::new(app).await;
    for (access, refresh) in [(900, 0), (300, 50), (600, 70), (300, 50), (900, 0), (300, 60)] {
        let body = json!({"sub": "alice", "cid": "web", "atl": access, "irt": true, "rtl": refresh});
        app.authz_store().new_tokens(&body).await;
    }
    for resource in ["access-tokens", "refresh-tokens"] {
        let all = iam.all(resource, &[]).await;
        let place = |token: &Value| {
            // What never expires is last.
            let expiration = token["expiration"].as_str().unwrap_or("9999").to_owned();
            (expiration, token["id"].as_i64().unwrap())
        };
        let places: Vec<_> = all.iter().map(place).collect();
        let mut sorted = places.clone();
        sorted.sort();
        assert_eq!(places, sorted, "{resource}");
        assert_eq!(places.len(), 6, "{resource}");
    }
    let refresh = iam.all("refresh-tokens", &[]).await;
    assert!(refresh[4].get("expiration").is_none() && refresh[5].get("expiration").is_none(), "{refresh:?}");
}

async fn filters_match_exactly_and_together(app: &TestApp) {
    let iam = Iam::new(app).await;
    for (sub, cid) in [("alice", "65564eb0058d"), ("alice", "mobile-app"), ("stranger", "mobile-app")] {
        app.authz_store().new_tokens(&json!({"sub": sub, "cid": cid, "irt": true})).await;
    }
    for resource in ["access-tokens", "refresh-tokens"] {
        for (user, client, expected) in [
            ("alice", "", 2),
            ("e1eb758b-b73c-4761-bfff-adc793da409c", "", 2),
            ("stranger", "", 1),
            ("Alice", "", 0),
            ("ali", "", 0),
            ("", "mobile-app", 2),
            ("", "web-shop", 0),
            ("", "17566160603766", 0),
            ("alice", "mobile-app", 1),
            ("stranger", "65564eb0058d", 0),
            ("nobody", "nowhere", 0),
        ] {
            let page = iam.page(resource, &[("userId", user), ("clientId", client)]).await;
            let everything = user.is_empty() && client.is_empty();
            assert!(!everything);
            assert_eq!(page["totalResults"], expected, "{resource} userId={user} clientId={client}");
            assert_eq!(page["resources"].as_array().unwrap().len(), expected, "{resource} {user} {client}");
        }
    }
}

async fn only_what_lives_is_listed(app: &TestApp) {
    let iam = Iam::new(app).await;
    let store = app.authz_store();
    store.new_tokens(&json!({"sub": "alice", "cid": "web", "atl": 100, "irt": true, "rtl": 200})).await;
    let kept = store.new_tokens(&json!({"sub": "bob", "cid": "web", "atl": 1000, "irt": true, "rtl": 2000})).await;
    let (access, refresh) = (iam.all("access-tokens", &[]).await, iam.all("refresh-tokens", &[]).await);
    assert_eq!((access.len(), refresh.len()), (2, 2));
    app.advance(100);
    let left = iam.all("access-tokens", &[]).await;
    assert_eq!(left.len(), 1, "an expired token is not active");
    assert_eq!(left[0]["value"], kept["access_token"]);
    iam.get(&format!("access-tokens/{}", access[0]["id"])).await.status(404);
    app.advance(100);
    assert_eq!(iam.all("refresh-tokens", &[]).await.len(), 1);
    iam.get(&format!("refresh-tokens/{}", refresh[0]["id"])).await.status(404);
    assert_eq!(app.now(), NOW + 200);
}

async fn totals_are_exact_the_moment_a_revocation_is_made(app: &TestApp) {
    let iam = Iam::new(app).await;
    let store = app.authz_store();
    let all = async || {
        let mut totals = Vec::new();
        for resource in ["access-tokens", "refresh-tokens"] {
            let all = iam.all(resource, &[]).await;
            let page = iam.page(resource, &[("count", "0")]).await;
            let own = i64::from(resource == "access-tokens");
            assert_eq!(page["totalResults"].as_i64().unwrap() - own, i64::try_from(all.len()).unwrap(), "{resource}");
            totals.push(all.len());
        }
        totals
    };
    let make = async |sub: &str, act: &str, cid: &str, stored: bool| {
        let mut body = json!({"sub": sub, "cid": cid, "irt": true, "lng": stored});
        if !act.is_empty() {
            body["act"] = json!({"sub": act});
        }
        store.new_tokens(&body).await
    };
    for (sub, act, cid) in [
        ("a", "", "one"),
        ("a", "", "two"),
        ("b", "", "one"),
        ("b", "x", "one"),
        ("c", "x", "two"),
        ("d", "y", "three"),
    ] {
        make(sub, act, cid, false).await;
        make(sub, act, cid, true).await;
    }
    assert_eq!(all().await, [12, 12]);
    store.revoke(&[("subject", "a"), ("client_id", "two")]).await;
    assert_eq!(all().await, [10, 10], "a pair");
    store.revoke(&[("subject", "a")]).await.status(200);
    assert_eq!(all().await, [8, 8], "a subject");
    store.revoke(&[("actor", "x"), ("client_id", "two")]).await.status(200);
    assert_eq!(all().await, [6, 6], "an actor at a client");
    store.revoke(&[("actor", "y")]).await.status(200);
    assert_eq!(all().await, [4, 4], "an actor");
    make("a", "", "one", true).await;
    assert_eq!(all().await, [5, 5], "what is issued after a revocation lives");
    store.revoke(&[("subject", "b"), ("actor", "x"), ("client_id", "one")]).await.status(200);
    assert_eq!(all().await, [3, 3], "a subject, an actor and a client");
    store.revoke(&[("client_id", "one")]).await.status(200);
    assert_eq!(all().await, [0, 0], "a client");
    assert_eq!(iam.page("access-tokens", &[("clientId", ADMIN_CLIENT)]).await["totalResults"], 1);
    app.advance(60);
    app.tidy().await;
    assert_eq!(all().await, [0, 0], "and so it stays when the rows are gone");
    make("a", "", "one", true).await;
    assert_eq!(all().await, [1, 1]);
}

/// Pages are stretches of one order. While tokens are made that belong behind those that are there, as they do when all live
/// equally long, a chain of pages shows each of these once.
async fn a_chain_of_pages_is_whole_while_tokens_are_made(app: &TestApp) {
    let iam = Iam::new(app).await;
    make(app, 70).await;
    let query = [("clientId", "65564eb0058d")];
    for resource in ["access-tokens", "refresh-tokens"] {
        let before = ids(&iam.all(resource, &query).await);
        assert!(before.len() >= 70);
        let (done, store) = (AtomicBool::new(false), app.authz_store());
        let making = async {
            let mut made = 0;
            // A chain has an end only if those behind it don't come faster than it is read.
            while made < 400 && !done.load(Ordering::Relaxed) {
                let body = json!({"sub": "bob", "cid": "65564eb0058d", "atl": 9000, "irt": true, "rtl": 90_000});
                join_all((0..8).map(|_| store.new_tokens(&body))).await;
                made += 8;
            }
            made
        };
        let reading = async {
            let mut chains = Vec::new();
            for _ in 0..3 {
                chains.push(ids(&iam.all(resource, &query).await));
            }
            done.store(true, Ordering::Relaxed);
            chains
        };
        let (made, chains) = tokio::join!(making, reading);
        assert!(made > 0);
        for chain in chains {
            let old: Vec<i64> = chain.into_iter().filter(|id| before.contains(id)).collect();
            assert_eq!(old, before, "none twice, none skipped");
        }
        app.authz_store().revoke_quietly(&[("subject", "bob")]).await.status(204);
    }
}
