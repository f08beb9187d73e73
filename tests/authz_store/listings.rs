//! The five lists: subjects, actors, clients, authorisation codes, refresh tokens.

use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};

use crate::harness::{TestApp, both};

both!(
    an_empty_store_has_empty_lists,
    subjects_actors_and_clients_are_those_of_the_records,
    duplicates_are_dropped_on_demand,
    the_order_is_that_of_the_bytes,
    codes_are_listed_while_they_work,
    refresh_tokens_are_listed_while_they_work,
    what_is_revoked_is_not_listed,
    each_tenant_has_its_own_lists,
    a_bad_query_is_refused,
    what_is_listed_works,
    many_codes_are_in_order_too,
    many_refresh_tokens_are_in_order_too,
);

const LISTS: [&str; 5] = ["subjects", "actors", "clients", "authorization-codes", "refresh-tokens"];

async fn an_empty_store_has_empty_lists(app: &TestApp) {
    for list in LISTS {
        let answer = app.authz_store().request("GET", list).send().await;
        assert_eq!(answer.status(200).no_store().json(), json!([]), "{list}");
    }
}

async fn subjects_actors_and_clients_are_those_of_the_records(app: &TestApp) {
    let store = app.authz_store();
    for (subject, client) in [("dan", "000789"), ("alice", "000123"), ("claire", "000456"), ("bob", "000123")] {
        store.stored(subject, client).await;
    }
    for actor in ["admin-2", "admin-1", "admin-3"] {
        store.stored_for("alice", actor, "000123").await;
    }
    store.new_code(&json!({"sub": "eve", "act": {"sub": "passing"}, "cid": "transient"})).await;
    assert_eq!(store.list("subjects").await, ["alice", "alice", "alice", "alice", "bob", "claire", "dan"]);
    assert_eq!(store.list("subjects?no_duplicates=true").await, ["alice", "bob", "claire", "dan"]);
    assert_eq!(store.list("actors").await, ["admin-1", "admin-2", "admin-3"]);
    assert_eq!(store.list("clients?no_duplicates=true").await, ["000123", "000456", "000789"]);
}

async fn duplicates_are_dropped_on_demand(app: &TestApp) {
    let store = app.authz_store();
    for client in ["c1", "c2", "c3"] {
        store.stored_for("alice", "admin", client).await;
        store.stored("bob", client).await;
    }
    for (list, all, distinct) in [
        ("subjects", vec!["alice", "alice", "alice", "bob", "bob", "bob"], vec!["alice", "bob"]),
        ("actors", vec!["admin"; 3], vec!["admin"]),
        ("clients", vec!["c1", "c1", "c2", "c2", "c3", "c3"], vec!["c1", "c2", "c3"]),
    ] {
        assert_eq!(store.list(list).await, all);
        assert_eq!(store.list(&format!("{list}?no_duplicates=false")).await, all);
        assert_eq!(store.list(&format!("{list}?no_duplicates=true")).await, distinct);
    }
}

async fn the_order_is_that_of_the_bytes(app: &TestApp) {
    let store = app.authz_store();
    let ordered = ["0", "10", "9", "A", "Z", "_", "a", "a b", "aa", "z", "\u{e4}", "\u{ff5e}", "\u{1f989}"];
    for text in ordered.iter().rev() {
        store.stored_for(text, text, text).await;
    }
    for list in ["subjects", "actors", "clients"] {
        assert_eq!(store.list(list).await, ordered, "{list}");
        assert_eq!(store.list(&format!("{list}?no_duplicates=true")).await, ordered, "{list}");
    }
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}

async fn codes_are_listed_while_they_work(app: &TestApp) {
    let store = app.authz_store();
    let stored = store.new_code(&json!({"sub": "alice", "cid": "c1", "lng": true})).await;
    let transient = store.new_code(&json!({"sub": "bob", "cid": "c1"})).await;
    let used = store.new_code(&json!({"sub": "alice", "cid": "c2"})).await;
    store.exchange(&[("code", &used), ("client_id", "c2")]).await.status(200);
    let burnt = store.new_code(&json!({"sub": "alice", "cid": "c2"})).await;
    store.exchange(&[("code", &burnt), ("client_id", "c3")]).await.error(404, "invalid_code");
    assert_eq!(sorted(store.list("authorization-codes").await), sorted(vec![stored, transient]));
    app.advance(30);
    let late = store.new_code(&json!({"sub": "alice", "cid": "c1"})).await;
    app.advance(30);
    assert_eq!(store.list("authorization-codes").await, [late]);
}

