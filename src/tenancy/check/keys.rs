//! The shape of keys: public sets (RFC 7517) of clients and assertion issuers, private ones of a tenant that migrates,
//! certificates.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::crypto::secret::{Secret, unb64url};
use crate::tenancy::entry::JwkSet;

/// Members that only a private or symmetric key has (RFC 7518 section 6).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Why `set` can't be a client's or an issuer's public keys.
pub(super) fn public(set: &JwkSet) -> Result<(), &'static str> {
    if set.keys.is_empty() {
        return Err("has no key");
    }
    for key in &set.keys {
        if PRIVATE.iter().any(|member| key.contains_key(*member)) {
            return Err("holds a private or symmetric key: give the public half");
        }
        if key.get("use").is_some_and(|usage| usage != "sig") {
            return Err("holds a key that isn't for signatures");
        }
        half(key)?;
    }
    distinct(&set.keys)
}

/// Why the JSON text of a private set can't be a tenant's keys.
pub(super) fn private(text: &Secret) -> Result<(), &'static str> {
    let set: JwkSet = serde_json::from_str(text.expose()).map_err(|_| "expected a JWK set: { keys = [ … ] }")?;
    if set.keys.is_empty() {
        return Err("has no key");
    }
    for key in &set.keys {
        if key.get("kty").is_some_and(|kty| kty == "oct") {
            let bytes = bytes(key, "k").map(|key| key.len());
            if !matches!(bytes, Some(16 | 32)) {
                return Err("an oct key is the AES key of atc: 16 or 32 bytes in k");
            }
            continue;
        }
        half(key)?;
        if bytes(key, "d").is_none() {
            return Err("holds a key without its private half d");
        }
    }
    distinct(&set.keys)
}

/// Why `text` can't be a certificate: one PEM block (RFC 7468).
pub(super) fn certificate(text: &str) -> Result<(), &'static str> {
    let body = text
        .trim()
        .strip_prefix("-----BEGIN CERTIFICATE-----")
        .and_then(|rest| rest.strip_suffix("-----END CERTIFICATE-----"))
        .ok_or("not one certificate in PEM form")?;
    let base64: String = body.split_ascii_whitespace().collect();
    match STANDARD.decode(base64) {
        Ok(der) if der.first() == Some(&0x30) => Ok(()),
        Ok(_) | Err(_) => Err("not one certificate in PEM form"),
    }
}

/// The public half of an asymmetric key.
fn half(key: &Map<String, Value>) -> Result<(), &'static str> {
    let text = |member: &str| key.get(member).and_then(Value::as_str);
    let length = |member: &str| bytes(key, member).map(|value| value.len());
    let good = match (text("kty"), text("crv")) {
        (Some("EC"), Some("P-256")) => length("x") == Some(32) && length("y") == Some(32),
        (Some("EC"), Some("P-384")) => length("x") == Some(48) && length("y") == Some(48),
        (Some("OKP"), Some("Ed25519")) => length("x") == Some(32),
        (Some("RSA"), _) => length("n").is_some_and(|n| (256..=1024).contains(&n)) && length("e").is_some(),
        _ => return Err("holds a key that is none of EC P-256, EC P-384, RSA and Ed25519"),
    };
    if !good {
        return Err("holds a key with missing or malformed members, or an RSA key under 2048 bits");
    }
    match (key.get("alg").map(|alg| alg.as_str()), text("kty"), text("crv")) {
        (None, ..)
        | (Some(Some("ES256")), Some("EC"), Some("P-256"))
        | (Some(Some("ES384")), Some("EC"), Some("P-384"))
        | (Some(Some("EdDSA")), Some("OKP"), _)
        | (Some(Some("RS256" | "PS256")), Some("RSA"), _) => Ok(()),
        _ => Err("holds a key whose alg doesn't fit it"),
    }
}

fn bytes(key: &Map<String, Value>, member: &str) -> Option<Vec<u8>> {
    key.get(member).and_then(Value::as_str).and_then(unb64url)
}

fn distinct(keys: &[Map<String, Value>]) -> Result<(), &'static str> {
    let kids: Vec<&Value> = keys.iter().filter_map(|key| key.get("kid")).collect();
    if kids.iter().any(|kid| !kid.is_string()) {
        return Err("holds a kid that isn't a string");
    }
    let repeated = kids.iter().enumerate().any(|(index, kid)| kids[..index].contains(kid));
    if repeated { Err("holds one kid twice") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const X: &str = "lasVk7ORrIXVtmZ4R4hEHFGsURFW8Rc0eycJITWOWco";
    const Y: &str = "6OgKHuFThWpkV4uYo2BE1gbp4pnuc8JPcxMRTl-SwSc";

    fn set(keys: Value) -> JwkSet {
        serde_json::from_value(json!({ "keys": keys })).unwrap()
    }

    #[test]
    fn public_sets() {
        let good = json!({"kty": "EC", "crv": "P-256", "x": X, "y": Y, "kid": "a", "use": "sig", "alg": "ES256"});
        assert_eq!(public(&set(json!([good]))), Ok(()));
        for (change, to) in [
            ("d", json!(X)),
            ("kty", json!("oct")),
            ("alg", json!("RS256")),
            ("alg", json!("none")),
            ("alg", json!(1)),
            ("use", json!("enc")),
            ("x", json!("AA")),
            ("kid", json!(1)),
        ] {
            let mut bad = good.clone();
            bad[change] = to.clone();
            assert!(public(&set(json!([bad]))).is_err(), "{change} {to}");
        }
        assert!(public(&set(json!([]))).is_err());
        assert!(public(&set(json!([good, good]))).is_err());
    }

    #[test]
    fn private_sets() {
        let secret = |value: Value| Secret::new(value.to_string());
        let ec = json!({"kty": "EC", "crv": "P-256", "x": X, "y": Y, "d": X, "kid": "a"});
        let oct = json!({"kty": "oct", "k": "AAECAwQFBgcICQoLDA0ODw", "kid": "b"});
        assert_eq!(private(&secret(json!({"keys": [ec, oct]}))), Ok(()));
        let half = json!({"kty": "EC", "crv": "P-256", "x": X, "y": Y});
        let short = json!({"kty": "oct", "k": "AAEC"});
        for bad in [json!({"keys": []}), json!({"keys": [half]}), json!({"keys": [short]}), json!({"key": []})] {
            assert!(private(&secret(bad.clone())).is_err(), "{bad}");
        }
    }
}
