//! JWT assertions that are not what they seem (rows JB-1 to JB-14), of a trusted issuer and of a client that speaks for
//! itself; and what is never done with them: asking anybody else.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tenure::crypto::secret::b64url;
use tokio::net::TcpListener;

use super::caller::{Caller, bare, client, granted, hs256, refused, signer, text, with_assertion};
use crate::harness::jwt::{shaped, signed_by_legacy, signed_raw_by_legacy};
use crate::harness::{Answer, TestApp, both, tenants};

both!(
    forms_and_algorithms_are_refused,
    claims_must_be_in_order,
    our_own_tokens_are_no_assertions,
    one_with_an_id_is_good_once,
    encrypted_ones_are_refused_soon,
    what_a_header_points_at_is_never_fetched,
    who_was_removed_or_disabled_is_refused_at_once,
);

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ISSUER: &str = "https://federated.example.com";
const STS: &str = "https://sts.example.org";

/// Who speaks, with the key that tenant `legacy` brings.
struct Speaker<'a> {
    app: &'a TestApp,
    issuer: String,
    is_own: bool,
}

/// The public half of that key.
fn public() -> Value {
    let mut jwk: Value = serde_json::from_str(tenants::LEGACY_KEY).unwrap();
    jwk.as_object_mut().unwrap().remove("d");
    jwk
}

/// A trusted issuer, and a client that speaks for itself.
async fn speakers(app: &TestApp) -> [Speaker<'_>; 2] {
    let metadata = json!({"token_endpoint_auth_method": "private_key_jwt", "grant_types": [GRANT], "scope": "app:read",
        "jwks": {"keys": [public()]}});
    let own = super::caller::register(app, "federated", &metadata).await;
    let own = text(&own, "client_id").to_owned();
    [Speaker { app, issuer: STS.to_owned(), is_own: false }, Speaker { app, issuer: own, is_own: true }]
}

fn shop(app: &TestApp) -> Caller<'_> {
    client(app, "federated", "shop", "federated-shop-secret-0123456789ab")
}

fn signed(claims: &Value) -> String {
    signed_by_legacy(json!({"alg": "ES256", "kid": "old-1"}), claims)
}

impl Speaker<'_> {
    fn claims(&self) -> Value {
        json!({"iss": self.issuer, "sub": "carol", "aud": ISSUER, "exp": self.app.now() + 300})
    }

    async fn send(&self, fields: &[(&str, &str)]) -> Answer {
        if self.is_own {
            bare(self.app, "federated", "/token", fields).await
        } else {
            shop(self.app).token(fields).await
        }
    }

    async fn present(&self, assertion: &str) -> Answer {
        self.send(&[("grant_type", GRANT), ("assertion", assertion)]).await
    }

    async fn refused(&self, assertion: &str) {
        let begun = Instant::now();
        let said = self.present(assertion).await.error(400, "invalid_grant");
        assert_eq!(said, "Bad request: Invalid or expired assertion", "{assertion}");
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
}

fn part(value: &Value) -> String {
    b64url(value.to_string().as_bytes())
}

