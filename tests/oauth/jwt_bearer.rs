//! The JWT bearer grant (rows JB; RFC 7523), self-issued and third-party.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::caller::{Caller, bare, client, granted, hs256, refused, signer, text};
use crate::harness::jwt::{signed_by_legacy, verified};
use crate::harness::{Answer, TestApp, both};

both!(
    a_trusted_issuer_speaks_for_its_subjects,
    a_client_speaks_for_itself,
    what_is_not_in_order_is_no_grant,
    an_assertion_with_an_id_is_good_once,
    scope_is_what_client_and_issuer_may_both,
    the_client_is_judged_before_the_assertion,
);

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ISSUER: &str = "https://federated.example.com";
const STS: &str = "https://sts.example.org";

fn shop(app: &TestApp) -> Caller<'_> {
    client(app, "federated", "shop", "federated-shop-secret-0123456789ab")
}

fn claims(now: i64) -> Value {
    json!({"iss": STS, "sub": "carol", "aud": ISSUER, "exp": now + 300})
}

fn by_sts(claims: &Value) -> String {
    signed_by_legacy(json!({"alg": "ES256", "kid": "old-1"}), claims)
}

async fn ask(app: &TestApp, assertion: &str, scope: &str) -> Answer {
    shop(app).token(&[("grant_type", GRANT), ("assertion", assertion), ("scope", scope)]).await
}

async fn a_trusted_issuer_speaks_for_its_subjects(app: &TestApp) {
    for audience in [ISSUER, "https://federated.example.com/token", "https://sso.federated.example.com"] {
        let mut claims = claims(app.now());
        claims["aud"] = json!(audience);
        let body = granted(&ask(app, &by_sts(&claims), "").await);
        assert_eq!(body["scope"], "app:read");
        assert!(body.get("refresh_token").is_none() && body.get("id_token").is_none(), "{body}");
        let token = text(&body, "access_token");
        let jwt = verified(app, "federated", token).await;
        assert_eq!((&jwt.claims["sub"], &jwt.claims["client_id"]), (&json!("carol"), &json!("shop")));
        shop(app).assert_active(token, true).await;
    }
    // It has a user: the subject's revocation kills it.
    let body = granted(&ask(app, &by_sts(&claims(app.now())), "").await);
    app.authz_store().as_tenant("federated").revoke_quietly(&[("subject", "carol")]).await.status(204);
    shop(app).assert_active(text(&body, "access_token"), false).await;
    // The assertion says nothing of the client, who has to prove itself.
    let assertion = by_sts(&claims(app.now()));
    refused(&bare(app, "federated", "/token", &[("grant_type", GRANT), ("assertion", &assertion)]).await);
    let plain = client(app, "federated", "plain", "federated-plain-secret-0123456789a");
    let fields = [("grant_type", GRANT), ("assertion", assertion.as_str())];
    plain.token(&fields).await.error(400, "unauthorized_client");
}

