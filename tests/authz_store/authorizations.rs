//! POST of a new authorisation: for a code, for tokens, stored and transient.

use serde_json::{Value, json};

use crate::harness::{NOW, TestApp, both, jwt};

both!(
    the_example_answers_with_a_code,
    return_tokens_answers_with_tokens,
    another_value_of_return_means_code,
    the_smallest_authorisation_is_transient_and_has_the_defaults,
    an_existing_record_is_replaced_at_once,
    replacing_leaves_issued_access_tokens_alone,
    an_actor_makes_another_record,
    the_read_only_members_are_never_stored,
    null_is_absent,
    a_transient_authorisation_leaves_the_record_alone,
    any_number_of_transient_authorisations_may_exist,
    a_transient_authorisation_may_have_a_refresh_token,
    a_record_keeps_one_refresh_token_over_sign_ins,
    replacing_without_irt_ends_the_refresh_token,
    replacing_a_record_restarts_the_refresh_token_lifetime,
    a_code_is_not_spent_by_the_record_it_made,
    the_answer_is_never_cached,
    the_second_api_token_works_too,
    the_issuer_header_does_instead_of_the_tenant_id,
);

async fn the_example_answers_with_a_code(app: &TestApp) {
    let body = json!({
        "sub": "alice", "cid": "65564eb0058d", "scp": ["openid", "email"],
        "rur": "https://client.example.com/in", "lng": true, "irt": true, "iat": 1_360_050_795,
        "idt": "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjEz...", "clm": ["sub", "email", "email_verified"]
    });
    let code = app.authz_store().new_code(&body).await;
    assert_eq!(app.authz_store().list("authorization-codes").await, [code]);
    let record = app.authz_store().record("alice", "65564eb0058d").await;
    for member in ["sub", "cid", "scp", "lng", "irt", "iat", "clm"] {
        assert_eq!(record[member], body[member], "{member}");
    }
    for member in ["rur", "idt", "cch", "ccm", "act"] {
        assert_eq!(record.get(member), None, "{member}");
    }
    assert_eq!(record["iss"], "https://acme.example.com");
    assert_eq!(record["ate"], "SELF_CONTAINED");
    assert_eq!(record["atl"], 600);
}

async fn return_tokens_answers_with_tokens(app: &TestApp) {
    let body = json!({"sub": "alice", "cid": "65564eb0058d", "scp": ["openid", "email"], "lng": true, "irt": true});
    let answer = app.authz_store().tokens(&body).await;
    let tokens = answer.status(200).no_store().json();
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 600);
    assert_eq!(tokens["scope"], "openid email");
    assert_eq!(tokens.get("id_token"), None, "no idt was given");
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(app.authz_store().record("alice", "65564eb0058d").await["rft"], refresh_token);
    let access_token = jwt::verified(app, "acme", tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(access_token.claims["exp"], NOW + 600);
    assert!(app.authz_store().list("authorization-codes").await.is_empty(), "tokens at once need no code");
}

async fn another_value_of_return_means_code(app: &TestApp) {
    for value in ["code", "token", "TOKENS", ""] {
        let target = format!("authorizations?return={value}");
        let body = json!({"sub": "alice", "cid": "c1"});
        let answer = app.authz_store().request("POST", &target).json(&body).send().await;
        // An empty value of `return` is another value than `tokens`.
        answer.status(200).content_type("text/plain").no_store();
    }
}

async fn the_smallest_authorisation_is_transient_and_has_the_defaults(app: &TestApp) {
    let tokens = app.authz_store().new_tokens(&json!({"sub": "alice", "cid": "c1"})).await;
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 600);
    for member in ["refresh_token", "refresh_token_expires_in", "id_token"] {
        assert_eq!(tokens.get(member), None, "{member}");
    }
    assert!(jwt::is_jws(tokens["access_token"].as_str().unwrap()), "SELF_CONTAINED is the default");
    app.authz_store().find(&[("subject", "alice"), ("client_id", "c1")]).await.error(404, "authz_not_found");
}

async fn an_existing_record_is_replaced_at_once(app: &TestApp) {
    let first = json!({"sub": "alice", "cid": "c1", "scp": ["a", "b"], "lng": true, "clm": ["email"], "dat": {"k": 1}, "scs": ["x"]});
    app.authz_store().new_code(&first).await;
    app.authz_store().new_code(&json!({"sub": "alice", "cid": "c1", "scp": ["c"], "lng": true})).await;
    let record = app.authz_store().record("alice", "c1").await;
    assert_eq!(record["scp"], json!(["c"]));
    for gone in ["clm", "dat", "scs"] {
        assert_eq!(record.get(gone), None, "{gone} belongs to what was replaced");
    }
    assert_eq!(app.authz_store().list("subjects").await, ["alice"], "replaced, not added");
}

