//! Revocation: by pair, by each selector, by token; exact, at once, and never of what came later.

use serde_json::{Value, json};

use crate::harness::{AuthzStore, TestApp, both, both_restarting};

both!(
    the_example_revokes_a_pair,
    a_pair_is_revoked_for_every_actor,
    a_pair_with_an_actor_is_revoked_for_that_actor,
    a_subject_is_revoked,
    a_client_is_revoked,
    an_actor_is_revoked,
    an_actor_and_another_are_revoked,
    quiet_is_always_silent,
    an_access_token_revokes_its_pair,
    a_refresh_token_revokes_its_pair,
    a_token_that_is_not_good_revokes_nothing,
    what_is_exclusive_is_refused,
    what_is_transient_is_revoked_too,
    what_comes_later_lives,
    what_is_not_selected_lives,
    another_tenant_is_untouched,
    both_kinds_of_tokens_die,
    revoking_twice_finds_nothing,
    a_token_without_a_record_is_revoked,
);
both_restarting!(a_revocation_outlives_a_restart);

type Selector<'a> = &'a [(&'a str, &'a str)];

fn of<'a>(tokens: &'a Value, kind: &str) -> &'a str {
    tokens[kind].as_str().unwrap()
}

async fn assert_live(store: &AuthzStore<'_>, tokens: &Value, live: bool) {
    for kind in ["access_token", "refresh_token"] {
        store.assert_live(kind, of(tokens, kind), live).await;
    }
}

async fn the_example_revokes_a_pair(app: &TestApp) {
    let store = app.authz_store();
    let pair: Selector = &[("subject", "alice"), ("client_id", "1d6a3150fd3c")];
    store.revoke(pair).await.status(204).empty();
    let body = json!({
        "sub": "alice", "cid": "1d6a3150fd3c", "scp": ["openid", "email", "app:write"], "scs": ["address"], "lng": true,
        "irt": true, "atl": 3600, "ate": "IDENTIFIER", "iat": 1_360_050_795,
        "aud": ["https://resource-1.example.com", "https://resource-2.example.com"], "clm": ["name", "email", "email_verified"]
    });
    let tokens = store.new_tokens(&body).await;
    let record = store.record("alice", "1d6a3150fd3c").await;
    let revoked = store.revoke(pair).await;
    assert_eq!(revoked.status(200).no_store().json(), record, "the record, its refresh token included");
    assert_live(&store, &tokens, false).await;
    store.find(pair).await.error(404, "authz_not_found");
    store.revoke(pair).await.status(204).empty();
}

async fn a_pair_is_revoked_for_every_actor(app: &TestApp) {
    let store = app.authz_store();
    let own = store.stored("alice", "c1").await;
    let acted = store.stored_for("alice", "admin", "c1").await;
    let revoked = store.revoke(&[("subject", "alice"), ("client_id", "c1")]).await.status(200).json();
    assert_eq!((&revoked["sub"], revoked.get("act")), (&json!("alice"), None), "the record without actor");
    assert_live(&store, &own, false).await;
    assert_live(&store, &acted, false).await;
    let acted = store.stored_for("alice", "admin", "c1").await;
    // There is none without actor: no content, and yet the tokens are dead.
    store.revoke(&[("subject", "alice"), ("client_id", "c1")]).await.status(204).empty();
    assert_live(&store, &acted, false).await;
}

async fn a_pair_with_an_actor_is_revoked_for_that_actor(app: &TestApp) {
    let store = app.authz_store();
    let own = store.stored("alice", "c1").await;
    let helpdesk = store.stored_for("alice", "helpdesk", "c1").await;
    let admin = store.stored_for("alice", "admin", "c1").await;
    let triple: Selector = &[("subject", "alice"), ("actor", "admin"), ("client_id", "c1")];
    let revoked = store.revoke(triple).await.status(200).json();
    assert_eq!(revoked["act"], json!({"sub": "admin"}));
    assert_live(&store, &admin, false).await;
    assert_live(&store, &own, true).await;
    assert_live(&store, &helpdesk, true).await;
    store.revoke(triple).await.status(204).empty();
}

