//! A client of the OAuth endpoints: its tenant, its credential, and what it asks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tenure::crypto::jwt::{JwsAlg, SigningKey};
use tenure::crypto::secret::b64url;

use crate::harness::request::form;
use crate::harness::{Answer, TestApp};

/// acme's registration token.
pub(crate) const REGISTRATION: &str = "registration-token-acme-0123456789abc";
/// The seed's checklist of causes.
pub(crate) const CHECKLIST: &str = "Invalid client: Possible causes may be missing / invalid client_id, missing client \
     authentication, invalid or expired client secret, invalid or expired JWT authentication, invalid or expired client \
     X.509 certificate, or an unexpected client authentication method";

/// A client.
#[derive(Clone)]
pub(crate) struct Caller<'a> {
    app: &'a TestApp,
    tenant: String,
    id: String,
    secret: String,
}

/// acme's web shop: HTTP Basic, and most grants.
pub(crate) fn shop(app: &TestApp) -> Caller<'_> {
    client(app, "acme", "65564eb0058d", "web-shop-secret-0123456789abcdef")
}

/// globex's client of the same id.
pub(crate) fn other_shop(app: &TestApp) -> Caller<'_> {
    client(app, "globex", "65564eb0058d", "globex-shop-secret-0123456789abcdef")
}

/// Any client with HTTP Basic.
pub(crate) fn client<'a>(app: &'a TestApp, tenant: &str, id: &str, secret: &str) -> Caller<'a> {
    Caller { app, tenant: tenant.to_owned(), id: id.to_owned(), secret: secret.to_owned() }
}

impl Caller<'_> {
    /// A form to one of the endpoints, with HTTP Basic.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let basic = basic(&self.id, &self.secret);
        let request = self.app.request("POST", path).header("tenant-id", &self.tenant);
        request.header("authorization", &basic).form(fields).send().await
    }

    /// A token request.
    pub(crate) async fn token(&self, fields: &[(&str, &str)]) -> Answer {
        self.post("/token", fields).await
    }

    /// A revocation.
    pub(crate) async fn revoke(&self, token: &str) {
        self.post("/token/revoke", &[("token", token)]).await.status(200).no_store().empty();
    }

    /// An introspection.
    pub(crate) async fn introspect(&self, token: &str) -> Value {
        self.post("/token/introspect", &[("token", token)]).await.status(200).no_store().json()
    }

    /// Demands that introspection calls a token good, or says nothing of it.
    pub(crate) async fn assert_active(&self, token: &str, active: bool) {
        let told = self.introspect(token).await;
        if active {
            assert_eq!(told["active"], true, "{told}");
        } else {
            assert_eq!(told, json!({"active": false}));
        }
    }
}

/// `Authorization` with HTTP Basic, id and secret form-encoded.
pub(crate) fn basic(id: &str, secret: &str) -> String {
    let [id, secret] = [id, secret].map(|part| form(&[(part, "")]).trim_end_matches('=').to_owned());
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

/// A form without any header of a credential.
pub(crate) async fn bare(app: &TestApp, tenant: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
    app.request("POST", path).header("tenant-id", tenant).form(fields).send().await
}

/// Demands the one answer to every failed client authentication.
#[track_caller]
pub(crate) fn refused(answer: &Answer) -> Value {
    answer.status(401).no_store();
    assert_eq!(answer.header("www-authenticate"), "Basic", "{answer}");
    let mut body = answer.json();
    let id = body.as_object_mut().unwrap().remove("client_auth_id").unwrap();
    assert_eq!(id.as_str().unwrap(), answer.header("x-request-id"), "{answer}");
    assert_eq!(body, json!({"error": "invalid_client", "error_description": CHECKLIST}));
    body
}

/// Demands a token response as section 5.1 of the seed has it.
#[track_caller]
pub(crate) fn granted(answer: &Answer) -> Value {
    answer.status(200).no_store();
    assert_eq!(answer.header("pragma"), "no-cache");
    assert_eq!(answer.header("content-type"), "application/json;charset=UTF-8");
    let body = answer.json();
    assert_eq!(body["token_type"], "bearer");
    assert!(body["access_token"].is_string() && body["expires_in"].is_i64() && body["scope"].is_string(), "{body}");
    body
}

/// A text member.
#[track_caller]
pub(crate) fn text<'v>(body: &'v Value, member: &str) -> &'v str {
    body[member].as_str().unwrap_or_else(|| panic!("no {member} in {body}"))
}

/// Registers a client of a tenant and returns its registration.
pub(crate) async fn register(app: &TestApp, tenant: &str, metadata: &Value) -> Value {
    let request = app.request("POST", "/clients").header("tenant-id", tenant).bearer(REGISTRATION);
    request.json(metadata).send().await.status(201).no_store().json()
}

/// A client that signs with a key of its own.
pub(crate) struct Signer {
    pub(crate) id: String,
    pub(crate) key: SigningKey,
}

/// Registers a client for `private_key_jwt` with an ES256 key.
pub(crate) async fn signer(app: &TestApp, tenant: &str, grants: &[&str], scope: &str) -> Signer {
    let key = SigningKey::generate(JwsAlg::ES256).unwrap();
    let metadata = json!({
        "token_endpoint_auth_method": "private_key_jwt",
        "grant_types": grants,
        "scope": scope,
        "jwks": {"keys": [key.public_jwk()]},
    });
    let id = text(&register(app, tenant, &metadata).await, "client_id").to_owned();
    Signer { id, key }
}

/// A JWT under an HMAC.
pub(crate) fn hs256(secret: &str, claims: &Value) -> String {
    let [header, claims] =
        [&json!({"alg": "HS256", "typ": "JWT"}), claims].map(|part| b64url(part.to_string().as_bytes()));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{header}.{claims}").as_bytes());
    format!("{header}.{claims}.{}", b64url(&mac.finalize().into_bytes()))
}

/// The claims of an assertion that a client makes of itself.
pub(crate) fn own_claims(id: &str, audience: &str, now: i64, jti: &str) -> Value {
    json!({"iss": id, "sub": id, "aud": audience, "exp": now + 300, "iat": now, "jti": jti})
}

/// The form fields of a client assertion.
pub(crate) fn with_assertion<'a>(fields: &[(&'a str, &'a str)], assertion: &'a str) -> Vec<(&'a str, &'a str)> {
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    [fields, &[("client_assertion_type", kind), ("client_assertion", assertion)]].concat()
}
