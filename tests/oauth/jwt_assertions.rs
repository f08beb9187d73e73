//! Client authentication by a JWT (rows TK-6 to TK-8; RFC 7523).

use futures_util::future::join_all;
use serde_json::{Value, json};
use tenure::crypto::jwt::{JwsAlg, SigningKey};

use super::caller::{Signer, bare, granted, hs256, own_claims, refused, register, signer, text, with_assertion};
use crate::harness::{Answer, TestApp, both, both_restarting};

both!(
    a_secret_and_a_key_sign_for_their_clients,
    the_claims_must_be_in_order,
    the_signature_must_be_the_clients_own,
    a_key_id_names_a_key_of_the_client,
    an_assertion_is_good_once,
);
both_restarting!(a_used_assertion_stays_used);

const GRANT: [(&str, &str); 1] = [("grant_type", "client_credentials")];
const ISSUER: &str = "https://acme.example.com";
const SECRET: &str = "jwt-client-secret-0123456789abcdef-0123456789";

async fn with(app: &TestApp, assertion: &str) -> Answer {
    bare(app, "acme", "/token", &with_assertion(&GRANT, assertion)).await
}

async fn own(app: &TestApp, signer: &Signer, claims: &Value) -> Answer {
    with(app, &signer.key.sign("JWT", claims.to_string().as_bytes()).unwrap()).await
}

async fn a_secret_and_a_key_sign_for_their_clients(app: &TestApp) {
    let signer = signer(app, "acme", &["client_credentials"], "app:read").await;
    let audiences = [ISSUER, "https://acme.example.com/token", "https://login.acme.example.com"];
    for (n, audience) in audiences.into_iter().enumerate() {
        let claims = own_claims(&signer.id, audience, app.now(), &format!("k{n}"));
        granted(&own(app, &signer, &claims).await);
        let claims = own_claims("jwt-client", audience, app.now(), &format!("s{n}"));
        granted(&with(app, &hs256(SECRET, &claims)).await);
    }
    let claims = own_claims(&signer.id, "https://acme.example.com/token/revoke", app.now(), "r");
    let jwt = signer.key.sign("JWT", claims.to_string().as_bytes()).unwrap();
    refused(&with(app, &jwt).await);
    bare(app, "acme", "/token/revoke", &with_assertion(&[("token", "x")], &jwt)).await.status(200).empty();
    let claims = own_claims(&signer.id, ISSUER, app.now(), "named");
    let jwt = signer.key.sign("JWT", claims.to_string().as_bytes()).unwrap();
    let other = [GRANT[0], ("client_id", "65564eb0058d")];
    refused(&bare(app, "acme", "/token", &with_assertion(&other, &jwt)).await);
    let named = [GRANT[0], ("client_id", signer.id.as_str())];
    granted(&bare(app, "acme", "/token", &with_assertion(&named, &jwt)).await);
}

async fn the_claims_must_be_in_order(app: &TestApp) {
    let signer = signer(app, "acme", &["client_credentials"], "app:read").await;
    let now = app.now();
    let good =
        [("exp", json!(now - 60)), ("iat", json!(now + 9)), ("nbf", json!(now + 60)), ("exp", json!(now + 3600))];
    for (n, (claim, value)) in good.into_iter().enumerate() {
        let mut claims = own_claims(&signer.id, ISSUER, now, &format!("good{n}"));
        claims[claim] = value;
        granted(&own(app, &signer, &claims).await);
    }
    let long = "j".repeat(4096);
    for (claim, value) in [
        ("exp", json!(now - 61)),
        ("exp", json!(now + 7200)),
        ("exp", json!(1e300)),
        ("exp", json!(1e19)),
        ("exp", json!(u64::MAX)),
        ("exp", json!("123")),
        ("exp", Value::Null),
        ("iat", json!(now + 61)),
        ("nbf", json!(now + 61)),
        ("nbf", json!(253_402_300_800_i64)),
        ("sub", json!("65564eb0058d")),
        ("iss", json!("65564eb0058d")),
        ("iss", json!([signer.id])),
        ("jti", json!(long)),
        ("jti", json!("")),
        ("jti", json!(5)),
        ("aud", json!([ISSUER, "https://other.example.com"])),
        ("aud", json!("https://acme.example.com/")),
        ("aud", json!("https://globex.example.com/oauth")),
        ("aud", json!([])),
    ] {
        let mut claims = own_claims(&signer.id, ISSUER, now, "bad");
        claims[claim] = value;
        refused(&own(app, &signer, &claims).await);
    }
    for claim in ["iss", "sub", "aud", "exp", "jti"] {
        let mut claims = own_claims(&signer.id, ISSUER, now, "bad");
        claims.as_object_mut().unwrap().remove(claim);
        refused(&own(app, &signer, &claims).await);
    }
}