async fn a_subject_is_revoked(app: &TestApp) {
    let store = app.authz_store();
    let mut dead = Vec::new();
    for client in ["c1", "c2"] {
        dead.push(store.stored("alice", client).await);
    }
    dead.push(store.stored_for("alice", "admin", "c3").await);
    let bob = store.stored("bob", "c1").await;
    let records = store.find(&[("subject", "alice")]).await.status(200).json();
    let revoked = store.revoke(&[("subject", "alice")]).await.status(200).no_store().json();
    for client in ["c1", "c2"] {
        assert_eq!(revoked[client], records[client], "{client}");
    }
    for tokens in &dead {
        assert_live(&store, tokens, false).await;
    }
    assert_live(&store, &bob, true).await;
    assert_eq!(store.list("subjects").await, ["bob"]);
    assert_eq!(store.revoke(&[("subject", "alice")]).await.status(200).json(), json!({}));
}

async fn a_client_is_revoked(app: &TestApp) {
    let store = app.authz_store();
    let mut dead = Vec::new();
    for subject in ["alice", "bob"] {
        dead.push(store.stored(subject, "c1").await);
    }
    dead.push(store.stored_for("carol", "admin", "c1").await);
    let other = store.stored("alice", "c2").await;
    let records = store.find(&[("client_id", "c1")]).await.status(200).json();
    let revoked = store.revoke(&[("client_id", "c1")]).await.status(200).no_store().json();
    for subject in ["alice", "bob"] {
        assert_eq!(revoked[subject], records[subject], "{subject}");
    }
    for tokens in &dead {
        assert_live(&store, tokens, false).await;
    }
    assert_live(&store, &other, true).await;
    assert_eq!(store.revoke(&[("client_id", "c1")]).await.status(200).json(), json!({}));
}

async fn an_actor_is_revoked(app: &TestApp) {
    let store = app.authz_store();
    let own = store.stored("alice", "c1").await;
    let helpdesk = store.stored_for("alice", "helpdesk", "c1").await;
    let mut dead = Vec::new();
    for (subject, client) in [("alice", "c1"), ("alice", "c2"), ("bob", "c1")] {
        dead.push(store.stored_for(subject, "admin", client).await);
    }
    let revoked = store.revoke(&[("actor", "admin")]).await.status(200).no_store().json();
    let keys: Vec<_> = revoked.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["alice", "bob"], "keyed by subject");
    let mut clients: Vec<_> = revoked["alice"].as_array().unwrap().iter().map(|record| record["cid"].clone()).collect();
    clients.sort_by_key(Value::to_string);
    assert_eq!(clients, ["c1", "c2"], "an array where one subject has several");
    assert_eq!((&revoked["bob"]["cid"], &revoked["bob"]["act"]), (&json!("c1"), &json!({"sub": "admin"})));
    for tokens in &dead {
        assert_live(&store, tokens, false).await;
    }
    assert_live(&store, &own, true).await;
    assert_live(&store, &helpdesk, true).await;
    assert_eq!(store.revoke(&[("actor", "admin")]).await.status(200).json(), json!({}));
}

async fn an_actor_and_another_are_revoked(app: &TestApp) {
    let store = app.authz_store();
    for (with, dies) in [(("subject", "alice"), [true, true, false]), (("client_id", "c1"), [true, false, true])] {
        let own = store.stored("alice", "c1").await;
        let mut acted = Vec::new();
        for (subject, client) in [("alice", "c1"), ("alice", "c2"), ("bob", "c1")] {
            acted.push(store.stored_for(subject, "admin", client).await);
        }
        let helpdesk = store.stored_for("alice", "helpdesk", "c1").await;
        let revoked = store.revoke(&[("actor", "admin"), with]).await.status(200).json();
        if with.0 == "subject" {
            assert_eq!(revoked["alice"].as_array().map(Vec::len), Some(2), "{revoked}");
        } else {
            assert_eq!((&revoked["alice"]["cid"], &revoked["bob"]["cid"]), (&json!("c1"), &json!("c1")), "{revoked}");
        }
        for (tokens, dead) in acted.iter().zip(dies) {
            assert_live(&store, tokens, !dead).await;
        }
        assert_live(&store, &own, true).await;
        assert_live(&store, &helpdesk, true).await;
    }
    let nothing = store.revoke(&[("actor", "nobody"), ("subject", "alice")]).await;
    assert_eq!(nothing.status(200).json(), json!({}));
}

