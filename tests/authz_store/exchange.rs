//! Exchange of a code for tokens: once, by who it is for, and nothing else.

use serde_json::{Value, json};

use crate::harness::{NOW, TestApp, both, both_restarting, jwt};

both!(
    the_example_exchanges_a_code_for_tokens,
    a_code_works_once,
    the_id_token_comes_back,
    without_irt_there_is_no_refresh_token,
    a_wrong_request_burns_the_code,
    a_malformed_request_leaves_the_code,
    a_code_ends_after_a_minute,
    the_lifetime_of_codes_is_a_setting_of_the_tenant,
    an_empty_redirect_uri_or_verifier_is_absent,
    a_challenge_is_met_with_s256,
    a_challenge_without_a_method_is_plain,
    a_code_of_another_tenant_is_unknown_and_survives,
    a_code_needs_the_credential_and_survives_without,
    a_revoked_grant_takes_its_codes_along,
    a_revocation_spares_the_codes_made_after_it,
    a_replay_ends_the_tokens_of_the_code,
    a_replay_spares_what_was_there_before,
    a_replay_that_is_wrong_changes_nothing,
    a_replay_of_a_transient_code_ends_its_refresh_token,
    what_is_no_code_is_refused_alike,
    no_record_shows_what_belongs_to_the_code,
    an_earlier_end_of_refresh_tokens_is_none_of_a_new_one,
);
both_restarting!(a_used_code_stays_used_over_a_restart);

const IN: &str = "https://client.example.com/in";

type Fields<'a> = &'a [(&'a str, &'a str)];

fn with_redirect() -> Value {
    json!({"sub": "alice", "cid": "65564eb0058d", "scp": ["openid", "email"], "rur": IN, "lng": true, "irt": true})
}

fn plain(client: &str) -> Value {
    json!({"sub": "alice", "cid": client, "scp": ["read"], "lng": true, "irt": true})
}

async fn the_example_exchanges_a_code_for_tokens(app: &TestApp) {
    let store = app.authz_store();
    let code = store.new_code(&with_redirect()).await;
    let fields = [("code", &*code), ("client_id", "65564eb0058d"), ("redirect_uri", IN)];
    let answer = store.exchange(&fields).await;
    let tokens = answer.status(200).no_store().json();
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 600);
    assert_eq!(tokens["scope"], "openid email");
    assert_eq!(store.record("alice", "65564eb0058d").await["rft"], tokens["refresh_token"]);
    let claims = jwt::verified(app, "acme", tokens["access_token"].as_str().unwrap()).await.claims;
    assert_eq!((&claims["sub"], &claims["client_id"]), (&json!("alice"), &json!("65564eb0058d")));
    assert_eq!((&claims["iat"], &claims["exp"]), (&json!(NOW), &json!(NOW + 600)));
    let mut members: Vec<_> = tokens.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["access_token", "expires_in", "refresh_token", "scope", "token_type"]);
}

async fn a_code_works_once(app: &TestApp) {
    let store = app.authz_store();
    let code = store.new_code(&plain("c1")).await;
    store.exchange(&[("code", &code), ("client_id", "c1")]).await.status(200);
    store.exchange(&[("code", &code), ("client_id", "c1")]).await.error(404, "invalid_code");
    assert!(store.list("authorization-codes").await.is_empty());
    store.inspect("code", &code).await.error(404, "invalid_code");
}

async fn the_id_token_comes_back(app: &TestApp) {
    let store = app.authz_store();
    let idt = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjEz...";
    let body = json!({"sub": "alice", "cid": "c1", "scp": ["openid"], "idt": idt, "lng": true});
    let code = store.new_code(&body).await;
    let tokens = store.exchange(&[("code", &code), ("client_id", "c1")]).await.status(200).json();
    assert_eq!(tokens["id_token"], idt);
    assert_eq!(store.new_tokens(&body).await["id_token"], idt);
}