async fn the_signature_must_be_the_clients_own(app: &TestApp) {
    let signer = signer(app, "acme", &["client_credentials"], "app:read").await;
    let claims = own_claims(&signer.id, ISSUER, app.now(), "x");
    let bytes = claims.to_string();
    let stranger = SigningKey::generate(JwsAlg::ES256).unwrap();
    refused(&with(app, &stranger.sign("JWT", bytes.as_bytes()).unwrap()).await);
    // An HMAC with what is public, or by a client that has registered a key.
    let public = Value::Object(signer.key.public_jwk()).to_string();
    for secret in [public.as_str(), SECRET] {
        refused(&with(app, &hs256(secret, &claims)).await);
    }
    let by_key = own_claims("jwt-client", ISSUER, app.now(), "x").to_string();
    refused(&with(app, &signer.key.sign("JWT", by_key.as_bytes()).unwrap()).await);
    refused(&with(app, &hs256("wrong", &own_claims("jwt-client", ISSUER, app.now(), "x"))).await);
    for typ in ["at+jwt", "logout+jwt"] {
        refused(&with(app, &signer.key.sign(typ, bytes.as_bytes()).unwrap()).await);
    }
    let good = signer.key.sign("JWT", bytes.as_bytes()).unwrap();
    let parts: Vec<_> = good.split('.').collect();
    let none = tenure::crypto::secret::b64url(br#"{"alg":"none"}"#);
    for bad in [
        format!("{none}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{good}="),
        format!("{good}.x"),
        "x".repeat(20_000),
        String::from("a.b.c"),
    ] {
        refused(&with(app, &bad).await);
    }
    granted(&with(app, &good).await);
}

async fn a_key_id_names_a_key_of_the_client(app: &TestApp) {
    for (n, (registered, good)) in [(None, true), (Some(""), true), (Some("another"), false)].into_iter().enumerate() {
        let key = SigningKey::generate(JwsAlg::ES256).unwrap();
        let mut jwk = key.public_jwk();
        match registered {
            None => {}
            Some("") => drop(jwk.remove("kid")),
            Some(kid) => drop(jwk.insert("kid".to_owned(), json!(kid))),
        }
        let metadata = json!({
            "token_endpoint_auth_method": "private_key_jwt",
            "grant_types": ["client_credentials"],
            "scope": "app:read",
            "jwks": {"keys": [jwk]},
        });
        let id = text(&register(app, "acme", &metadata).await, "client_id").to_owned();
        let signer = Signer { id: id.clone(), key };
        let answer = own(app, &signer, &own_claims(&id, ISSUER, app.now(), &format!("kid{n}"))).await;
        if good {
            granted(&answer);
        } else {
            refused(&answer);
        }
    }
}

async fn an_assertion_is_good_once(app: &TestApp) {
    let claims = own_claims("jwt-client", ISSUER, app.now(), "once");
    let jwt = hs256(SECRET, &claims);
    let replica = if app.is_postgres() { Some(app.replica().await) } else { None };
    let answers = join_all((0..16).map(|n| with(replica.as_ref().filter(|_| n % 2 == 0).unwrap_or(app), &jwt))).await;
    assert_eq!(answers.iter().filter(|answer| answer.code() == 200).count(), 1);
    for answer in answers.iter().filter(|answer| answer.code() != 200) {
        refused(answer);
    }
    // The same id in another assertion is the same id; another client's is not.
    let mut again = claims.clone();
    again["exp"] = json!(app.now() + 200);
    refused(&with(app, &hs256(SECRET, &again)).await);
    let signer = signer(app, "acme", &["client_credentials"], "app:read").await;
    granted(&own(app, &signer, &own_claims(&signer.id, ISSUER, app.now(), "once")).await);
}

async fn a_used_assertion_stays_used(app: TestApp) {
    let jwt = hs256(SECRET, &own_claims("jwt-client", ISSUER, app.now(), "restart"));
    granted(&with(&app, &jwt).await);
    let app = app.restarted().await;
    refused(&with(&app, &jwt).await);
}