async fn a_client_speaks_for_itself(app: &TestApp) {
    let signer = signer(app, "federated", &[GRANT], "openid app:read").await;
    let own = json!({"iss": signer.id, "sub": "anyone", "aud": ISSUER, "exp": app.now() + 300});
    let jwt = signer.key.sign("JWT", own.to_string().as_bytes()).unwrap();
    let body = granted(&bare(app, "federated", "/token", &[("grant_type", GRANT), ("assertion", &jwt)]).await);
    assert_eq!(body["scope"], "openid app:read");
    assert!(body.get("refresh_token").is_none() && body.get("id_token").is_none(), "{body}");
    let token = verified(app, "federated", text(&body, "access_token")).await;
    assert_eq!((&token.claims["sub"], &token.claims["client_id"]), (&json!("anyone"), &json!(signer.id)));
    let secret = "federated-hmac-secret-0123456789ab-0123456789";
    let own = json!({"iss": "hmac", "sub": "anyone", "aud": ISSUER, "exp": app.now() + 300});
    let fields = |jwt: &str| [("grant_type", GRANT.to_owned()), ("assertion", jwt.to_owned())];
    let send = |fields: [(&'static str, String); 2]| async move {
        let [grant, assertion] = &fields;
        bare(app, "federated", "/token", &[(grant.0, &grant.1), (assertion.0, &assertion.1)]).await
    };
    granted(&send(fields(&hs256(secret, &own))).await);
    send(fields(&hs256("wrong-wrong-wrong-wrong-wrong-wrong-wrong", &own))).await.error(400, "invalid_grant");
    let unregistered = json!({"iss": "plain", "sub": "anyone", "aud": ISSUER, "exp": app.now() + 300});
    send(fields(&hs256(secret, &unregistered))).await.error(400, "unauthorized_client");
    // A client's own assertion is its own: another may not present it.
    let jwt = signer.key.sign("JWT", own.to_string().as_bytes()).unwrap();
    ask(app, &jwt, "").await.error(400, "invalid_grant");
}

async fn what_is_not_in_order_is_no_grant(app: &TestApp) {
    let now = app.now();
    let long = "s".repeat(10_240);
    for (claim, value) in [
        ("iss", json!("https://unknown.example.org")),
        ("iss", json!("https://sts.example.org/")),
        ("iss", json!([STS])),
        ("iss", Value::Null),
        ("sub", json!("")),
        ("sub", Value::Null),
        ("sub", json!(long)),
        ("sub", json!("a\u{1}b")),
        ("aud", json!("https://acme.example.com")),
        ("aud", json!([ISSUER, STS])),
        ("exp", json!(now - 61)),
        ("exp", json!(now + 7200)),
        ("exp", json!(1e300)),
        ("exp", Value::Null),
        ("nbf", json!(now + 61)),
        ("sub", json!("gone")),
    ] {
        let mut claims = claims(now);
        claims[claim] = value;
        let said = ask(app, &by_sts(&claims), "").await.error(400, "invalid_grant");
        assert_eq!(said, "Bad request: Invalid or expired assertion");
    }
    let shop = shop(app);
    shop.token(&[("grant_type", GRANT)]).await.error(400, "invalid_request");
    shop.token(&[("grant_type", GRANT), ("assertion", "")]).await.error(400, "invalid_request");
    shop.token(&[("grant_type", GRANT), ("assertion", "a"), ("assertion", "b")]).await.error(400, "invalid_request");
    let none = tenure::crypto::secret::b64url(br#"{"alg":"none"}"#);
    let payload = tenure::crypto::secret::b64url(claims(now).to_string().as_bytes());
    let public = "LMuUHbvD3CC8IenvutXd5EQyR08X9eqRwM8mRx5zG6A";
    let header = json!({"alg": "ES256", "kid": "old-1", "typ": "at+jwt"});
    let key_of_another = json!({"alg": "ES256", "kid": "k1"});
    for bad in [
        signed_by_legacy(key_of_another, &claims(now)),
        signed_by_legacy(json!({"alg": "ES256", "kid": ""}), &claims(now)),
        format!("{none}.{payload}."),
        hs256(public, &claims(now)),
        signed_by_legacy(header, &claims(now)),
        "a.b.c".to_owned(),
        "{}".to_owned(),
        "a.b.c.d.e".to_owned(),
    ] {
        ask(app, &bad, "").await.error(400, "invalid_grant");
    }
    let own = granted(&shop.token(&[("grant_type", "client_credentials")]).await);
    ask(app, text(&own, "access_token"), "").await.error(400, "invalid_grant");
    granted(&ask(app, &signed_by_legacy(json!({"alg": "ES256"}), &claims(now)), "").await);
    // The issuer is trusted by one tenant, not by another.
    let mut elsewhere = claims(now);
    elsewhere["aud"] = json!("https://acme.example.com");
    let jwt = by_sts(&elsewhere);
    let shop = super::caller::shop(app);
    shop.token(&[("grant_type", GRANT), ("assertion", &jwt)]).await.error(400, "unauthorized_client");
}

async fn an_assertion_with_an_id_is_good_once(app: &TestApp) {
    let mut claims = claims(app.now());
    let unnamed = by_sts(&claims);
    granted(&ask(app, &unnamed, "").await);
    granted(&ask(app, &unnamed, "").await);
    claims["jti"] = json!("once");
    let named = by_sts(&claims);
    let answers = join_all((0..16).map(|_| ask(app, &named, ""))).await;
    assert_eq!(answers.iter().filter(|answer| answer.code() == 200).count(), 1);
    for answer in answers.iter().filter(|answer| answer.code() != 200) {
        answer.error(400, "invalid_grant");
    }
}

async fn scope_is_what_client_and_issuer_may_both(app: &TestApp) {
    let jwt = by_sts(&claims(app.now()));
    assert_eq!(granted(&ask(app, &jwt, "app:read").await)["scope"], "app:read");
    for scope in ["app:write", "app:delete", "openid", "iam:admin.read"] {
        ask(app, &jwt, scope).await.error(400, "invalid_scope");
    }
}

async fn the_client_is_judged_before_the_assertion(app: &TestApp) {
    let saml = "urn:ietf:params:oauth:grant-type:saml2-bearer";
    let plain = client(app, "federated", "plain", "federated-plain-secret-0123456789a");
    let wrong = client(app, "federated", "shop", "wrong");
    let mut unknown = claims(app.now());
    unknown["iss"] = json!("https://unknown.example.org");
    let good = by_sts(&claims(app.now()));
    for (grant, assertion) in
        [(GRANT, "x"), (GRANT, &by_sts(&unknown)), (GRANT, &good), (saml, "x"), (saml, "PHg-PC94Pg")]
    {
        let fields = [("grant_type", grant), ("assertion", assertion)];
        plain.token(&fields).await.error(400, "unauthorized_client");
        refused(&wrong.token(&fields).await);
    }
    granted(&ask(app, &good, "").await);
}