async fn replacing_leaves_issued_access_tokens_alone(app: &TestApp) {
    let store = app.authz_store();
    for ate in ["SELF_CONTAINED", "IDENTIFIER"] {
        let body = json!({"sub": "alice", "cid": "c1", "scp": ["a"], "lng": true, "ate": ate});
        let old = store.new_tokens(&body).await["access_token"].as_str().unwrap().to_owned();
        store.new_code(&json!({"sub": "alice", "cid": "c1", "scp": ["b"], "lng": true, "ate": ate})).await;
        assert_eq!(store.inspect("access_token", &old).await.status(200).json()["scp"], json!(["a"]), "{ate}");
    }
}

async fn an_actor_makes_another_record(app: &TestApp) {
    let store = app.authz_store();
    store.new_code(&json!({"sub": "alice", "cid": "c1", "scp": ["own"], "lng": true})).await;
    for actor in ["admin", "helpdesk"] {
        store.new_code(&json!({"sub": "alice", "act": {"sub": actor}, "cid": "c1", "scp": [actor], "lng": true})).await;
    }
    assert_eq!(store.record("alice", "c1").await["scp"], json!(["own"]));
    for actor in ["admin", "helpdesk"] {
        let query = [("subject", "alice"), ("actor", actor), ("client_id", "c1")];
        let record = store.find(&query).await.status(200).json();
        assert_eq!((&record["scp"], &record["act"]), (&json!([actor]), &json!({"sub": actor})));
    }
    assert_eq!(store.list("subjects").await, ["alice"; 3]);
}

async fn the_read_only_members_are_never_stored(app: &TestApp) {
    let forged = "Zm9yZ2VkLXJlZnJlc2gtdG9rZW4tMDEyMzQ1Njc4OQ";
    for (member, value) in [("uat", json!(1)), ("rti", json!(1)), ("rft", json!(forged))] {
        let mut body = json!({"sub": "alice", "cid": member, "lng": true, "irt": true});
        body[member] = value.clone();
        let answer = app.authz_store().authorize(&body).await;
        if answer.code() == 400 {
            continue;
        }
        answer.status(200);
        let record = app.authz_store().record("alice", member).await;
        assert_ne!(record.get(member), Some(&value), "{member} can't be set");
        assert_eq!(record.get("uat"), None, "nothing was updated");
    }
    app.authz_store().refresh(forged).await.error(404, "invalid_refresh_token");
}

async fn null_is_absent(app: &TestApp) {
    let mut body = json!({"sub": "alice", "cid": "c1", "lng": true});
    for member in ["scp", "act", "aud", "clm", "cll", "cld", "dat", "uip", "cls", "scs", "rur", "idt", "cch", "ccm"] {
        body[member] = Value::Null;
    }
    for member in ["rft", "rti", "rtl", "rtm", "rtr", "irt", "atl", "ate", "atc", "ats", "iss", "iat", "uat", "idr"] {
        body[member] = Value::Null;
    }
    app.authz_store().new_code(&body).await;
    let record = app.authz_store().record("alice", "c1").await;
    assert!(record.as_object().unwrap().values().all(|value| !value.is_null()), "{record}");
    assert_eq!((&record["atl"], &record["iat"]), (&json!(600), &json!(NOW)));
    app.authz_store().authorize(&json!({"sub": null, "cid": "c1"})).await.error(400, "invalid_request");
}

async fn a_transient_authorisation_leaves_the_record_alone(app: &TestApp) {
    let store = app.authz_store();
    let stored = store.stored("alice", "c1").await;
    let before = store.record("alice", "c1").await;
    let passing = store.new_tokens(&json!({"sub": "alice", "cid": "c1", "scp": ["other"], "irt": true})).await;
    assert_eq!(store.record("alice", "c1").await, before);
    assert_ne!(passing["refresh_token"], stored["refresh_token"]);
    let put = store.put(&json!({"sub": "alice", "cid": "c2", "scp": ["x"]})).await;
    put.error(404, "authz_not_found");
    store.assert_live("refresh_token", stored["refresh_token"].as_str().unwrap(), true).await;
}

async fn any_number_of_transient_authorisations_may_exist(app: &TestApp) {
    let store = app.authz_store();
    let mut tokens = Vec::new();
    for scope in ["a", "b", "c"] {
        let body = json!({"sub": "alice", "cid": "c1", "scp": [scope], "irt": true});
        tokens.push((scope, store.new_tokens(&body).await));
    }
    for (scope, issued) in tokens {
        let again = store.refresh(issued["refresh_token"].as_str().unwrap()).await.status(200).json();
        assert_eq!(again["scope"], scope);
        let access_token = issued["access_token"].as_str().unwrap();
        assert_eq!(store.inspect("access_token", access_token).await.status(200).json()["scp"], json!([scope]));
    }
    assert_eq!(store.find(&[]).await.status(200).json(), json!([]));
}

