//! Import of a record from another server.

use serde_json::{Value, json};

use crate::harness::{NOW, TestApp, both, jwt};

both!(
    the_example_is_imported,
    what_is_imported_is_kept_as_given,
    a_foreign_refresh_token_works_from_then_on,
    a_foreign_refresh_token_is_listed_and_shown,
    a_foreign_refresh_token_counts_from_its_issue,
    an_import_overwrites,
    an_import_without_a_refresh_token_may_have_one_made,
    a_bad_import_is_refused,
    an_import_needs_no_content_type,
    a_refresh_token_belongs_to_one_record,
    two_tenants_may_import_the_same_refresh_token,
    a_foreign_refresh_token_may_rotate,
    a_token_of_the_old_server_is_known,
    a_token_of_the_old_server_must_fit,
    the_bias_shields_late_tokens_of_the_old_server,
    an_import_makes_no_code,
    what_was_revoked_may_be_imported_anew,
    a_record_may_be_imported_over_itself,
    a_revoked_refresh_token_may_come_back,
    a_dead_refresh_token_holds_no_text,
    an_import_spares_issued_access_tokens,
);

const RFT: &str = "YWxpY2U.MDAwMTIz.bNo1qg74h9wg63cJ_iYfWw";

fn example() -> Value {
    json!({
        "sub": "alice", "cid": "000123", "scp": ["openid", "email"], "clm": ["email_verified", "email"],
        "iss": "https://c2id.com", "iat": 1_489_664_026, "lng": true, "irt": true, "rft": RFT,
        "atc": false, "ate": "SELF_CONTAINED", "atl": 600
    })
}

fn with(member: &str, value: Value) -> Value {
    let mut body = example();
    body[member] = value;
    body
}

async fn the_example_is_imported(app: &TestApp) {
    app.authz_store().import(&example()).await.status(204).empty();
    let record = app.authz_store().record("alice", "000123").await;
    for (member, value) in example().as_object().unwrap() {
        if member != "atc" {
            assert_eq!(record[member], *value, "{member}");
        }
    }
    assert_eq!(record["rti"], NOW, "now, since none was given");
}

async fn what_is_imported_is_kept_as_given(app: &TestApp) {
    let mut body = example();
    for (member, value) in [
        ("rti", json!(NOW - 500)),
        ("rtl", json!(5000)),
        ("rtm", json!(1000)),
        ("uat", json!(1_500_000_000)),
        ("scs", json!(["address"])),
        ("cls", json!(["name"])),
        ("act", json!({"sub": "admin"})),
        ("aud", json!(["https://resource-1.example.com"])),
        ("dat", json!({"k": [1, {"n": null}]})),
    ] {
        body[member] = value;
    }
    app.authz_store().import(&body).await.status(204);
    let query = [("subject", "alice"), ("actor", "admin"), ("client_id", "000123")];
    let record = app.authz_store().find(&query).await.status(200).json();
    for (member, value) in body.as_object().unwrap() {
        match member.as_str() {
            "atc" => {}
            "rtl" => assert_eq!(record["rtl"], 4500, "what remains"),
            _ => assert_eq!(record[member], *value, "{member}"),
        }
    }
}

async fn a_foreign_refresh_token_works_from_then_on(app: &TestApp) {
    let store = app.authz_store();
    store.refresh(RFT).await.error(404, "invalid_refresh_token");
    store.import(&example()).await.status(204);
    let tokens = store.refresh(RFT).await.status(200).json();
    assert_eq!(tokens["refresh_token"], RFT);
    assert_eq!(tokens["scope"], "openid email");
    let claims = jwt::verified(app, "acme", tokens["access_token"].as_str().unwrap()).await.claims;
    assert_eq!(claims["iss"], "https://acme.example.com", "whoever the record's iss was");
    let shown = store.inspect("refresh_token", RFT).await.status(200).json();
    assert_eq!((&shown["sub"], &shown["rft"]), (&json!("alice"), &json!(RFT)));
    store.revoke(&[("refresh_token", RFT)]).await.status(200);
    store.refresh(RFT).await.error(404, "invalid_refresh_token");
}