async fn without_irt_there_is_no_refresh_token(app: &TestApp) {
    let store = app.authz_store();
    let code = store.new_code(&json!({"sub": "alice", "cid": "c1", "lng": true})).await;
    let tokens = store.exchange(&[("code", &code), ("client_id", "c1")]).await.status(200).json();
    for absent in ["refresh_token", "refresh_token_expires_in", "id_token"] {
        assert_eq!(tokens.get(absent), None, "{absent}");
    }
}

async fn a_wrong_request_burns_the_code(app: &TestApp) {
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let challenge =
        json!({"sub": "alice", "cid": "c1", "cch": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "ccm": "S256"});
    let redirect = json!({"sub": "alice", "cid": "c1", "rur": IN});
    let bare = json!({"sub": "alice", "cid": "c1"});
    let good_redirect = ("redirect_uri", IN);
    let good_verifier = ("code_verifier", verifier);
    let client = ("client_id", "c1");
    let cases: &[(&str, &Value, Fields, Fields)] = &[
        ("another client", &bare, &[("client_id", "c2")], &[client]),
        ("a client in another case", &bare, &[("client_id", "C1")], &[client]),
        (
            "another redirect_uri",
            &redirect,
            &[client, ("redirect_uri", "https://client.example.com/out")],
            &[client, good_redirect],
        ),
        (
            "redirect_uri with a slash",
            &redirect,
            &[client, ("redirect_uri", "https://client.example.com/in/")],
            &[client, good_redirect],
        ),
        (
            "redirect_uri in another case",
            &redirect,
            &[client, ("redirect_uri", "https://CLIENT.example.com/in")],
            &[client, good_redirect],
        ),
        ("no redirect_uri", &redirect, &[client], &[client, good_redirect]),
        ("a redirect_uri that was never stored", &bare, &[client, good_redirect], &[client]),
        ("no verifier", &challenge, &[client], &[client, good_verifier]),
        ("an empty verifier", &challenge, &[client, ("code_verifier", "")], &[client, good_verifier]),
        (
            "the challenge as verifier",
            &challenge,
            &[client, ("code_verifier", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")],
            &[client, good_verifier],
        ),
        ("a wrong verifier", &challenge, &[client, ("code_verifier", &"a".repeat(43))], &[client, good_verifier]),
        ("a verifier that nobody asked for", &bare, &[client, good_verifier], &[client]),
    ];
    let store = app.authz_store();
    for (what, body, wrong, right) in cases {
        let code = store.new_code(body).await;
        for (rest, which) in [(wrong, "wrong"), (right, "right, but too late")] {
            let mut fields = vec![("code", code.as_str())];
            fields.extend_from_slice(rest);
            let answer = store.exchange(&fields).await;
            assert_eq!(answer.code(), 404, "{what}, {which}: {answer}");
            answer.error(404, "invalid_code");
        }
        assert!(store.list("authorization-codes").await.is_empty(), "{what}");
    }
}

async fn a_malformed_request_leaves_the_code(app: &TestApp) {
    let store = app.authz_store();
    let code = store.new_code(&plain("c1")).await;
    let before = app.db_rows().await;
    let cases: &[&[(&str, &str)]] = &[
        &[("code", &code)],
        &[("client_id", "c1")],
        &[],
        &[("code", ""), ("client_id", "c1")],
        &[("code", &code), ("client_id", "")],
        &[("code", &code), ("code", &code), ("client_id", "c1")],
        &[("code", &code), ("client_id", "c1"), ("client_id", "c1")],
        &[("code", &code), ("client_id", "c1"), ("refresh_token", &code)],
        &[("code", &code), ("client_id", "c1"), ("grant_type", "authorization_code")],
        &[("code", &code), ("client_id", "c1"), ("Redirect_uri", IN)],
        &[("code", &code), ("client_id", "c1\0")],
    ];
    for fields in cases {
        let answer = store.exchange(fields).await;
        assert_eq!(answer.code(), 400, "{fields:?} {answer}");
        answer.error(400, "invalid_request");
        assert!(!answer.text().contains(&code), "{answer}");
    }
    let query = format!("authorizations?code={code}&client_id=c1");
    store.request("POST", &query).form(&[]).send().await.error(400, "invalid_request");
    assert_eq!(app.db_rows().await, before);
    store.exchange(&[("code", &code), ("client_id", "c1")]).await.status(200);
}

async fn a_code_ends_after_a_minute(app: &TestApp) {
    let store = app.authz_store();
    let (last, late) = (store.new_code(&plain("c1")).await, store.new_code(&plain("c1")).await);
    app.advance(59);
    store.exchange(&[("code", &last), ("client_id", "c1")]).await.status(200);
    app.advance(1);
    store.exchange(&[("code", &late), ("client_id", "c1")]).await.error(404, "invalid_code");
    store.inspect("code", &late).await.error(404, "invalid_code");
    assert!(store.list("authorization-codes").await.is_empty());
}

async fn the_lifetime_of_codes_is_a_setting_of_the_tenant(app: &TestApp) {
    let store = app.authz_store().as_tenant("hasty");
    let (last, late) = (store.new_code(&plain("c1")).await, store.new_code(&plain("c1")).await);
    store.exchange(&[("code", &last), ("client_id", "c1")]).await.status(200);
    app.advance(1);
    store.exchange(&[("code", &late), ("client_id", "c1")]).await.error(404, "invalid_code");
}

async fn an_empty_redirect_uri_or_verifier_is_absent(app: &TestApp) {
    let store = app.authz_store();
    let code = store.new_code(&json!({"sub": "alice", "cid": "c1"})).await;
    let empty = [("code", &*code), ("client_id", "c1"), ("redirect_uri", ""), ("code_verifier", "")];
    store.exchange(&empty).await.status(200);
}

async fn a_challenge_is_met_with_s256(app: &TestApp) {
    // The example of RFC 7636, appendix B.
    let body =
        json!({"sub": "alice", "cid": "c1", "cch": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "ccm": "S256"});
    let code = app.authz_store().new_code(&body).await;
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let fields = [("code", &*code), ("client_id", "c1"), ("code_verifier", verifier)];
    app.authz_store().exchange(&fields).await.status(200);
}

async fn a_challenge_without_a_method_is_plain(app: &TestApp) {
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    for method in [Value::Null, json!("plain")] {
        let code =
            app.authz_store().new_code(&json!({"sub": "alice", "cid": "c1", "cch": verifier, "ccm": method})).await;
        let fields = [("code", &*code), ("client_id", "c1"), ("code_verifier", verifier)];
        app.authz_store().exchange(&fields).await.status(200);
    }
}

async fn a_code_of_another_tenant_is_unknown_and_survives(app: &TestApp) {
    let code = app.authz_store().new_code(&plain("65564eb0058d")).await;
    let globex = app.authz_store().as_tenant("globex");
    let fields = [("code", &*code), ("client_id", "65564eb0058d")];
    let before = app.db_rows().await;
    let answer = globex.exchange(&fields).await;
    answer.error(404, "invalid_code");
    let invented = globex.exchange(&[("code", "TTKzKw7vuHM"), ("client_id", "65564eb0058d")]).await;
    assert_eq!(answer.fingerprint(), invented.fingerprint());
    globex.inspect("code", &code).await.error(404, "invalid_code");
    assert_eq!(app.db_rows().await, before);
    app.authz_store().exchange(&fields).await.status(200);
}

async fn a_code_needs_the_credential_and_survives_without(app: &TestApp) {
    let code = app.authz_store().new_code(&plain("c1")).await;
    let fields = [("code", &*code), ("client_id", "c1")];
    app.authz_store().without_credentials().exchange(&fields).await.error(401, "missing_token");
    app.authz_store()
        .with_token("globex-api-token-0123456789abcdefghij")
        .exchange(&fields)
        .await
        .error(401, "invalid_token");
    app.authz_store().exchange(&fields).await.status(200);
}

async fn a_revoked_grant_takes_its_codes_along(app: &TestApp) {
    let store = app.authz_store();
    for (lng, selector) in [
        (true, ("subject", "alice")),
        (false, ("subject", "alice")),
        (true, ("client_id", "c1")),
        (false, ("client_id", "c1")),
    ] {
        let code = store.new_code(&json!({"sub": "alice", "cid": "c1", "lng": lng, "irt": true})).await;
        store.revoke(&[selector]).await.status(200);
        store.exchange(&[("code", &code), ("client_id", "c1")]).await.error(404, "invalid_code");
        store.inspect("code", &code).await.error(404, "invalid_code");
        assert!(store.list("authorization-codes").await.is_empty());
    }
}

async fn a_revocation_spares_the_codes_made_after_it(app: &TestApp) {
    let store = app.authz_store();
    store.revoke(&[("subject", "alice")]).await.status(200);
    // The clock stands still: the order is the store's.
    let code = store.new_code(&plain("c1")).await;
    let tokens = store.exchange(&[("code", &code), ("client_id", "c1")]).await.status(200).json();
    store.assert_live("access_token", tokens["access_token"].as_str().unwrap(), true).await;
}

async fn a_replay_ends_the_tokens_of_the_code(app: &TestApp) {
    let store = app.authz_store();
    for ate in ["SELF_CONTAINED", "IDENTIFIER"] {
        let mut body = plain(ate);
        body["ate"] = json!(ate);
        let code = store.new_code(&body).await;
        let tokens = store.exchange(&[("code", &code), ("client_id", ate)]).await.status(200).json();
        let refresh_token = tokens["refresh_token"].as_str().unwrap();
        let refreshed = store.refresh(refresh_token).await.status(200).json();
        store.exchange(&[("code", &code), ("client_id", ate)]).await.error(404, "invalid_code");
        for access_token in [&tokens["access_token"], &refreshed["access_token"]] {
            store.assert_live("access_token", access_token.as_str().unwrap(), false).await;
        }
        // The record was new, so its shared refresh token was made from the code.
        store.refresh(refresh_token).await.error(404, "invalid_refresh_token");
    }
}

async fn a_replay_spares_what_was_there_before(app: &TestApp) {
    let store = app.authz_store();
    let earlier = store.stored("alice", "c1").await;
    let code = store.new_code(&plain("c1")).await;
    let tokens = store.exchange(&[("code", &code), ("client_id", "c1")]).await.status(200).json();
    store.exchange(&[("code", &code), ("client_id", "c1")]).await.error(404, "invalid_code");
    store.assert_live("access_token", tokens["access_token"].as_str().unwrap(), false).await;
    store.assert_live("access_token", earlier["access_token"].as_str().unwrap(), true).await;
    store.refresh(earlier["refresh_token"].as_str().unwrap()).await.status(200);
}

async fn a_replay_that_is_wrong_changes_nothing(app: &TestApp) {
    let store = app.authz_store();
    let mut body = with_redirect();
    body["cch"] = json!("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    let code = store.new_code(&body).await;
    let [client, redirect] = [("client_id", "65564eb0058d"), ("redirect_uri", IN)];
    let verifier = ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    let tokens = store.exchange(&[("code", &code), client, redirect, verifier]).await.status(200).json();
    let before = app.db_rows().await;
    let cases: &[&[(&str, &str)]] = &[
        &[("client_id", "c2"), redirect, verifier],
        &[client, ("redirect_uri", "https://client.example.com/out"), verifier],
        &[client, verifier],
        &[client, redirect],
        &[client, redirect, ("code_verifier", "wrong-wrong-wrong-wrong-wrong-wrong-wrong-wrong")],
    ];
    for wrong in cases {
        let mut fields = vec![("code", code.as_str())];
        fields.extend_from_slice(wrong);
        store.exchange(&fields).await.error(404, "invalid_code");
        let globex = store.as_tenant("globex").exchange(&fields).await;
        globex.error(404, "invalid_code");
    }
    assert_eq!(app.db_rows().await, before);
    store.assert_live("access_token", tokens["access_token"].as_str().unwrap(), true).await;
    store.refresh(tokens["refresh_token"].as_str().unwrap()).await.status(200);
}

async fn a_replay_of_a_transient_code_ends_its_refresh_token(app: &TestApp) {
    let store = app.authz_store();
    let body = json!({"sub": "alice", "cid": "c1", "irt": true});
    let [first, other] = [store.new_code(&body).await, store.new_code(&body).await];
    let tokens = store.exchange(&[("code", &first), ("client_id", "c1")]).await.status(200).json();
    let others = store.exchange(&[("code", &other), ("client_id", "c1")]).await.status(200).json();
    store.exchange(&[("code", &first), ("client_id", "c1")]).await.error(404, "invalid_code");
    store.refresh(tokens["refresh_token"].as_str().unwrap()).await.error(404, "invalid_refresh_token");
    store.refresh(others["refresh_token"].as_str().unwrap()).await.status(200);
}

async fn what_is_no_code_is_refused_alike(app: &TestApp) {
    let store = app.authz_store();
    let used = store.new_code(&plain("c1")).await;
    store.exchange(&[("code", &used), ("client_id", "c1")]).await.status(200);
    let expired = store.new_code(&plain("c1")).await;
    app.advance(60);
    let mut swapped = store.new_code(&plain("c1")).await;
    let first = if swapped.starts_with('A') { "B" } else { "A" };
    swapped.replace_range(..1, first);
    let whole = store.new_code(&plain("c1")).await;
    let mut bodies = Vec::new();
    for code in [
        "17fff8b14f7c",
        "é",
        &"x".repeat(10_000),
        &used,
        &expired,
        &swapped,
        &whole[..whole.len() - 1],
        &format!("{whole}A"),
        &format!("{whole}="),
    ] {
        let answer = store.exchange(&[("code", code), ("client_id", "c1")]).await;
        answer.error(404, "invalid_code");
        bodies.push(answer.fingerprint());
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "one body for all: {bodies:?}");
    store.exchange(&[("code", &whole), ("client_id", "c1")]).await.status(200);
}

async fn no_record_shows_what_belongs_to_the_code(app: &TestApp) {
    let store = app.authz_store();
    let body = json!({"sub": "alice", "cid": "c1", "lng": true, "irt": true, "rur": IN, "idt": "a.b.c", "cch": "x".repeat(43), "ccm": "plain"});
    let code = store.new_code(&body).await;
    for round in ["pending", "exchanged"] {
        let record = store.record("alice", "c1").await;
        for member in ["rur", "idt", "cch", "ccm"] {
            assert_eq!(record.get(member), None, "{round}: {member}");
        }
        let fields = [("code", &*code), ("client_id", "c1"), ("redirect_uri", IN), ("code_verifier", &"x".repeat(43))];
        if round == "pending" {
            store.exchange(&fields).await.status(200);
        }
    }
}

async fn a_used_code_stays_used_over_a_restart(app: TestApp) {
    let code = app.authz_store().new_code(&plain("c1")).await;
    let fields = [("code", &*code), ("client_id", "c1")];
    let tokens = app.authz_store().exchange(&fields).await.status(200).json();
    let app = app.restarted().await;
    let access_token = tokens["access_token"].as_str().unwrap();
    app.authz_store().assert_live("access_token", access_token, true).await;
    app.authz_store().exchange(&fields).await.error(404, "invalid_code");
    app.authz_store().assert_live("access_token", access_token, false).await;
}

async fn an_earlier_end_of_refresh_tokens_is_none_of_a_new_one(app: &TestApp) {
    let store = app.authz_store();
    let code = store.new_code(&plain("c1")).await;
    for irt in [false, true] {
        store.put(&json!({"sub": "alice", "cid": "c1", "irt": irt})).await.status(204);
    }
    let tokens = store.exchange(&[("code", &code), ("client_id", "c1")]).await.status(200).json();
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    store.refresh(refresh_token).await.status(200);
    assert_eq!(store.record("alice", "c1").await["rft"], refresh_token);
}