async fn a_transient_authorisation_may_have_a_refresh_token(app: &TestApp) {
    let store = app.authz_store();
    let body = json!({"sub": "alice", "cid": "c1", "scp": ["a"], "irt": true, "rtl": 100});
    let issued = store.new_tokens(&body).await;
    let refresh_token = issued["refresh_token"].as_str().unwrap();
    assert_eq!(issued["refresh_token_expires_in"], 100);
    assert!(store.list("refresh-tokens").await.is_empty(), "a transient one is not listed");
    app.advance(99);
    assert_eq!(
        store.refresh(refresh_token).await.status(200).json()["expires_in"],
        1,
        "never outlives the refresh token"
    );
    app.advance(1);
    store.refresh(refresh_token).await.error(404, "invalid_refresh_token");
}

async fn a_record_keeps_one_refresh_token_over_sign_ins(app: &TestApp) {
    let store = app.authz_store();
    let first = store.stored("alice", "c1").await;
    let second = store.stored("alice", "c1").await;
    assert_eq!(first["refresh_token"], second["refresh_token"], "other devices stay signed in");
    assert_eq!(store.list("refresh-tokens").await, [first["refresh_token"].as_str().unwrap()]);
}

async fn replacing_without_irt_ends_the_refresh_token(app: &TestApp) {
    let store = app.authz_store();
    let refresh_token = store.stored("alice", "c1").await["refresh_token"].as_str().unwrap().to_owned();
    let issued = store.new_tokens(&json!({"sub": "alice", "cid": "c1", "scp": ["read"], "lng": true})).await;
    assert_eq!(issued.get("refresh_token"), None);
    let record = store.record("alice", "c1").await;
    for gone in ["rft", "rti"] {
        assert_eq!(record.get(gone), None, "{gone}");
    }
    store.refresh(&refresh_token).await.error(404, "invalid_refresh_token");
    assert!(store.list("refresh-tokens").await.is_empty());
    let anew = store.stored("alice", "c1").await;
    assert_ne!(anew["refresh_token"], refresh_token.as_str(), "what is dead stays dead");
    store.refresh(&refresh_token).await.error(404, "invalid_refresh_token");
}

async fn replacing_a_record_restarts_the_refresh_token_lifetime(app: &TestApp) {
    let store = app.authz_store();
    let body = json!({"sub": "alice", "cid": "c1", "lng": true, "irt": true, "rtl": 100});
    let first = store.new_tokens(&body).await;
    assert_eq!(store.record("alice", "c1").await["rti"], NOW);
    app.advance(60);
    assert_eq!(store.new_tokens(&body).await["refresh_token"], first["refresh_token"]);
    let record = store.record("alice", "c1").await;
    assert_eq!((&record["rti"], &record["rtl"]), (&json!(NOW + 60), &json!(100)));
    app.advance(99);
    store.refresh(first["refresh_token"].as_str().unwrap()).await.status(200);
    app.advance(1);
    store.refresh(first["refresh_token"].as_str().unwrap()).await.error(404, "invalid_refresh_token");
    assert_ne!(store.new_tokens(&body).await["refresh_token"], first["refresh_token"], "it no longer lived");
}

async fn a_code_is_not_spent_by_the_record_it_made(app: &TestApp) {
    let store = app.authz_store();
    let code = store.new_code(&json!({"sub": "alice", "cid": "c1", "scp": ["first"], "lng": true})).await;
    store.new_code(&json!({"sub": "alice", "cid": "c1", "scp": ["second"], "lng": true})).await;
    store.put(&json!({"sub": "alice", "cid": "c1", "scp": ["third"]})).await.status(204);
    let tokens = store.exchange(&[("code", &code), ("client_id", "c1")]).await.status(200).json();
    assert_eq!(tokens["scope"], "first", "a code carries what was posted with it");
    assert_eq!(store.record("alice", "c1").await["scp"], json!(["third"]));
}

async fn the_answer_is_never_cached(app: &TestApp) {
    let body = json!({"sub": "alice", "cid": "c1", "lng": true, "irt": true});
    app.authz_store().authorize(&body).await.status(200).no_store();
    app.authz_store().tokens(&body).await.status(200).no_store();
    app.authz_store().find(&[]).await.status(200).no_store();
}

async fn the_second_api_token_works_too(app: &TestApp) {
    let second = app.authz_store().with_token(crate::harness::tenants::ACME_SECOND_TOKEN);
    second.new_code(&json!({"sub": "alice", "cid": "c1", "lng": true})).await;
    assert_eq!(app.authz_store().list("subjects").await, ["alice"]);
}

async fn the_issuer_header_does_instead_of_the_tenant_id(app: &TestApp) {
    for issuer in ["https://acme.example.com", "https://login.acme.example.com"] {
        let request = app.request("POST", "/authz-store/rest/v3/authorizations").header("issuer", issuer);
        let body = json!({"sub": "alice", "cid": issuer, "lng": true});
        request.bearer("ztucZS1ZyFKgh0tUEruUtiSTXhnexmd6").json(&body).send().await.status(200);
        let record = app.authz_store().record("alice", issuer).await;
        assert_eq!(record["iss"], "https://acme.example.com", "an alias is never shown");
    }
}
