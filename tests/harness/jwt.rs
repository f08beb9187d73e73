//! JWTs as a resource server sees them: verified against the tenant's published keys, by a library.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jwe::{Dir, JweContext};
use josekit::jwk::Jwk;
use josekit::jws::{ES256, ES384, EdDSA, JwsVerifier, PS256, RS256};
use serde_json::{Value, json};

use super::{TestApp, tenants};

/// A JWT in its parts.
pub(crate) struct Jwt {
    /// The protected header.
    pub(crate) header: Value,
    /// The claims.
    pub(crate) claims: Value,
}

/// Whether a token is a compact JWS.
pub(crate) fn is_jws(token: &str) -> bool {
    token.split('.').count() == 3 && token.starts_with("eyJ")
}

/// Reads a compact JWS without a look at its signature.
#[track_caller]
pub(crate) fn unverified(token: &str) -> Jwt {
    let parts: Vec<_> = token.split('.').collect();
    assert_eq!(parts.len(), 3, "not a compact JWS: {token}");
    let [header, claims] = [parts[0], parts[1]].map(|p| serde_json::from_slice(&decode(p)).unwrap());
    Jwt { header, claims }
}

/// Verifies a token against the keys at a tenant's `/jwks.json`.
pub(crate) async fn verified(app: &TestApp, tenant: &str, token: &str) -> Jwt {
    let set = app.request("GET", "/jwks.json").header("tenant-id", tenant).send().await.status(200).json();
    let jwt = unverified(token);
    let key = set["keys"].as_array().unwrap().iter().find(|key| key["kid"] == jwt.header["kid"]);
    let key = key.unwrap_or_else(|| panic!("no key {} in {set}", jwt.header["kid"]));
    let verifier = verifier(jwt.header["alg"].as_str().unwrap(), key);
    josekit::jws::deserialize_compact(token, &*verifier).unwrap();
    jwt
}

fn verifier(alg: &str, key: &Value) -> Box<dyn JwsVerifier> {
    let jwk = Jwk::from_map(key.as_object().unwrap().clone()).unwrap();
    match alg {
        "ES256" => Box::new(ES256.verifier_from_jwk(&jwk).unwrap()),
        "ES384" => Box::new(ES384.verifier_from_jwk(&jwk).unwrap()),
        "RS256" => Box::new(RS256.verifier_from_jwk(&jwk).unwrap()),
        "PS256" => Box::new(PS256.verifier_from_jwk(&jwk).unwrap()),
        "EdDSA" => Box::new(EdDSA.verifier_from_jwk(&jwk).unwrap()),
        other => panic!("algorithm {other}"),
    }
}

/// Decrypts a compact JWE (`dir`) with an AES key; returns header and plain text.
pub(crate) fn decrypted(token: &str, key: &str) -> (Value, String) {
    let decrypter = Dir.decrypter_from_bytes(decode(key)).unwrap();
    let (plain, header) = JweContext::new().deserialize_compact(token, &decrypter).unwrap();
    (Value::Object(header.claims_set().clone()), String::from_utf8(plain).unwrap())
}

/// Signs claims as the server that tenant `legacy` migrates from would have.
pub(crate) fn signed_by_legacy(header: Value, claims: &Value) -> String {
    let Value::Object(header) = header else { panic!("a header is an object") };
    let header = josekit::jws::JwsHeader::from_map(header).unwrap();
    let key: Value = serde_json::from_str(tenants::LEGACY_KEY).unwrap();
    let jwk = Jwk::from_map(key.as_object().unwrap().clone()).unwrap();
    let mut signer = ES256.signer_from_jwk(&jwk).unwrap();
    signer.remove_key_id(); // the header's counts
    josekit::jws::serialize_compact(claims.to_string().as_bytes(), &header, &signer).unwrap()
}

/// The same with a header that no library would write: the signature is right for the bytes as they are.
pub(crate) fn signed_raw_by_legacy(header: &Value, claims: &Value) -> String {
    let key: Value = serde_json::from_str(tenants::LEGACY_KEY).unwrap();
    let signer = ES256.signer_from_jwk(&Jwk::from_map(key.as_object().unwrap().clone()).unwrap()).unwrap();
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let text = format!("{header}.{claims}");
    let signature = josekit::jws::JwsSigner::sign(&signer, text.as_bytes()).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// An unsigned thing that looks like a JWT: what a login page may post as `idt` in a test.
pub(crate) fn shaped(claims: &Value) -> String {
    let [header, claims] = [&json!({"alg": "ES256"}), claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode([7; 64]))
}

/// Decodes base64url.
#[track_caller]
pub(crate) fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// Decodes base64url, where it is that.
pub(crate) fn try_decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