async fn a_foreign_refresh_token_is_listed_and_shown(app: &TestApp) {
    app.authz_store().import(&example()).await.status(204);
    assert_eq!(app.authz_store().list("refresh-tokens").await, [RFT]);
    let record = app.authz_store().record("alice", "000123").await;
    app.authz_store().put(&record).await.status(204);
    assert_eq!(app.authz_store().list("refresh-tokens").await, [RFT]);
}

async fn a_foreign_refresh_token_counts_from_its_issue(app: &TestApp) {
    let mut body = with("rti", json!(NOW - 900));
    body["rtl"] = json!(1000);
    app.authz_store().import(&body).await.status(204);
    app.advance(99);
    let tokens = app.authz_store().refresh(RFT).await.status(200).json();
    assert_eq!(tokens["expires_in"], 1);
    app.advance(1);
    app.authz_store().refresh(RFT).await.error(404, "invalid_refresh_token");
}

async fn an_import_overwrites(app: &TestApp) {
    let store = app.authz_store();
    let earlier = store.stored("alice", "000123").await;
    store.import(&example()).await.status(204);
    assert_eq!(store.record("alice", "000123").await["rft"], RFT);
    assert_eq!(store.list("subjects").await, ["alice"]);
    assert_eq!(store.list("refresh-tokens").await, [RFT]);
    store.refresh(earlier["refresh_token"].as_str().unwrap()).await.error(404, "invalid_refresh_token");
    store.import(&with("rft", json!("another-refresh-token-of-the-old-server"))).await.status(204);
    store.refresh(RFT).await.error(404, "invalid_refresh_token");
    store.refresh("another-refresh-token-of-the-old-server").await.status(200);
    store.import(&example()).await.status(204);
    store.refresh(RFT).await.status(200);
}

async fn an_import_without_a_refresh_token_may_have_one_made(app: &TestApp) {
    let store = app.authz_store();
    store.import(&json!({"sub": "alice", "cid": "c1", "scp": ["read"], "lng": true})).await.status(204);
    let record = store.record("alice", "c1").await;
    assert_eq!((record.get("rft"), record.get("rti")), (None, None));
    assert_eq!(record["iat"], NOW);
}

async fn a_bad_import_is_refused(app: &TestApp) {
    let before = app.db_rows().await;
    let no_irt = with("irt", json!(false));
    let mut absent_irt = example();
    absent_irt.as_object_mut().unwrap().remove("irt");
    let mut absent_lng = example();
    absent_lng.as_object_mut().unwrap().remove("lng");
    for body in [
        with("lng", json!(false)),
        absent_lng,
        no_irt,
        absent_irt,
        with("rft", json!("a".repeat(21))),
        with("rft", json!("")),
        with("rft", json!(1)),
        with("rti", json!("now")),
        with("uat", json!(1.5)),
        with("iss", json!(1)),
        with("rur", json!("javascript:x")),
        with("code", json!("x")),
    ] {
        let answer = app.authz_store().import(&body).await;
        assert_eq!(answer.code(), 400, "{body} {answer}");
        answer.error(400, "invalid_request");
        assert!(!answer.text().contains(RFT), "{answer}");
    }
    let form =
        app.authz_store().request("POST", "authorizations?import=true").form(&[("refresh_token", RFT)]).send().await;
    assert!([400, 415].contains(&form.code()), "{form}");
    assert_eq!(app.db_rows().await, before);
    app.authz_store().import(&with("rft", json!("a".repeat(22)))).await.status(204);
}

/// Where only JSON is possible, a missing Content-Type is JSON.
async fn an_import_needs_no_content_type(app: &TestApp) {
    let request = app.authz_store().request("POST", "authorizations?import=true");
    request.untyped_body(example().to_string()).send().await.status(204);
    app.authz_store().inspect("refresh_token", RFT).await.status(200);
}