async fn forms_and_algorithms_are_refused(app: &TestApp) {
    for speaker in speakers(app).await {
        for fields in [&[][..], &[("assertion", "")], &[("assertion", "a"), ("assertion", "b")]] {
            let answer = speaker.send(&[&[("grant_type", GRANT)], fields].concat()).await;
            answer.error(400, "invalid_request");
        }
        let claims = speaker.claims();
        let good = signed(&claims);
        let parts: Vec<&str> = good.split('.').collect();
        for alg in ["none", "None", "nOnE", "NONE", "", "ES256K", "RS1", "HS256", "RS256", "ES384"] {
            let header = json!({"alg": alg, "kid": "old-1"});
            speaker.refused(&signed_raw_by_legacy(&header, &claims)).await;
            speaker.refused(&format!("{}.{}.", part(&header), parts[1])).await;
        }
        for secret in [public().to_string(), public()["x"].as_str().unwrap().to_owned(), "x".repeat(32)] {
            speaker.refused(&hs256(&secret, &claims)).await;
        }
        let flattened = json!({"protected": parts[0], "payload": parts[1], "signature": parts[2]});
        for form in [
            flattened.to_string(),
            json!({"payload": parts[1], "signatures": [{"protected": parts[0], "signature": parts[2]}]}).to_string(),
            format!("{}.{}", parts[0], parts[1]),
            format!("{good}."),
            format!("{good}="),
            format!(" {good}"),
            good.replace('.', ".."),
            format!("{}.{}.{}", parts[0], parts[1], b64url(&[0; 64])),
            "x".repeat(17_000),
            shaped(&claims),
        ] {
            speaker.refused(&form).await;
        }
        for header in [
            json!({"alg": "ES256", "kid": "old-1", "crit": ["exp"]}),
            json!({"alg": "ES256", "kid": "old-1", "b64": false}),
            json!({"alg": "ES256", "kid": "old-1", "zip": "DEF"}),
            json!({"alg": "ES256", "kid": "old-1", "typ": "at+jwt"}),
            json!({"alg": "ES256", "kid": "old-1", "typ": "logout+jwt"}),
            json!({"alg": ["ES256"], "kid": "old-1"}),
        ] {
            speaker.refused(&signed_raw_by_legacy(&header, &claims)).await;
        }
        granted(&speaker.present(&good).await);
        granted(&speaker.present(&signed_raw_by_legacy(&json!({"alg": "ES256"}), &claims)).await);
    }
}

async fn claims_must_be_in_order(app: &TestApp) {
    let now = app.now();
    for speaker in speakers(app).await {
        for (claim, value) in [
            ("iss", json!("https://unknown.example.org")),
            ("iss", json!(format!("{}/", speaker.issuer))),
            ("iss", json!([speaker.issuer])),
            ("iss", json!(ISSUER)),
            ("iss", Value::Null),
            ("sub", json!("")),
            ("sub", Value::Null),
            ("sub", json!("s".repeat(10_240))),
            ("sub", json!("a\u{1}b")),
            ("sub", json!(["carol"])),
            ("sub", json!("gone")),
            ("aud", json!("https://acme.example.com")),
            ("aud", json!("https://federated.example.com/")),
            ("aud", json!("https://federated.example.com/token/revoke")),
            ("aud", json!([ISSUER, STS])),
            ("aud", json!([])),
            ("aud", Value::Null),
            ("exp", json!(now - 61)),
            ("exp", json!(now + 7200)),
            ("exp", json!(1e300)),
            ("exp", json!(u64::MAX)),
            ("exp", json!((now + 300).to_string())),
            ("exp", Value::Null),
            ("nbf", json!(now + 61)),
            ("nbf", json!(253_402_300_800_i64)),
            ("iat", json!(now + 61)),
            ("iat", json!(-1)),
            ("jti", json!("")),
            ("jti", json!(7)),
            ("jti", json!("j".repeat(4096))),
        ] {
            let mut claims = speaker.claims();
            claims[claim] = value;
            speaker.refused(&signed(&claims)).await;
        }
        for claim in ["iss", "sub", "aud", "exp"] {
            let mut claims = speaker.claims();
            claims.as_object_mut().unwrap().remove(claim);
            speaker.refused(&signed(&claims)).await;
        }
        for (claim, value) in [("exp", now - 60), ("exp", now + 3600), ("nbf", now + 60), ("iat", now + 60)] {
            let mut claims = speaker.claims();
            claims[claim] = json!(value);
            granted(&speaker.present(&signed(&claims)).await);
        }
    }
}

async fn our_own_tokens_are_no_assertions(app: &TestApp) {
    let store = app.authz_store().as_tenant("federated");
    let body = json!({"sub": "carol", "cid": "shop", "scp": ["openid"], "irt": true, "idr": true});
    let first = store.new_tokens(&body).await;
    let second = store.refresh(text(&first, "refresh_token")).await.status(200).json();
    let own = granted(&shop(app).token(&[("grant_type", "client_credentials")]).await);
    for speaker in speakers(app).await {
        for token in [text(&first, "access_token"), text(&second, "id_token"), text(&own, "access_token")] {
            speaker.refused(token).await;
            refused(
                &bare(app, "federated", "/token", &with_assertion(&[("grant_type", "client_credentials")], token))
                    .await,
            );
        }
    }
}

