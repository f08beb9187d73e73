//! The SAML 2.0 bearer grant (rows SB; RFC 7522), with assertions that another implementation made.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::caller::{Caller, bare, client, granted, refused, register, text};
use crate::harness::jwt::verified;
use crate::harness::{Answer, TestApp, both, peers};

both!(a_trusted_issuer_speaks_for_its_subjects, a_client_speaks_for_itself, what_is_no_assertion_is_no_grant);

const GRANT: &str = "urn:ietf:params:oauth:grant-type:saml2-bearer";
const ISSUER: &str = "https://federated.example.com";
const IDP: &str = "https://idp.example.org/metadata";

fn shop(app: &TestApp) -> Caller<'_> {
    client(app, "federated", "shop", "federated-shop-secret-0123456789ab")
}

fn question(now: i64) -> Value {
    json!({"issuer": IDP, "subject": "dave", "audience": ISSUER, "recipient": format!("{ISSUER}/token"), "now": now,
        "private_key": include_str!("../fixtures/idp.pem")})
}

async fn mint(question: &Value) -> Option<Value> {
    peers::ask("saml/mint.py", question.clone()).await
}

async fn ask(app: &TestApp, assertion: &str, scope: &str) -> Answer {
    shop(app).token(&[("grant_type", GRANT), ("assertion", assertion), ("scope", scope)]).await
}

async fn a_trusted_issuer_speaks_for_its_subjects(app: &TestApp) {
    let Some(minted) = mint(&question(app.now())).await else { return };
    let assertion = text(&minted, "assertion");
    refused(&bare(app, "federated", "/token", &[("grant_type", GRANT), ("assertion", assertion)]).await);
    ask(app, assertion, "app:delete").await.error(400, "invalid_scope");
    let Some(minted) = mint(&question(app.now())).await else { return };
    let assertion = text(&minted, "assertion");
    let answers = join_all((0..8).map(|_| ask(app, assertion, ""))).await;
    let won: Vec<_> = answers.iter().filter(|answer| answer.code() == 200).collect();
    assert_eq!(won.len(), 1, "an assertion is good once: {}", answers[0]);
    let body = granted(won[0]);
    assert_eq!(body["scope"], "app:read");
    assert!(body.get("refresh_token").is_none() && body.get("id_token").is_none(), "{body}");
    let jwt = verified(app, "federated", text(&body, "access_token")).await;
    assert_eq!((&jwt.claims["sub"], &jwt.claims["client_id"]), (&json!("dave"), &json!("shop")));
    ask(app, assertion, "").await.error(400, "invalid_grant");
    for (member, value) in [
        ("issuer", json!("https://other.example.org")),
        ("audience", json!("https://acme.example.com")),
        ("recipient", json!("https://acme.example.com/token")),
        ("now", json!(app.now() - 1000)),
        ("now", json!(app.now() + 1000)),
        ("subject", json!("gone")),
        ("private_key", Value::Null),
    ] {
        let mut question = question(app.now());
        question[member] = value;
        let Some(minted) = mint(&question).await else { return };
        ask(app, text(&minted, "assertion"), "").await.error(400, "invalid_grant");
    }
}

async fn a_client_speaks_for_itself(app: &TestApp) {
    for kind in ["rsa", "p256"] {
        let mut question = question(app.now());
        question["private_key"] = Value::Null;
        question["kind"] = json!(kind);
        let Some(key) = mint(&question).await else { return };
        let metadata = json!({"token_endpoint_auth_method": "private_key_jwt", "grant_types": [GRANT],
            "scope": "app:read app:write", "jwks": {"keys": [key["jwk"]]}});
        let made = register(app, "federated", &metadata).await;
        question["private_key"] = key["private_key"].clone();
        question["issuer"] = made["client_id"].clone();
        let Some(minted) = mint(&question).await else { return };
        let fields = [("grant_type", GRANT), ("assertion", text(&minted, "assertion"))];
        let body = granted(&bare(app, "federated", "/token", &fields).await);
        assert_eq!(body["scope"], "app:read app:write");
        let jwt = verified(app, "federated", text(&body, "access_token")).await;
        assert_eq!((&jwt.claims["sub"], &jwt.claims["client_id"]), (&json!("dave"), &made["client_id"]));
        bare(app, "federated", "/token", &fields).await.error(400, "invalid_grant");
    }
}

async fn what_is_no_assertion_is_no_grant(app: &TestApp) {
    let bomb = format!("<!DOCTYPE a [<!ENTITY b \"{}\">]><a>&b;</a>", "x".repeat(1000));
    for bad in ["x".to_owned(), "<a/>".to_owned(), bomb, "{}".to_owned()] {
        let encoded = tenure::crypto::secret::b64url(bad.as_bytes());
        ask(app, &encoded, "").await.error(400, "invalid_grant");
        ask(app, &bad, "").await.error(400, "invalid_grant");
    }
    shop(app).token(&[("grant_type", GRANT)]).await.error(400, "invalid_request");
    let large = "A".repeat(70_000);
    ask(app, &large, "").await.error(413, "invalid_request");
}