async fn refresh_tokens_are_listed_while_they_work(app: &TestApp) {
    let store = app.authz_store();
    let token = |tokens: &Value| tokens["refresh_token"].as_str().unwrap().to_owned();
    let endless = token(&store.stored("alice", "c1").await);
    store.new_tokens(&json!({"sub": "alice", "cid": "c2", "lng": true, "irt": true, "rtl": 100})).await;
    store.new_tokens(&json!({"sub": "alice", "cid": "c3", "lng": true, "irt": true, "rtm": 100})).await;
    store.new_tokens(&json!({"sub": "alice", "cid": "c4", "irt": true})).await;
    store.new_tokens(&json!({"sub": "alice", "cid": "c5", "lng": true})).await;
    assert_eq!(store.list("refresh-tokens").await.len(), 3, "those of stored authorisations");
    app.advance(100);
    assert_eq!(store.list("refresh-tokens").await, [endless]);
}

async fn what_is_revoked_is_not_listed(app: &TestApp) {
    let store = app.authz_store();
    for selector in [("subject", "alice"), ("client_id", "c1"), ("actor", "admin")] {
        store.stored_for("alice", "admin", "c1").await;
        store.new_code(&json!({"sub": "alice", "act": {"sub": "admin"}, "cid": "c1"})).await;
        store.revoke_quietly(&[selector]).await.status(204);
        for list in LISTS {
            assert!(store.list(list).await.is_empty(), "{list} after {selector:?}");
        }
    }
}

async fn each_tenant_has_its_own_lists(app: &TestApp) {
    let store = app.authz_store();
    store.stored_for("alice", "admin", "c1").await;
    store.new_code(&json!({"sub": "alice", "cid": "c1"})).await;
    for list in LISTS {
        assert_eq!(store.list(list).await.len(), 1, "{list}");
        assert!(store.as_tenant("globex").list(list).await.is_empty(), "{list}");
    }
}

async fn a_bad_query_is_refused(app: &TestApp) {
    for list in LISTS {
        for query in [
            "no_duplicates=yes",
            "no_duplicates=TRUE",
            "no_duplicates=",
            "no_duplicates=true&no_duplicates=true",
            "limit=5",
        ] {
            let answer = app.authz_store().request("GET", &format!("{list}?{query}")).send().await;
            assert_eq!(answer.code(), 400, "{list}?{query} {answer}");
            answer.error(400, "invalid_request");
        }
    }
    for list in ["authorization-codes", "refresh-tokens"] {
        let answer = app.authz_store().request("GET", &format!("{list}?no_duplicates=true")).send().await;
        answer.error(400, "invalid_request");
    }
}

async fn what_is_listed_works(app: &TestApp) {
    let store = app.authz_store();
    store.new_code(&json!({"sub": "alice", "cid": "c1", "lng": true, "irt": true})).await;
    let [code] = store.list("authorization-codes").await.try_into().unwrap();
    store.exchange(&[("code", &code), ("client_id", "c1")]).await.status(200);
    let [refresh_token] = store.list("refresh-tokens").await.try_into().unwrap();
    store.refresh(&refresh_token).await.status(200);
}

/// More than are simply sorted.
const MANY: usize = 1_100;

async fn many_codes_are_in_order_too(app: &TestApp) {
    let store = app.authz_store();
    let body = json!({"sub": "alice", "cid": "c1"});
    let codes = stream::iter(0..MANY).map(|_| store.new_code(&body)).buffer_unordered(32);
    let codes: Vec<String> = codes.collect().await;
    let used = codes[7].clone();
    store.exchange(&[("code", &used), ("client_id", "c1")]).await.status(200);
    let left = codes.into_iter().filter(|code| *code != used).collect();
    assert!(store.list("authorization-codes").await == sorted(left), "{MANY} codes: out of order, or not all");
}

async fn many_refresh_tokens_are_in_order_too(app: &TestApp) {
    let store = app.authz_store();
    let tokens = stream::iter(0..MANY).map(async |n| {
        let (subject, imported) = (format!("s{n}"), format!("{:03}-imported-elsewhere-{n}", n * 7 % 1000));
        let body = json!({"sub": subject, "cid": "c1", "lng": true, "irt": true, "rtr": true, "rft": imported});
        if n % 5 == 0 {
            store.import(&body).await.status(204);
            return imported;
        }
        store.new_tokens(&body).await["refresh_token"].as_str().unwrap().to_owned()
    });
    let mut tokens: Vec<String> = tokens.buffer_unordered(32).collect().await;
    // A rotated one has another text at the same place, and an imported one that was rotated is one of ours.
    let (ours, imported) = tokens.iter().partition::<Vec<_>, _>(|token| !token.contains("-imported-"));
    for before in [ours[3].clone(), imported[3].clone()] {
        let after = store.refresh(&before).await.status(200).json()["refresh_token"].as_str().unwrap().to_owned();
        tokens.retain(|token| *token != before);
        tokens.push(after);
    }
    let gone = store.record("s9", "c1").await["rft"].as_str().unwrap().to_owned();
    store.revoke_quietly(&[("subject", "s9")]).await.status(204);
    tokens.retain(|token| *token != gone);
    assert!(store.list("refresh-tokens").await == sorted(tokens), "{MANY} tokens: out of order, or not all");
}
