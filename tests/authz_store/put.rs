//! PUT of a stored authorisation: the body is its new state.

use serde_json::{Value, json};

use crate::harness::{NOW, TestApp, both, jwt};

both!(
    the_example_updates_a_record,
    a_content_type_may_be_missing,
    what_is_absent_takes_its_default,
    an_absent_irt_is_unchanged,
    get_edit_put_works,
    get_edit_put_leaves_the_lifetime_alone,
    a_new_lifetime_is_counted_from_each_sign_in,
    what_is_read_only_is_ignored,
    the_time_of_the_update_is_shown,
    the_key_and_the_issue_are_kept,
    a_record_that_is_not_there_is_not_made,
    a_record_stays_long_lived,
    disabling_refresh_tokens_ends_them_at_once,
    disabling_refresh_tokens_ends_every_chain,
    enabling_refresh_tokens_makes_one_at_the_next_sign_in,
    issued_access_tokens_are_untouched,
    the_record_of_an_actor_is_another,
    a_new_lifetime_ends_the_refresh_token,
);

async fn the_example_updates_a_record(app: &TestApp) {
    let store = app.authz_store();
    let made = json!({
        "sub": "alice", "cid": "65564eb0058d", "scp": ["openid"], "lng": true, "irt": true, "iat": 1_360_050_795
    });
    store.new_tokens(&made).await;
    let rft = store.record("alice", "65564eb0058d").await["rft"].clone();
    let body = json!({
        "sub": "alice", "cid": "65564eb0058d", "scp": ["openid", "email", "app:write"], "scs": ["address"], "lng": true,
        "irt": true, "atl": 3600, "ate": "IDENTIFIER", "iss": "https://acme.example.com", "iat": 1_360_050_795,
        "aud": ["https://resource-1.example.com", "https://resource-2.example.com"], "clm": ["name", "email", "email_verified"]
    });
    // The example has no Content-Type.
    store.request("PUT", "authorizations").untyped_body(body.to_string()).send().await.status(204).empty();
    let record = store.record("alice", "65564eb0058d").await;
    for (member, value) in body.as_object().unwrap() {
        assert_eq!(record[member], *value, "{member}");
    }
    assert_eq!((&record["rft"], &record["uat"]), (&rft, &json!(NOW)));
}

async fn a_content_type_may_be_missing(app: &TestApp) {
    app.authz_store().stored("alice", "c1").await;
    let body = json!({"sub": "alice", "cid": "c1", "scp": ["x"]}).to_string();
    for good in ["application/json", "application/json; charset=utf-8", "Application/JSON"] {
        app.authz_store().request("PUT", "authorizations").body(good, body.clone()).send().await.status(204);
    }
    for bad in
        ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "multipart/form-data; boundary=x"]
    {
        let answer = app.authz_store().request("PUT", "authorizations").body(bad, body.clone()).send().await;
        assert!([400, 415].contains(&answer.code()), "{bad} {answer}");
        answer.error(answer.code(), "invalid_request");
    }
}

async fn what_is_absent_takes_its_default(app: &TestApp) {
    let store = app.authz_store();
    let body = json!({
        "sub": "alice", "cid": "c1", "scp": ["a"], "scs": ["b"], "lng": true, "irt": true, "rtl": 500, "rtm": 50, "rtr": true,
        "atl": 60, "ate": "IDENTIFIER", "aud": ["https://r.example.com"], "clm": ["email"], "cls": ["name"], "cll": ["en"],
        "cld": {"k": 1}, "uip": {"k": 2}, "dat": {"k": 3}, "idr": true
    });
    store.new_code(&body).await;
    store.put(&json!({"sub": "alice", "cid": "c1"})).await.status(204);
    let record = store.record("alice", "c1").await;
    for gone in ["scp", "scs", "aud", "clm", "cls", "cll", "cld", "uip", "dat"] {
        assert_eq!(record.get(gone), None, "{gone}");
    }
    for (member, value) in
        [("atl", json!(600)), ("ate", json!("SELF_CONTAINED")), ("lng", json!(true)), ("irt", json!(true))]
    {
        assert_eq!(record[member], value, "{member}");
    }
    for (member, default) in [("rtl", json!(0)), ("rtm", json!(0)), ("rtr", json!(false)), ("idr", json!(false))] {
        assert!(record.get(member).is_none_or(|value| *value == default), "{member}: {record}");
    }
}

