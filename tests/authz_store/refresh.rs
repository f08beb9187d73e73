//! Exchange of a refresh token, without rotation: what comes, how long it lasts, what ends it.

use serde_json::{Value, json};

use crate::harness::{NOW, TestApp, both, jwt};

both!(
    the_example_refreshes_and_keeps_the_old_token,
    the_refresh_token_has_a_lifetime,
    without_limits_it_lives_on,
    both_limits_hold_to_the_second,
    what_remains_of_the_lifetime_is_shown,
    the_refresh_token_has_an_idle_time,
    what_remains_ends_with_the_idle_time,
    a_scope_is_told_where_there_is_one,
    an_access_token_never_outlives_the_refresh_token,
    the_defaults_are_settings_of_the_tenant,
    an_updated_scope_shows_on_refresh,
    the_id_token_is_refreshed_if_allowed,
    what_is_no_refresh_token_is_refused_alike,
    a_malformed_request_is_refused,
    a_token_of_another_tenant_is_unknown_and_survives,
    a_revoked_refresh_token_is_dead,
    refreshing_does_not_touch_other_records,
);

async fn the_example_refreshes_and_keeps_the_old_token(app: &TestApp) {
    let store = app.authz_store();
    let body = json!({"sub": "alice", "cid": "65564eb0058d", "scp": ["openid", "email"], "lng": true, "irt": true, "atl": 3600});
    let issued = store.new_tokens(&body).await;
    let refresh_token = issued["refresh_token"].as_str().unwrap();
    app.advance(100);
    let answer = store.refresh(refresh_token).await;
    let tokens = answer.status(200).no_store().json();
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 3600);
    assert_eq!(tokens["refresh_token"], refresh_token, "rtr is off by default");
    assert_eq!(tokens["scope"], "openid email");
    assert_eq!(tokens.get("refresh_token_expires_in"), None, "it has no end");
    assert_eq!(tokens.get("id_token"), None, "idr is off by default");
    let old = issued["access_token"].as_str().unwrap();
    assert_ne!(tokens["access_token"], old);
    store.assert_live("access_token", old, true).await;
    let claims = jwt::verified(app, "acme", tokens["access_token"].as_str().unwrap()).await.claims;
    assert_eq!((&claims["iat"], &claims["exp"]), (&json!(NOW + 100), &json!(NOW + 3700)));
}

async fn the_refresh_token_has_a_lifetime(app: &TestApp) {
    let store = app.authz_store();
    for ends in [100, 1_000_000] {
        let body = json!({"sub": "alice", "cid": format!("c{ends}"), "lng": true, "irt": true, "rtl": ends});
        let issued = store.new_tokens(&body).await;
        let refresh_token = issued["refresh_token"].as_str().unwrap();
        assert_eq!(issued["refresh_token_expires_in"], ends);
        app.advance(ends - 1);
        let tokens = store.refresh(refresh_token).await.status(200).json();
        assert_eq!(tokens["refresh_token_expires_in"], 1);
        app.advance(1);
        store.refresh(refresh_token).await.error(404, "invalid_refresh_token");
        store.inspect("refresh_token", refresh_token).await.error(404, "invalid_refresh_token");
        assert!(store.list("refresh-tokens").await.is_empty());
    }
}

async fn without_limits_it_lives_on(app: &TestApp) {
    let store = app.authz_store();
    for lng in [true, false] {
        let body = json!({"sub": "alice", "cid": format!("c{lng}"), "lng": lng, "irt": true, "rtl": 0, "rtm": 0});
        let issued = store.new_tokens(&body).await;
        assert_eq!(issued.get("refresh_token_expires_in"), None);
        let refresh_token = issued["refresh_token"].as_str().unwrap();
        app.advance(20 * 365 * 86_400);
        app.tidy().await;
        store.refresh(refresh_token).await.status(200);
    }
}