async fn one_with_an_id_is_good_once(app: &TestApp) {
    let replica = if app.is_postgres() { Some(app.replica().await) } else { None };
    for speaker in speakers(app).await {
        let mut claims = speaker.claims();
        claims["jti"] = json!("once");
        let assertion = signed(&claims);
        // The client's secret is known before the race: a slow hash is no part of it.
        for server in [app, replica.as_ref().unwrap_or(app)] {
            granted(&shop(server).token(&[("grant_type", "client_credentials")]).await);
        }
        let there = Speaker { app: replica.as_ref().unwrap_or(app), issuer: speaker.issuer.clone(), ..speaker };
        let racers = (0..64).map(|n| if n % 2 == 0 { speaker.present(&assertion) } else { there.present(&assertion) });
        let answers = join_all(racers).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.code() == 200);
        assert_eq!(won.len(), 1, "once over both replicas");
        for answer in lost {
            answer.error(400, "invalid_grant");
        }
        // The id, not the text of the assertion, was used.
        claims["exp"] = json!(app.now() + 200);
        speaker.present(&signed(&claims)).await.error(400, "invalid_grant");
    }
    // And one that authenticates a client, also once.
    let signer = signer(app, "federated", &["client_credentials"], "app:read").await;
    let claims = super::caller::own_claims(&signer.id, ISSUER, app.now(), "login");
    let jwt = signer.key.sign("JWT", claims.to_string().as_bytes()).unwrap();
    let fields = with_assertion(&[("grant_type", "client_credentials")], &jwt);
    let there = replica.as_ref().unwrap_or(app);
    let racers = (0..64).map(|n| bare(if n % 2 == 0 { app } else { there }, "federated", "/token", &fields));
    let answers = join_all(racers).await;
    assert_eq!(answers.iter().filter(|answer| answer.code() == 200).count(), 1);
    for answer in answers.iter().filter(|answer| answer.code() != 200) {
        refused(answer);
    }
}