async fn an_absent_irt_is_unchanged(app: &TestApp) {
    let store = app.authz_store();
    let with = store.stored("alice", "c1").await;
    store.new_tokens(&json!({"sub": "bob", "cid": "c1", "lng": true})).await;
    for subject in ["alice", "bob"] {
        store.put(&json!({"sub": subject, "cid": "c1", "scp": ["x"]})).await.status(204);
    }
    assert_eq!(store.record("alice", "c1").await["rft"], with["refresh_token"]);
    assert_eq!(store.refresh(with["refresh_token"].as_str().unwrap()).await.status(200).json()["scope"], "x");
    assert_eq!(store.record("bob", "c1").await["irt"], false);
}

async fn get_edit_put_works(app: &TestApp) {
    let store = app.authz_store();
    let body = json!({
        "sub": "alice", "cid": "c1", "scp": ["a"], "lng": true, "irt": true, "aud": ["https://r.example.com"],
        "ats": "PAIRWISE", "clm": ["email#de-CH"], "cll": ["de-CH"], "dat": {"k": {"deep": [1, null, "x"]}}
    });
    store.new_code(&body).await;
    let mut record = store.record("alice", "c1").await;
    store.put(&record).await.status(204);
    record["uat"] = json!(NOW);
    assert_eq!(store.record("alice", "c1").await, record, "nothing was edited");
    record["scp"] = json!(["a", "b"]);
    store.put(&record).await.status(204);
    assert_eq!(store.record("alice", "c1").await, record);
}

async fn get_edit_put_leaves_the_lifetime_alone(app: &TestApp) {
    let store = app.authz_store();
    let body = json!({"sub": "alice", "cid": "c1", "lng": true, "irt": true, "rtl": 1000});
    let refresh_token = store.new_tokens(&body).await["refresh_token"].as_str().unwrap().to_owned();
    app.advance(100);
    let record = store.record("alice", "c1").await;
    assert_eq!((&record["rti"], &record["rtl"]), (&json!(NOW), &json!(900)));
    for _ in 0..2 {
        store.put(&record).await.status(204);
    }
    let after = store.record("alice", "c1").await;
    assert_eq!((&after["rti"], &after["rtl"]), (&json!(NOW), &json!(900)));
    app.advance(899);
    store.refresh(&refresh_token).await.status(200);
    app.advance(1);
    store.refresh(&refresh_token).await.error(404, "invalid_refresh_token");
}

async fn a_new_lifetime_is_counted_from_each_sign_in(app: &TestApp) {
    let store = app.authz_store();
    let body = json!({"sub": "alice", "cid": "c1", "lng": true, "irt": true, "rtr": true, "rtl": 1000});
    let text = |tokens: &Value| tokens["refresh_token"].as_str().unwrap().to_owned();
    let first = text(&store.new_tokens(&body).await);
    app.advance(400);
    let second = text(&store.new_tokens(&body).await);
    app.advance(100);
    // What remains of the newest: of the older one 500 seconds do, and no update that changes nothing gives it more.
    let record = store.record("alice", "c1").await;
    assert_eq!((&record["rti"], &record["rtl"]), (&json!(NOW + 400), &json!(900)));
    store.put(&record).await.status(204);
    assert_eq!(store.record("alice", "c1").await["rtl"], 900);
    app.advance(499);
    store.assert_live("refresh_token", &first, true).await;
    app.advance(1);
    store.assert_live("refresh_token", &first, false).await;
    store.assert_live("refresh_token", &second, true).await;
    // Another one: 50 more seconds for the newest, whose `rti` stays whatever is said of it.
    let mut record = store.record("alice", "c1").await;
    (record["rtl"], record["rti"]) = (json!(50), json!(5));
    store.put(&record).await.status(204);
    let record = store.record("alice", "c1").await;
    assert_eq!((&record["rti"], &record["rtl"]), (&json!(NOW + 400), &json!(50)));
    app.advance(50);
    store.assert_live("refresh_token", &second, false).await;
}