async fn quiet_is_always_silent(app: &TestApp) {
    let store = app.authz_store();
    let selectors: &[Selector] = &[
        &[("subject", "alice"), ("client_id", "c1")],
        &[("subject", "alice"), ("client_id", "c1"), ("actor", "admin")],
        &[("subject", "alice")],
        &[("client_id", "c1")],
        &[("actor", "admin")],
        &[("actor", "admin"), ("subject", "alice")],
        &[("actor", "admin"), ("client_id", "c1")],
    ];
    for selector in selectors {
        let tokens = store.stored_for("alice", "admin", "c1").await;
        for _ in 0..2 {
            store.revoke_quietly(selector).await.status(204).empty();
        }
        assert_live(&store, &tokens, false).await;
    }
    for kind in ["access_token", "refresh_token"] {
        let tokens = store.stored("alice", "c1").await;
        store.revoke_quietly(&[(kind, of(&tokens, kind))]).await.status(204).empty();
        assert_live(&store, &tokens, false).await;
        store.revoke_quietly(&[(kind, of(&tokens, kind))]).await.status(204).empty();
        store.revoke_quietly(&[(kind, "no-token-at-all")]).await.status(204).empty();
    }
    store.request("POST", "revocation?quiet=false").form(&[("subject", "alice")]).send().await.status(200);
}

async fn an_access_token_revokes_its_pair(app: &TestApp) {
    let store = app.authz_store();
    for ate in ["SELF_CONTAINED", "IDENTIFIER"] {
        let body = json!({"sub": "alice", "cid": "c1", "scp": ["read"], "lng": true, "irt": true, "ate": ate});
        let [first, second] = [store.new_tokens(&body).await, store.new_tokens(&body).await];
        let acted = store.stored_for("alice", "admin", "c1").await;
        let elsewhere = store.stored("alice", "c2").await;
        let record = store.record("alice", "c1").await;
        let revoked = store.revoke(&[("access_token", of(&first, "access_token"))]).await;
        assert_eq!(revoked.status(200).json(), record, "{ate}");
        for tokens in [&first, &second, &acted] {
            assert_live(&store, tokens, false).await;
        }
        assert_live(&store, &elsewhere, true).await;
        store.revoke(&[("access_token", of(&first, "access_token"))]).await.error(404, "invalid_access_token");
    }
}

async fn a_refresh_token_revokes_its_pair(app: &TestApp) {
    let store = app.authz_store();
    let tokens = store.stored("alice", "c1").await;
    let elsewhere = store.stored("bob", "c1").await;
    let record = store.record("alice", "c1").await;
    let revoked = store.revoke(&[("refresh_token", of(&tokens, "refresh_token"))]).await;
    assert_eq!(revoked.status(200).json(), record);
    assert_live(&store, &tokens, false).await;
    assert_live(&store, &elsewhere, true).await;
    store.revoke(&[("refresh_token", of(&tokens, "refresh_token"))]).await.error(404, "invalid_refresh_token");
}

async fn a_token_that_is_not_good_revokes_nothing(app: &TestApp) {
    let store = app.authz_store();
    let body =
        json!({"sub": "alice", "cid": "c1", "lng": true, "irt": true, "atl": 10, "ate": "IDENTIFIER", "rtl": 20});
    let tokens = store.new_tokens(&body).await;
    let live = store.stored("alice", "c2").await;
    app.advance(20);
    let before = app.db_rows().await;
    for kind in ["access_token", "refresh_token"] {
        let error = format!("invalid_{kind}");
        store.revoke(&[(kind, of(&tokens, kind))]).await.error(404, &error);
        store.revoke(&[(kind, "garbage")]).await.error(404, &error);
        let other = if kind == "access_token" { "refresh_token" } else { "access_token" };
        store.revoke(&[(kind, of(&live, other))]).await.error(404, &error);
    }
    assert_eq!(app.db_rows().await, before);
    assert_eq!(store.record("alice", "c1").await["sub"], "alice");
}