async fn both_limits_hold_to_the_second(app: &TestApp) {
    let store = app.authz_store();
    for (rtl, rtm, uses, dies) in [(100, 60, [59, 99], 100), (100, 40, [39, 78], 118), (0, 60, [59, 118], 178)] {
        let body =
            json!({"sub": "alice", "cid": format!("c{rtl}-{rtm}"), "lng": true, "irt": true, "rtl": rtl, "rtm": rtm});
        let issued = store.new_tokens(&body).await;
        let (refresh_token, begun) = (issued["refresh_token"].as_str().unwrap(), app.now());
        // The idle time counts from the last use, the lifetime from the issue.
        let dies = if rtl == 0 { dies } else { dies.min(rtl) };
        for at in uses {
            app.advance(begun + at - app.now());
            store.refresh(refresh_token).await.status(200);
        }
        app.advance(begun + dies - 1 - app.now());
        store.assert_live("refresh_token", refresh_token, true).await;
        app.advance(1);
        store.assert_live("refresh_token", refresh_token, false).await;
        store.refresh(refresh_token).await.error(404, "invalid_refresh_token");
    }
}

async fn what_remains_of_the_lifetime_is_shown(app: &TestApp) {
    let store = app.authz_store();
    store.new_tokens(&json!({"sub": "alice", "cid": "c1", "lng": true, "irt": true, "rtl": 100})).await;
    app.advance(40);
    let record = store.record("alice", "c1").await;
    assert_eq!((&record["rti"], &record["rtl"]), (&json!(NOW), &json!(60)));
}

async fn the_refresh_token_has_an_idle_time(app: &TestApp) {
    let store = app.authz_store();
    let body = json!({"sub": "alice", "cid": "c1", "lng": true, "irt": true, "rtm": 50});
    let refresh_token = store.new_tokens(&body).await["refresh_token"].as_str().unwrap().to_owned();
    for _ in 0..3 {
        app.advance(49);
        store.refresh(&refresh_token).await.status(200);
    }
    app.advance(50);
    store.refresh(&refresh_token).await.error(404, "invalid_refresh_token");
    store.inspect("refresh_token", &refresh_token).await.error(404, "invalid_refresh_token");
}

async fn what_remains_ends_with_the_idle_time(app: &TestApp) {
    let store = app.authz_store();
    let lifetimes = |tokens: &Value| [tokens["expires_in"].clone(), tokens["refresh_token_expires_in"].clone()];
    let body = |rtl: i64, rtm: i64, rtr: bool| json!({"sub": "alice", "cid": "c1", "lng": true, "irt": true, "rtl": rtl, "rtm": rtm, "rtr": rtr, "atl": 600});
    let both = store.new_tokens(&body(1000, 500, false)).await;
    assert_eq!(lifetimes(&both), [500, 500]);
    let token = both["refresh_token"].as_str().unwrap();
    app.advance(499);
    assert_eq!(lifetimes(&store.refresh(token).await.status(200).json()), [500, 500]);
    app.advance(499);
    assert_eq!(lifetimes(&store.refresh(token).await.status(200).json()), [2, 2]);
    // A new sign-in restarts the shared token, its idle time too.
    let idle = store.new_tokens(&body(0, 40, false)).await;
    assert_eq!(lifetimes(&idle), [40, 40]);
    app.advance(30);
    assert_eq!(lifetimes(&store.new_tokens(&body(0, 40, false)).await), [40, 40]);
    app.advance(39);
    store.refresh(idle["refresh_token"].as_str().unwrap()).await.status(200);
    // Within the grace the same successor is answered, which began to idle when it was made.
    let rotating = store.new_tokens(&json!({"sub": "bob", "cid": "c1", "irt": true, "rtr": true, "rtm": 40})).await;
    let retired = rotating["refresh_token"].as_str().unwrap();
    assert_eq!(lifetimes(&store.refresh(retired).await.status(200).json()), [40, 40]);
    app.advance(5);
    assert_eq!(lifetimes(&store.refresh(retired).await.status(200).json()), [35, 35]);
}

async fn a_scope_is_told_where_there_is_one(app: &TestApp) {
    let store = app.authz_store();
    for (scp, told) in [(json!(["read"]), json!("read")), (json!([]), Value::Null), (Value::Null, Value::Null)] {
        let body = json!({"sub": "alice", "cid": "c1", "lng": true, "irt": true, "scp": scp});
        let issued = store.new_tokens(&body).await;
        let refreshed = store.refresh(issued["refresh_token"].as_str().unwrap()).await.status(200).json();
        for tokens in [&issued, &refreshed] {
            assert_eq!(tokens.get("scope"), Some(&told).filter(|told| !told.is_null()), "{tokens}");
            let shown = store.inspect("access_token", tokens["access_token"].as_str().unwrap()).await;
            assert_eq!(shown.status(200).json().get("scp").is_some(), !told.is_null(), "{shown}");
        }
    }
}

