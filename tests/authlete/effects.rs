//! What an update or a deletion does to tokens, seen through the other APIs.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::Authlete;
use super::caller::WEB_SHOP;
use crate::harness::{TestApp, both};

both!(
    an_update_is_seen_everywhere_and_by_the_next_refresh,
    an_update_to_no_scopes_leaves_none,
    a_pending_code_brings_no_old_scope_back,
    an_update_reaches_what_is_issued_meanwhile,
    an_update_kills_jwts_that_have_no_row_and_nothing_else,
    a_deletion_kills_every_token_of_the_pair_and_no_other,
);

/// Introspection of a token by a client of acme.
async fn introspect(app: &TestApp, token: &str) -> Value {
    let request = app.request("POST", "/token/introspect").header("tenant-id", "acme");
    let request =
        request.header("authorization", &super::caller::basic("65564eb0058d:web-shop-secret-0123456789abcdef"));
    request.form(&[("token", token)]).send().await.status(200).json()
}

async fn an_update_is_seen_everywhere_and_by_the_next_refresh(app: &TestApp) {
    let api = Authlete::new(app);
    let store = app.authz_store();
    for encoding in ["SELF_CONTAINED", "IDENTIFIER"] {
        for stored in [false, true] {
            let body = json!({"sub": "alice", "cid": "65564eb0058d", "scp": ["openid", "app:read", "app:write"],
                "ate": encoding, "lng": stored, "irt": true});
            let issued = store.new_tokens(&body).await;
            let [access, refresh] = ["access_token", "refresh_token"].map(|kind| issued[kind].as_str().unwrap());
            assert_eq!(introspect(app, access).await["scope"], "openid app:read app:write");
            api.update(WEB_SHOP, "alice", &json!(["app:read", "email"])).await.status(200);
            assert_eq!(introspect(app, access).await["scope"], "app:read email", "{encoding} {stored}");
            let seen = store.inspect("access_token", access).await.status(200).json();
            assert_eq!(seen["scp"], json!(["app:read", "email"]));
            let refreshed = store.refresh(refresh).await.status(200).json();
            assert_eq!(refreshed["scope"], "app:read email", "a refresh can't bring the old ones back");
            let token = refreshed["access_token"].as_str().unwrap();
            assert_eq!(
                store.inspect("access_token", token).await.status(200).json()["scp"],
                json!(["app:read", "email"])
            );
            if stored {
                let record = store.record("alice", "65564eb0058d").await;
                assert_eq!(record["scp"], json!(["app:read", "email"]));
                assert_eq!(record["uat"], app.now());
            }
            api.delete(WEB_SHOP, "alice").await.status(200);
        }
    }
}

async fn an_update_to_no_scopes_leaves_none(app: &TestApp) {
    let store = app.authz_store();
    for (n, mount) in Authlete::mounts(app).into_iter().enumerate() {
        for form in ["", "+", "json"] {
            let subject = format!("alice{n}{form}");
            let body = json!({"sub": subject, "cid": "65564eb0058d", "scp": ["openid"], "lng": true, "irt": true});
            let issued = store.new_tokens(&body).await;
            let path = format!("client/authorization/update/{WEB_SHOP}?subject={}", subject.replace('+', "%2B"));
            let request = mount.request("POST", &path);
            let request = match form {
                "json" => request.json(&json!({"scopes": ""})),
                blank => request.body("application/x-www-form-urlencoded", format!("scopes={blank}")),
            };
            request.send().await.status(200);
            assert_eq!(store.record(&subject, "65564eb0058d").await.get("scp"), None);
            let access = issued["access_token"].as_str().unwrap();
            assert_eq!(store.inspect("access_token", access).await.status(200).json().get("scp"), None);
            let refreshed = store.refresh(issued["refresh_token"].as_str().unwrap()).await.status(200).json();
            assert_eq!(refreshed.get("scope"), None, "{refreshed}");
        }
    }
}

async fn a_pending_code_brings_no_old_scope_back(app: &TestApp) {
    let cases =
        [(Authlete::new(app), "acme", "65564eb0058d", WEB_SHOP), (Authlete::ledgerless(app), "ledgerless", "web", 7)];
    for (api, tenant, cid, number) in cases {
        let store = app.authz_store().as_tenant(tenant);
        let (wanted, told) = if cid == "web" { (json!(["read"]), "read") } else { (json!(["email"]), "email") };
        for stored in [false, true] {
            let body = json!({"sub": "alice", "cid": cid, "scp": ["openid", "read", "write"], "lng": stored, "irt": true,
                "idt": "a.b.c"});
            let code = store.new_code(&body).await;
            let others = store.new_code(&json!({"sub": "bob", "cid": cid, "scp": ["write"]})).await;
            api.update(number, "alice", &wanted).await.status(200);
            let pending = store.inspect("code", &code).await.status(200).json();
            assert_eq!((&pending["scp"], &pending["idt"]), (&wanted, &json!("a.b.c")));
            let tokens = store.exchange(&[("code", &code), ("client_id", cid)]).await.status(200).json();
            assert_eq!(tokens["scope"], told);
            store.assert_live("access_token", tokens["access_token"].as_str().unwrap(), true).await;
            let refreshed = store.refresh(tokens["refresh_token"].as_str().unwrap()).await.status(200).json();
            assert_eq!(refreshed["scope"], told);
            let tokens = store.exchange(&[("code", &others), ("client_id", cid)]).await.status(200).json();
            assert_eq!(tokens["scope"], "write");
        }
    }
}