async fn what_is_read_only_is_ignored(app: &TestApp) {
    let store = app.authz_store();
    let issued = store.stored("alice", "c1").await;
    let forged = "Zm9yZ2VkLXJlZnJlc2gtdG9rZW4tMDEyMzQ1Njc4OQ";
    let body = json!({"sub": "alice", "cid": "c1", "scp": ["read"], "rft": forged, "rti": 5, "uat": 6});
    store.put(&body).await.status(204);
    let record = store.record("alice", "c1").await;
    assert_eq!(record["rft"], issued["refresh_token"]);
    assert_eq!((&record["rti"], &record["uat"]), (&json!(NOW), &json!(NOW)));
    store.refresh(forged).await.error(404, "invalid_refresh_token");
}

async fn the_time_of_the_update_is_shown(app: &TestApp) {
    let store = app.authz_store();
    store.stored("alice", "c1").await;
    assert_eq!(store.record("alice", "c1").await.get("uat"), None);
    for _ in 0..2 {
        app.advance(70);
        store.put(&json!({"sub": "alice", "cid": "c1"})).await.status(204);
        assert_eq!(store.record("alice", "c1").await["uat"], app.now());
    }
}

async fn the_key_and_the_issue_are_kept(app: &TestApp) {
    let store = app.authz_store();
    store.new_code(&json!({"sub": "alice", "cid": "c1", "lng": true, "iat": 1_360_050_795})).await;
    store.put(&json!({"sub": "alice", "cid": "c1", "iat": 1_500_000_000})).await.status(204);
    assert_eq!(store.record("alice", "c1").await["iat"], 1_360_050_795);
    store.put(&json!({"sub": "alice", "cid": "c1"})).await.status(204);
    assert_eq!(store.record("alice", "c1").await["iat"], 1_360_050_795);
}

async fn a_record_that_is_not_there_is_not_made(app: &TestApp) {
    let store = app.authz_store();
    store.stored("alice", "c1").await;
    let before = app.db_rows().await;
    for body in [
        json!({"sub": "bob", "cid": "c1"}),
        json!({"sub": "alice", "cid": "c2"}),
        json!({"sub": "alice", "cid": "c1", "act": {"sub": "admin"}}),
    ] {
        let text = store.put(&body).await.error(404, "authz_not_found");
        assert_eq!(text, "Not found: Authorization not found");
    }
    store.as_tenant("globex").put(&json!({"sub": "alice", "cid": "c1"})).await.error(404, "authz_not_found");
    assert_eq!(app.db_rows().await, before);
    store.revoke_quietly(&[("subject", "alice")]).await.status(204);
    store.put(&json!({"sub": "alice", "cid": "c1"})).await.error(404, "authz_not_found");
}

async fn a_record_stays_long_lived(app: &TestApp) {
    app.authz_store().stored("alice", "c1").await;
    let before = app.db_rows().await;
    let text =
        app.authz_store().put(&json!({"sub": "alice", "cid": "c1", "lng": false})).await.error(400, "invalid_request");
    assert!(text.contains("lng"), "{text}");
    assert_eq!(app.db_rows().await, before);
}