async fn a_refresh_token_belongs_to_one_record(app: &TestApp) {
    let store = app.authz_store();
    store.import(&example()).await.status(204);
    let minted = store.stored("bob", "c1").await["refresh_token"].as_str().unwrap().to_owned();
    let before = app.db_rows().await;
    store.import(&with("sub", json!("bob"))).await.error(400, "invalid_request");
    store.import(&with("rft", json!(minted))).await.error(400, "invalid_request");
    assert_eq!(app.db_rows().await, before);
}

async fn two_tenants_may_import_the_same_refresh_token(app: &TestApp) {
    let [acme, globex] = [app.authz_store(), app.authz_store().as_tenant("globex")];
    acme.import(&example()).await.status(204);
    globex.refresh(RFT).await.error(404, "invalid_refresh_token");
    globex.import(&with("sub", json!("bob"))).await.status(204);
    acme.revoke(&[("refresh_token", RFT)]).await.status(200);
    assert_eq!(globex.inspect("refresh_token", RFT).await.status(200).json()["sub"], "bob");
}

async fn a_foreign_refresh_token_may_rotate(app: &TestApp) {
    let store = app.authz_store().as_tenant("strict");
    store.import(&example()).await.status(204);
    let successor = store.refresh(RFT).await.status(200).json()["refresh_token"].as_str().unwrap().to_owned();
    assert_ne!(successor, RFT);
    assert_eq!(store.list("refresh-tokens").await, [successor.as_str()]);
    store.refresh(RFT).await.error(404, "invalid_refresh_token");
    store.refresh(&successor).await.error(404, "invalid_refresh_token");
}

fn old_token(iat: i64) -> String {
    let claims = json!({
        "iss": "https://legacy.example.com", "sub": "alice", "aud": ["https://resource.example.com"], "iat": iat,
        "exp": NOW + 600, "jti": "from-the-old-server", "client_id": "c1", "scope": "openid email"
    });
    jwt::signed_by_legacy(json!({"alg": "ES256", "typ": "at+jwt", "kid": "old-1"}), &claims)
}

async fn a_token_of_the_old_server_is_known(app: &TestApp) {
    let store = app.authz_store().as_tenant("legacy");
    let shown = store.inspect("access_token", &old_token(NOW - 100)).await.status(200).json();
    assert_eq!(
        (&shown["sub"], &shown["cid"], &shown["scp"]),
        (&json!("alice"), &json!("c1"), &json!(["openid", "email"]))
    );
    let keys = app.request("GET", "/jwks.json").header("tenant-id", "legacy").send().await.status(200).json();
    let keys = keys["keys"].as_array().unwrap();
    assert!(keys.iter().any(|key| key["kid"] == "old-1"), "{keys:?}");
    assert!(keys.iter().all(|key| key.get("d").is_none() && key["kty"] != "oct"), "public halves only: {keys:?}");
    app.authz_store().assert_live("access_token", &old_token(NOW - 100), false).await;
}

async fn a_token_of_the_old_server_must_fit(app: &TestApp) {
    let store = app.authz_store().as_tenant("legacy");
    let good = json!({"iss": "https://legacy.example.com", "sub": "alice", "iat": NOW - 100, "exp": NOW + 600, "client_id": "c1"});
    let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": "old-1"});
    for (member, value) in [
        ("iss", json!("https://acme.example.com")),
        ("iss", json!("https://legacy.example.com/")),
        ("exp", json!(NOW)),
        ("exp", json!(NOW - 1)),
        ("exp", json!(1e300)),
        ("exp", json!(18_446_744_073_709_551_615_u64)),
        ("exp", json!("1900000000")),
        ("iat", json!(1e300)),
        ("iat", json!(NOW + 61)),
        ("nbf", json!(NOW + 61)),
        ("nbf", json!("0")),
    ] {
        let mut claims = good.clone();
        claims[member] = value;
        let answer = store.inspect("access_token", &jwt::signed_by_legacy(header.clone(), &claims)).await;
        assert_eq!(answer.code(), 404, "{claims} {answer}");
    }
    for (member, value) in
        [("typ", json!("JWT")), ("typ", json!("logout+jwt")), ("crit", json!(["exp"])), ("zip", json!("DEF"))]
    {
        let mut header = header.clone();
        header[member] = value;
        let answer = store.inspect("access_token", &jwt::signed_by_legacy(header.clone(), &good)).await;
        assert_eq!(answer.code(), 404, "{header} {answer}");
    }
    let early = json!({"nbf": NOW + 60, "iat": NOW + 60});
    let mut claims = good.clone();
    claims.as_object_mut().unwrap().extend(early.as_object().unwrap().clone());
    for claims in [good, claims] {
        store.assert_live("access_token", &jwt::signed_by_legacy(header.clone(), &claims), true).await;
    }
}