async fn an_update_reaches_what_is_issued_meanwhile(app: &TestApp) {
    let api = Authlete::new(app);
    let store = app.authz_store();
    for round in 0..6 {
        let subject = format!("alice{round}");
        let body = |subject: &str| {
            json!({"sub": subject, "cid": "65564eb0058d", "scp": ["openid", "app:write"], "lng": round % 2 == 0,
                "irt": true, "rtr": false, "rtm": if round % 3 == 0 { 500 } else { 0 }})
        };
        let issued = store.new_tokens(&body(&subject)).await;
        let refresh_token = issued["refresh_token"].as_str().unwrap();
        let code = store.new_code(&body(&subject)).await;
        let fields = [("code", code.as_str()), ("client_id", "65564eb0058d")];
        let wanted = json!(["email"]);
        let (updated, exchanged, refreshed) = futures_util::join!(
            api.update(WEB_SHOP, &subject, &wanted),
            store.exchange(&fields),
            join_all((0..8).map(|_| store.refresh(refresh_token))),
        );
        updated.status(200);
        let mut later = vec![exchanged.status(200).json()];
        later.extend(refreshed.iter().map(|answer| answer.status(200).json()));
        // Whichever came first: what was issued before was updated, what came after was issued so.
        for tokens in later {
            let shown =
                store.inspect("access_token", tokens["access_token"].as_str().unwrap()).await.status(200).json();
            assert_eq!(shown["scp"], wanted, "round {round}");
            let again = store.refresh(tokens["refresh_token"].as_str().unwrap()).await.status(200).json();
            assert_eq!(again["scope"], "email", "round {round}");
        }
    }
}

async fn an_update_kills_jwts_that_have_no_row_and_nothing_else(app: &TestApp) {
    let api = Authlete::ledgerless(app);
    let store = app.authz_store().as_tenant("ledgerless");
    let issue = async |encoding: &str, stored: bool, cid: &str| {
        let body = json!({"sub": "alice", "cid": cid, "scp": ["read", "write"], "ate": encoding, "lng": stored,
            "irt": true});
        store.new_tokens(&body).await
    };
    let transient = issue("SELF_CONTAINED", false, "web").await;
    let stored = issue("SELF_CONTAINED", true, "web").await;
    let identifier = issue("IDENTIFIER", false, "web").await;
    let other = issue("SELF_CONTAINED", false, "other").await;
    let dead = issue("SELF_CONTAINED", false, "web").await;
    store.revoke_quietly(&[("subject", "bob")]).await.status(204);
    let text = |issued: &Value, kind: &str| issued[kind].as_str().unwrap().to_owned();
    let message = api.update(7, "alice", &json!(["read"])).await.status(200).json()["resultMessage"].clone();
    assert!(message.as_str().unwrap().starts_with("[A138001] Updated 1 "), "registered ones only: {message}");
    for jwt in [&transient, &stored, &dead] {
        store.assert_live("access_token", &text(jwt, "access_token"), false).await;
    }
    store.assert_live("access_token", &text(&other, "access_token"), true).await;
    let kept = store.inspect("access_token", &text(&identifier, "access_token")).await.status(200).json();
    assert_eq!(kept["scp"], json!(["read"]));
    assert_eq!(store.record("alice", "web").await["scp"], json!(["read"]));
    app.advance(60);
    app.tidy().await;
    for issued in [&transient, &stored, &identifier] {
        let refreshed = store.refresh(&text(issued, "refresh_token")).await.status(200).json();
        assert_eq!(refreshed["scope"], "read");
        store.assert_live("access_token", &text(&refreshed, "access_token"), true).await;
    }
    store.assert_live("access_token", &text(&transient, "access_token"), false).await;
    api.delete(7, "alice").await.status(200);
    for issued in [&transient, &stored, &identifier] {
        store.assert_live("refresh_token", &text(issued, "refresh_token"), false).await;
    }
}

async fn a_deletion_kills_every_token_of_the_pair_and_no_other(app: &TestApp) {
    let api = Authlete::new(app);
    let store = app.authz_store();
    let mut doomed = Vec::new();
    let mut kept = Vec::new();
    for encoding in ["SELF_CONTAINED", "IDENTIFIER"] {
        for (sub, act, cid, stored, dies) in [
            ("alice", None, "65564eb0058d", false, true),
            ("alice", None, "65564eb0058d", true, true),
            ("alice", Some("robot"), "65564eb0058d", true, true),
            ("alice", None, "mobile-app", true, false),
            ("bob", None, "65564eb0058d", true, false),
            ("bob", Some("alice"), "65564eb0058d", false, false),
        ] {
            let mut body =
                json!({"sub": sub, "cid": cid, "scp": ["openid"], "ate": encoding, "lng": stored, "irt": true});
            if let Some(act) = act {
                body["act"] = json!({"sub": act});
            }
            let issued = store.new_tokens(&body).await;
            if dies { doomed.push(issued) } else { kept.push(issued) }
        }
    }
    let message = api.delete(WEB_SHOP, "alice").await.status(200).json()["resultMessage"].clone();
    assert!(message.as_str().unwrap().starts_with("[A137001] Deleted 6 "), "{message}");
    for (tokens, live) in [(&doomed, false), (&kept, true)] {
        for issued in tokens {
            let access = issued["access_token"].as_str().unwrap();
            store.assert_live("access_token", access, live).await;
            store.assert_live("refresh_token", issued["refresh_token"].as_str().unwrap(), live).await;
            assert_eq!(introspect(app, access).await["active"], live);
        }
    }
    store.find(&[("subject", "alice"), ("client_id", "65564eb0058d")]).await.error(404, "authz_not_found");
    store.find(&[("subject", "bob"), ("client_id", "65564eb0058d")]).await.status(200);
}