async fn what_is_exclusive_is_refused(app: &TestApp) {
    let store = app.authz_store();
    let tokens = store.stored("alice", "c1").await;
    let (access_token, refresh_token) = (of(&tokens, "access_token"), of(&tokens, "refresh_token"));
    let before = app.db_rows().await;
    let cases: &[Selector] = &[
        &[],
        &[("access_token", access_token), ("subject", "alice")],
        &[("access_token", access_token), ("client_id", "c1")],
        &[("access_token", access_token), ("actor", "admin")],
        &[("access_token", access_token), ("refresh_token", refresh_token)],
        &[("refresh_token", refresh_token), ("subject", "alice")],
        &[("subject", "")],
        &[("subject", ""), ("client_id", "c1")],
        &[("subject", "alice"), ("client_id", "")],
        &[("actor", "")],
        &[("access_token", "")],
        &[("refresh_token", "")],
        &[("access_token", access_token), ("refresh_token", "")],
        &[("subject", "alice"), ("subject", "alice")],
        &[("access_token", access_token), ("access_token", access_token)],
        &[("token", access_token)],
        &[("subject", "alice"), ("token_type_hint", "access_token")],
        &[("sub", "alice")],
    ];
    for fields in cases {
        for target in ["revocation", "revocation?quiet=true"] {
            let answer = store.request("POST", target).form(fields).send().await;
            assert_eq!(answer.code(), 400, "{target} {fields:?} {answer}");
            answer.error(400, "invalid_request");
            assert!(![access_token, refresh_token].iter().any(|token| answer.text().contains(token)), "{answer}");
        }
    }
    for query in
        ["quiet=yes", "quiet=True", "quiet=", "quiet=true&quiet=true", "revoke=true", "subject=alice", "client_id=c1"]
    {
        let answer = store.request("POST", &format!("revocation?{query}")).form(&[("subject", "alice")]).send().await;
        assert_eq!(answer.code(), 400, "{query} {answer}");
    }
    assert_eq!(app.db_rows().await, before);
}

async fn what_is_transient_is_revoked_too(app: &TestApp) {
    let store = app.authz_store();
    let selectors: &[Selector] = &[
        &[("subject", "alice"), ("client_id", "c1")],
        &[("subject", "alice"), ("client_id", "c1"), ("actor", "admin")],
        &[("subject", "alice")],
        &[("client_id", "c1")],
        &[("actor", "admin")],
        &[("actor", "admin"), ("subject", "alice")],
        &[("actor", "admin"), ("client_id", "c1")],
    ];
    for (selector, ate) in selectors.iter().flat_map(|s| [(s, "SELF_CONTAINED"), (s, "IDENTIFIER")]) {
        let body = json!({"sub": "alice", "act": {"sub": "admin"}, "cid": "c1", "irt": true, "ate": ate});
        let tokens = store.new_tokens(&body).await;
        let code = store.new_code(&body).await;
        let answer = store.revoke(selector).await;
        assert!(answer.code() == 204 || answer.status(200).json() == json!({}), "nothing is stored: {answer}");
        assert_live(&store, &tokens, false).await;
        store.exchange(&[("code", &code), ("client_id", "c1")]).await.error(404, "invalid_code");
    }
}

async fn what_comes_later_lives(app: &TestApp) {
    let store = app.authz_store();
    let selectors: &[Selector] =
        &[&[("subject", "alice"), ("client_id", "c1")], &[("subject", "alice")], &[("client_id", "c1")]];
    for (selector, ate) in selectors.iter().flat_map(|s| [(s, "SELF_CONTAINED"), (s, "IDENTIFIER")]) {
        // Within one second of the clock: the order is the store's, not that of `iat`.
        let body = json!({"sub": "alice", "cid": "c1", "lng": true, "irt": true, "ate": ate});
        let before = store.new_tokens(&body).await;
        store.revoke_quietly(selector).await.status(204);
        let after = store.new_tokens(&body).await;
        assert_live(&store, &before, false).await;
        assert_live(&store, &after, true).await;
        store.refresh(of(&after, "refresh_token")).await.status(200);
    }
}