async fn an_access_token_never_outlives_the_refresh_token(app: &TestApp) {
    let store = app.authz_store();
    let body = json!({"sub": "alice", "cid": "c1", "lng": true, "irt": true, "rtl": 1000, "atl": 600});
    let refresh_token = store.new_tokens(&body).await["refresh_token"].as_str().unwrap().to_owned();
    app.advance(700);
    let tokens = store.refresh(&refresh_token).await.status(200).json();
    assert_eq!((&tokens["expires_in"], &tokens["refresh_token_expires_in"]), (&json!(300), &json!(300)));
    let claims = jwt::unverified(tokens["access_token"].as_str().unwrap()).claims;
    assert_eq!(claims["exp"], NOW + 1000);
}

async fn the_defaults_are_settings_of_the_tenant(app: &TestApp) {
    let store = app.authz_store().as_tenant("limits");
    let issued = store.stored("alice", "c1").await;
    let record = store.record("alice", "c1").await;
    assert_eq!((&record["rtl"], &record["rtm"]), (&json!(1000), &json!(300)));
    let refresh_token = issued["refresh_token"].as_str().unwrap();
    app.advance(299);
    store.refresh(refresh_token).await.status(200);
    app.advance(300);
    store.refresh(refresh_token).await.error(404, "invalid_refresh_token");
}

async fn an_updated_scope_shows_on_refresh(app: &TestApp) {
    let store = app.authz_store();
    let issued = store.stored("alice", "c1").await;
    store
        .put(&json!({"sub": "alice", "cid": "c1", "scp": ["read", "write"], "atl": 60, "ate": "IDENTIFIER"}))
        .await
        .status(204);
    let tokens = store.refresh(issued["refresh_token"].as_str().unwrap()).await.status(200).json();
    assert_eq!((&tokens["scope"], &tokens["expires_in"]), (&json!("read write"), &json!(60)));
    assert!(!jwt::is_jws(tokens["access_token"].as_str().unwrap()));
    let old = store.inspect("access_token", issued["access_token"].as_str().unwrap()).await;
    assert_eq!(old.status(200).json()["scp"], json!(["read"]));
}

async fn the_id_token_is_refreshed_if_allowed(app: &TestApp) {
    let store = app.authz_store();
    let first = jwt::shaped(&json!({
        "iss": "https://acme.example.com", "sub": "alice", "aud": "c1", "iat": NOW, "exp": NOW + 600,
        "auth_time": NOW - 50, "acr": "urn:loa:2", "amr": ["pwd", "otp"], "nonce": "n-0S6"
    }));
    for (idr, scope, minted) in [(true, "openid", true), (true, "email", false), (false, "openid", false)] {
        let body =
            json!({"sub": "alice", "cid": "c1", "scp": [scope], "lng": true, "irt": true, "idr": idr, "idt": first});
        let code = store.new_code(&body).await;
        let issued = store.exchange(&[("code", &code), ("client_id", "c1")]).await.status(200).json();
        assert_eq!(issued["id_token"], first.as_str());
        app.advance(20);
        let tokens = store.refresh(issued["refresh_token"].as_str().unwrap()).await.status(200).json();
        if !minted {
            assert_eq!(tokens.get("id_token"), None, "idr={idr}, scope={scope}");
            continue;
        }
        let claims = jwt::verified(app, "acme", tokens["id_token"].as_str().unwrap()).await.claims;
        for (claim, expected) in [
            ("iss", json!("https://acme.example.com")),
            ("sub", json!("alice")),
            ("iat", json!(app.now())),
            ("auth_time", json!(NOW - 50)),
            ("acr", json!("urn:loa:2")),
            ("amr", json!(["pwd", "otp"])),
        ] {
            assert_eq!(claims[claim], expected, "{claim}");
        }
        assert!(claims["aud"] == "c1" || claims["aud"] == json!(["c1"]), "{claims}");
        assert!(claims["exp"].as_i64().unwrap() > app.now());
        let presented = store.inspect("access_token", tokens["id_token"].as_str().unwrap()).await;
        presented.error(404, "invalid_access_token");
    }
}