async fn disabling_refresh_tokens_ends_them_at_once(app: &TestApp) {
    let store = app.authz_store();
    let issued = store.stored("alice", "c1").await;
    let refresh_token = issued["refresh_token"].as_str().unwrap();
    store.put(&json!({"sub": "alice", "cid": "c1", "scp": ["read"], "irt": false})).await.status(204);
    store.refresh(refresh_token).await.error(404, "invalid_refresh_token");
    store.assert_live("refresh_token", refresh_token, false).await;
    assert!(store.list("refresh-tokens").await.is_empty());
    let record = store.record("alice", "c1").await;
    assert_eq!((record.get("rft"), record.get("rti"), &record["irt"]), (None, None, &json!(false)));
    store.assert_live("access_token", issued["access_token"].as_str().unwrap(), true).await;
}

async fn disabling_refresh_tokens_ends_every_chain(app: &TestApp) {
    let store = app.authz_store().as_tenant("rotating");
    let chains = [store.stored("alice", "c1").await, store.stored("alice", "c1").await];
    store.put(&json!({"sub": "alice", "cid": "c1", "irt": false})).await.status(204);
    for chain in chains {
        store.refresh(chain["refresh_token"].as_str().unwrap()).await.error(404, "invalid_refresh_token");
    }
    assert!(store.list("refresh-tokens").await.is_empty());
}

async fn enabling_refresh_tokens_makes_one_at_the_next_sign_in(app: &TestApp) {
    let store = app.authz_store();
    let dead = store.stored("alice", "c1").await["refresh_token"].clone();
    store.put(&json!({"sub": "alice", "cid": "c1", "irt": false})).await.status(204);
    store.put(&json!({"sub": "alice", "cid": "c1", "irt": true})).await.status(204);
    assert_eq!(store.record("alice", "c1").await["irt"], true);
    store.refresh(dead.as_str().unwrap()).await.error(404, "invalid_refresh_token");
    let anew = store.stored("alice", "c1").await["refresh_token"].clone();
    assert_ne!(anew, dead);
    store.refresh(anew.as_str().unwrap()).await.status(200);
}

async fn issued_access_tokens_are_untouched(app: &TestApp) {
    let store = app.authz_store();
    for ate in ["SELF_CONTAINED", "IDENTIFIER"] {
        let body =
            json!({"sub": "alice", "cid": ate, "scp": ["a"], "clm": ["email"], "lng": true, "ate": ate, "atl": 700});
        let issued = store.new_tokens(&body).await;
        let access_token = issued["access_token"].as_str().unwrap();
        let before = store.inspect("access_token", access_token).await.status(200).json();
        store.put(&json!({"sub": "alice", "cid": ate, "scp": ["b"], "atl": 5})).await.status(204);
        assert_eq!(store.inspect("access_token", access_token).await.status(200).json(), before, "{ate}");
        app.advance(699);
        store.assert_live("access_token", access_token, true).await;
        app.advance(1);
        store.assert_live("access_token", access_token, false).await;
    }
}

async fn the_record_of_an_actor_is_another(app: &TestApp) {
    let store = app.authz_store();
    store.stored("alice", "c1").await;
    store.stored_for("alice", "admin", "c1").await;
    store.put(&json!({"sub": "alice", "act": {"sub": "admin"}, "cid": "c1", "scp": ["acted"]})).await.status(204);
    assert_eq!(store.record("alice", "c1").await["scp"], json!(["read"]));
    let query = [("subject", "alice"), ("actor", "admin"), ("client_id", "c1")];
    assert_eq!(store.find(&query).await.status(200).json()["scp"], json!(["acted"]));
}

async fn a_new_lifetime_ends_the_refresh_token(app: &TestApp) {
    let store = app.authz_store();
    let refresh_token = store.stored("alice", "c1").await["refresh_token"].as_str().unwrap().to_owned();
    app.advance(100);
    store.put(&json!({"sub": "alice", "cid": "c1", "rtl": 150, "atl": 20, "rtm": Value::Null})).await.status(204);
    let tokens = store.refresh(&refresh_token).await.status(200).json();
    assert_eq!(jwt::unverified(tokens["access_token"].as_str().unwrap()).claims["exp"], NOW + 120);
    app.advance(200);
    store.refresh(&refresh_token).await.error(404, "invalid_refresh_token");
}