/// Encrypted tokens made to harm who would decrypt them.
fn bombs() -> Vec<String> {
    // A point that is not on P-256.
    let off_curve = json!({"kty": "EC", "crv": "P-256", "x": b64url(&[1; 32]), "y": b64url(&[1; 32])});
    let headers = [
        json!({"alg": "dir", "enc": "A128GCM", "zip": "DEF", "cty": "JWT"}),
        json!({"alg": "dir", "enc": "A256GCM", "zip": "DEF"}),
        json!({"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 2_147_483_648_u64, "p2s": b64url(&[7; 16])}),
        json!({"alg": "dir", "enc": "unknown"}),
        json!({"alg": "ECDH-ES", "enc": "A128GCM", "epk": off_curve}),
        json!({"alg": "RSA1_5", "enc": "A128CBC-HS256"}),
        json!({"alg": "RSA-OAEP", "enc": "A128GCM"}),
        json!({"alg": "A128GCMKW", "enc": "A128GCM", "iv": b64url(&[0; 12]), "tag": b64url(&[0; 16])}),
    ];
    let [key, iv, text, tag] = [vec![3; 256], vec![0; 12], vec![5; 4096], vec![0; 16]].map(|bytes| b64url(&bytes));
    let keyed = |header: &Value| if header["alg"] == "dir" { String::new() } else { key.clone() };
    headers.iter().map(|header| format!("{}.{}.{iv}.{text}.{tag}", part(header), keyed(header))).collect()
}

async fn encrypted_ones_are_refused_soon(app: &TestApp) {
    for speaker in speakers(app).await {
        for bomb in bombs() {
            speaker.refused(&bomb).await;
        }
    }
    // Nor as who a client is, nor as what a tenant with a key for encrypted access tokens is asked about.
    for bomb in bombs() {
        let begun = Instant::now();
        let fields = with_assertion(&[("grant_type", "client_credentials")], &bomb);
        refused(&bare(app, "federated", "/token", &fields).await);
        for tenant in ["vault", "vault128"] {
            let store = app.authz_store().as_tenant(tenant);
            store.inspect("access_token", &bomb).await.error(404, "invalid_access_token");
        }
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
}

async fn what_a_header_points_at_is_never_fetched(app: &TestApp) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let there = format!("http://{}/keys", listener.local_addr().unwrap());
    let stranger = tenure::crypto::jwt::SigningKey::generate(tenure::crypto::jwt::JwsAlg::ES256).unwrap();
    for speaker in speakers(app).await {
        let claims = speaker.claims();
        let strange = stranger.sign("JWT", claims.to_string().as_bytes()).unwrap();
        let strange: Vec<&str> = strange.split('.').collect();
        for pointer in ["jku", "x5u"] {
            let mut header = json!({"alg": "ES256", "kid": "old-1"});
            header[pointer] = json!(there);
            let pointing = signed_by_legacy(header.clone(), &claims);
            assert!([200, 400].contains(&speaker.present(&pointing).await.code()), "ignored or refused");
            speaker.refused(&format!("{}.{}.{}", part(&header), strange[1], strange[2])).await;
        }
        let embedded = json!({"alg": "ES256", "jwk": stranger.public_jwk(), "x5c": ["AAAA"]});
        speaker.refused(&format!("{}.{}.{}", part(&embedded), strange[1], strange[2])).await;
        let fields = with_assertion(&[("grant_type", "client_credentials")], "a.b.c");
        refused(&bare(app, "federated", "/token", &fields).await);
    }
    // No address of a key set is taken in the first place.
    let metadata = json!({"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": there});
    let request = app.request("POST", "/clients").header("tenant-id", "federated").bearer(super::caller::REGISTRATION);
    request.json(&metadata).send().await.status(400);
    let called = tokio::time::timeout(Duration::from_millis(200), listener.accept()).await;
    assert!(called.is_err(), "somebody called: {called:?}");
}

async fn who_was_removed_or_disabled_is_refused_at_once(app: &TestApp) {
    let replica = if app.is_postgres() { Some(app.replica().await) } else { None };
    let there = replica.as_ref().unwrap_or(app);
    let secret = "sts-shop-secret-0123456789abcdef0123";
    let shop = json!({"client_id": "shop", "client_secret": secret, "grant_types": [GRANT], "scope": "app:read"});
    let trusted = json!([{"type": "jwt", "issuer": STS, "jwks": {"keys": [public()]}, "scope": "app:read"}]);
    let user = json!({"username": "carol", "password": "secret-carol"});
    app.platform().make("trusting", &json!({"client": [shop], "user": [user], "assertion_issuer": trusted})).await;
    let claims = json!({"iss": STS, "sub": "carol", "aud": "https://trusting.example.com", "exp": app.now() + 300});
    let assertion = signed(&claims);
    let ask = async || {
        let caller = client(there, "trusting", "shop", secret);
        caller.token(&[("grant_type", GRANT), ("assertion", &assertion)]).await
    };
    granted(&ask().await);
    let platform = app.platform();
    platform.send("PUT", "/trusting/users/carol", &json!({"enabled": false})).await.status(200);
    ask().await.error(400, "invalid_grant");
    platform.send("PUT", "/trusting/users/carol", &json!({"enabled": true})).await.status(200);
    granted(&ask().await);
    let mut disabled = json!({"grant_types": [GRANT], "scope": "app:read", "enabled": false});
    platform.send("PUT", "/trusting/clients/shop", &disabled).await.status(200);
    refused(&ask().await);
    disabled["enabled"] = json!(true);
    platform.send("PUT", "/trusting/clients/shop", &disabled).await.status(200);
    granted(&ask().await);
    let mut settings = json!({"issuer": "https://trusting.example.com", "assertion_issuer": trusted,
        "authz_store": {"api_token_sha256": [tenants::api_token_hash("trusting")]}});
    settings["assertion_issuer"][0]["enabled"] = json!(false);
    platform.send("PUT", "/trusting", &settings).await.status(200);
    ask().await.error(400, "invalid_grant");
    settings["assertion_issuer"][0]["enabled"] = json!(true);
    platform.send("PUT", "/trusting", &settings).await.status(200);
    granted(&ask().await);
}