async fn what_is_no_refresh_token_is_refused_alike(app: &TestApp) {
    let store = app.authz_store();
    let token = store.stored("alice", "c1").await["refresh_token"].as_str().unwrap().to_owned();
    let code = store.new_code(&json!({"sub": "alice", "cid": "c2"})).await;
    let access_token = store.new_tokens(&json!({"sub": "alice", "cid": "c2", "ate": "IDENTIFIER"})).await;
    let access_token = access_token["access_token"].as_str().unwrap();
    let other = if token.ends_with('A') { "B" } else { "A" };
    let mut answers = Vec::new();
    for wrong in [
        "YWxpY2U.NjU1NjRlYjAwNThk._W--XjP0UDZDiDYPkd4E_Q",
        "x",
        "é",
        &code,
        access_token,
        &token[..token.len() - 1],
        &format!("{token}A"),
        &format!(" {token}"),
        &format!("{}{other}", &token[..token.len() - 1]),
        &"x".repeat(20_000),
    ] {
        let answer = store.refresh(wrong).await;
        answer.error(404, "invalid_refresh_token");
        answers.push(answer.fingerprint());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "one body for all: {answers:?}");
    store.refresh(&token).await.status(200);
}

async fn a_malformed_request_is_refused(app: &TestApp) {
    let store = app.authz_store();
    let token = store.stored("alice", "c1").await["refresh_token"].as_str().unwrap().to_owned();
    let before = app.db_rows().await;
    let cases: &[&[(&str, &str)]] = &[
        &[("refresh_token", "")],
        &[("refresh_token", &token), ("refresh_token", &token)],
        &[("refresh_token", &token), ("scope", "read")],
        &[("refresh_token", &token), ("grant_type", "refresh_token")],
        &[("refresh_token", &token), ("code", &token), ("client_id", "c1")],
    ];
    for fields in cases {
        let answer = store.exchange(fields).await;
        assert_eq!(answer.code(), 400, "{fields:?} {answer}");
        answer.error(400, "invalid_request");
        assert!(!answer.text().contains(&token), "{answer}");
    }
    assert_eq!(app.db_rows().await, before);
}

async fn a_token_of_another_tenant_is_unknown_and_survives(app: &TestApp) {
    let token = app.authz_store().stored("alice", "c1").await["refresh_token"].as_str().unwrap().to_owned();
    let globex = app.authz_store().as_tenant("globex");
    let before = app.db_rows().await;
    let answer = globex.refresh(&token).await;
    answer.error(404, "invalid_refresh_token");
    let invented = globex.refresh("YWxpY2U.NjU1NjRlYjAwNThk._W--XjP0UDZDiDYPkd4E_Q").await;
    assert_eq!(answer.fingerprint(), invented.fingerprint());
    globex.inspect("refresh_token", &token).await.error(404, "invalid_refresh_token");
    globex.revoke(&[("refresh_token", &token)]).await.error(404, "invalid_refresh_token");
    assert_eq!(app.db_rows().await, before);
    app.authz_store().refresh(&token).await.status(200);
}

async fn a_revoked_refresh_token_is_dead(app: &TestApp) {
    let store = app.authz_store();
    let selectors: &[&[(&str, &str)]] =
        &[&[("subject", "alice"), ("client_id", "c1")], &[("subject", "alice")], &[("client_id", "c1")]];
    for (selector, lng) in selectors.iter().flat_map(|s| [(s, true), (s, false)]) {
        let body = json!({"sub": "alice", "cid": "c1", "lng": lng, "irt": true});
        let issued = store.new_tokens(&body).await;
        let token = issued["refresh_token"].as_str().unwrap();
        store.refresh(token).await.status(200);
        store.revoke_quietly(selector).await.status(204);
        store.refresh(token).await.error(404, "invalid_refresh_token");
        store.assert_live("refresh_token", token, false).await;
        store.assert_live("access_token", issued["access_token"].as_str().unwrap(), false).await;
    }
}

async fn refreshing_does_not_touch_other_records(app: &TestApp) {
    let store = app.authz_store();
    let (alice, bob) = (store.stored("alice", "c1").await, store.stored("bob", "c1").await);
    let before = store.record("bob", "c1").await;
    store.refresh(alice["refresh_token"].as_str().unwrap()).await.status(200);
    assert_eq!(store.record("bob", "c1").await, before);
    store.refresh(bob["refresh_token"].as_str().unwrap()).await.status(200);
}