async fn what_is_not_selected_lives(app: &TestApp) {
    let store = app.authz_store();
    let alice = store.stored("alice", "c1").await;
    let acted = store.stored_for("alice", "admin", "c1").await;
    // Neither a subject called as the client, nor a client called as the actor, nor texts that run together.
    let selectors: &[Selector] = &[
        &[("subject", "c1")],
        &[("client_id", "alice")],
        &[("actor", "alice")],
        &[("subject", "admin")],
        &[("client_id", "admin")],
        &[("subject", "alic"), ("client_id", "ec1")],
        &[("subject", "alice"), ("client_id", "c2")],
        &[("subject", "alice"), ("actor", "helpdesk")],
        &[("subject", "ALICE")],
        &[("subject", "alice "), ("client_id", "c1")],
    ];
    for selector in selectors {
        let answer = store.revoke(selector).await;
        assert!([200, 204].contains(&answer.code()), "{selector:?} {answer}");
        assert_live(&store, &alice, true).await;
        assert_live(&store, &acted, true).await;
    }
}

async fn another_tenant_is_untouched(app: &TestApp) {
    let [acme, globex] = [app.authz_store(), app.authz_store().as_tenant("globex")];
    let (ours, theirs) = (acme.stored("alice", "c1").await, globex.stored("alice", "c1").await);
    for kind in ["access_token", "refresh_token"] {
        globex.revoke(&[(kind, of(&ours, kind))]).await.error(404, &format!("invalid_{kind}"));
    }
    globex.revoke(&[("subject", "alice")]).await.status(200);
    assert_live(&acme, &ours, true).await;
    assert_live(&globex, &theirs, false).await;
}

async fn both_kinds_of_tokens_die(app: &TestApp) {
    let store = app.authz_store();
    let mut tokens = Vec::new();
    for (ate, lng) in [("SELF_CONTAINED", true), ("SELF_CONTAINED", false), ("IDENTIFIER", true), ("IDENTIFIER", false)]
    {
        tokens.push(store.new_tokens(&json!({"sub": "alice", "cid": "c1", "lng": lng, "irt": true, "ate": ate})).await);
    }
    let refreshed = store.refresh(of(&tokens[0], "refresh_token")).await.status(200).json();
    store.revoke(&[("subject", "alice"), ("client_id", "c1")]).await.status(200);
    for dead in tokens.iter().chain([&refreshed]) {
        assert_live(&store, dead, false).await;
    }
}

async fn revoking_twice_finds_nothing(app: &TestApp) {
    let store = app.authz_store();
    store.stored("alice", "c1").await;
    store.revoke(&[("subject", "alice"), ("client_id", "c1")]).await.status(200);
    store.revoke(&[("subject", "alice"), ("client_id", "c1")]).await.status(204);
    assert_eq!(store.revoke(&[("client_id", "c1")]).await.status(200).json(), json!({}));
    assert_eq!(store.find(&[]).await.status(200).json(), json!([]));
}

async fn a_token_without_a_record_is_revoked(app: &TestApp) {
    let store = app.authz_store();
    for kind in ["access_token", "refresh_token"] {
        let tokens = store.new_tokens(&json!({"sub": "alice", "cid": "c1", "irt": true})).await;
        store.revoke(&[(kind, of(&tokens, kind))]).await.status(204).empty();
        assert_live(&store, &tokens, false).await;
    }
}

async fn a_revocation_outlives_a_restart(app: TestApp) {
    let dead = app.authz_store().stored("alice", "c1").await;
    app.authz_store().revoke(&[("subject", "alice")]).await.status(200);
    let live = app.authz_store().stored("alice", "c1").await;
    let app = app.restarted().await;
    assert_live(&app.authz_store(), &dead, false).await;
    assert_live(&app.authz_store(), &live, true).await;
}