async fn the_bias_shields_late_tokens_of_the_old_server(app: &TestApp) {
    let store = app.authz_store().as_tenant("legacy");
    store.revoke(&[("subject", "alice")]).await.status(200);
    store.assert_live("access_token", &old_token(NOW - 100), false).await;
    store.assert_live("access_token", &old_token(NOW + 29), false).await;
    app.advance(31);
    store.assert_live("access_token", &old_token(NOW + 30), true).await;
    // It touches tokens of the old server only: ours are ordered by the store.
    store.revoke(&[("subject", "alice")]).await.status(200);
    let ours = store.new_tokens(&json!({"sub": "alice", "cid": "c1"})).await;
    store.assert_live("access_token", ours["access_token"].as_str().unwrap(), true).await;
}

async fn what_was_revoked_may_be_imported_anew(app: &TestApp) {
    let store = app.authz_store();
    store.import(&example()).await.status(204);
    store.revoke(&[("subject", "alice")]).await.status(200);
    store.refresh(RFT).await.error(404, "invalid_refresh_token");
    store.import(&example()).await.status(204);
    store.refresh(RFT).await.status(200);
}

async fn a_record_may_be_imported_over_itself(app: &TestApp) {
    let store = app.authz_store();
    let refresh_token = store.stored("alice", "c1").await["refresh_token"].as_str().unwrap().to_owned();
    let record = store.record("alice", "c1").await;
    store.import(&record).await.status(204);
    assert_eq!(store.record("alice", "c1").await["rft"], refresh_token.as_str());
    assert_eq!(store.refresh(&refresh_token).await.status(200).json()["refresh_token"], refresh_token.as_str());
}

async fn an_import_makes_no_code(app: &TestApp) {
    app.authz_store().import(&example()).await.status(204);
    assert!(app.authz_store().list("authorization-codes").await.is_empty());
}

async fn a_revoked_refresh_token_may_come_back(app: &TestApp) {
    let store = app.authz_store();
    let minted = store.stored("alice", "c1").await["refresh_token"].as_str().unwrap().to_owned();
    let record = store.record("alice", "c1").await;
    store.import(&example()).await.status(204);
    for (client, body, token) in [("000123", example(), RFT), ("c1", record, &*minted)] {
        store.revoke(&[("subject", "alice"), ("client_id", client)]).await.status(200);
        store.refresh(token).await.error(404, "invalid_refresh_token");
        store.import(&body).await.status(204);
        assert_eq!(store.refresh(token).await.status(200).json()["refresh_token"], token);
        assert_eq!(store.list("refresh-tokens").await.iter().filter(|listed| *listed == token).count(), 1);
    }
}

async fn a_dead_refresh_token_holds_no_text(app: &TestApp) {
    let store = app.authz_store();
    store.import(&with("rtl", json!(60))).await.status(204);
    app.advance(60);
    store.refresh(RFT).await.error(404, "invalid_refresh_token");
    store.import(&with("sub", json!("bob"))).await.status(204);
    assert_eq!(store.inspect("refresh_token", RFT).await.status(200).json()["sub"], "bob");
}

async fn an_import_spares_issued_access_tokens(app: &TestApp) {
    let store = app.authz_store();
    let tokens = store.stored("alice", "000123").await;
    store.import(&example()).await.status(204);
    store.assert_live("access_token", tokens["access_token"].as_str().unwrap(), true).await;
    store.assert_live("refresh_token", tokens["refresh_token"].as_str().unwrap(), false).await;
}
