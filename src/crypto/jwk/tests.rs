//! Keys of the RFCs are read and named as they say; hostile and sloppy ones are refused for the right reason.

use serde_json::json;

use super::*;
use crate::crypto::jwt::{JwsAlg, object};
use crate::crypto::vectors::*;

fn jwk(json: &str) -> Map<String, Value> {
    object(json.as_bytes()).unwrap()
}

/// The key with some members set, or dropped where the value is null.
fn changed(json: &str, changes: Value) -> Map<String, Value> {
    let mut jwk = jwk(json);
    let Value::Object(changes) = changes else { panic!("not an object") };
    for (name, value) in changes {
        if value.is_null() {
            jwk.remove(&name);
        } else {
            jwk.insert(name, value);
        }
    }
    jwk
}

fn public_half(json: &str) -> Map<String, Value> {
    let mut jwk = jwk(json);
    jwk.retain(|name, _| !PRIVATE_MEMBERS.contains(&name.as_str()));
    jwk
}

#[test]
fn thumbprints_are_those_of_the_rfcs() {
    let thumbprint = |json| PublicKey::read(&jwk(json), "sign").unwrap().thumbprint();
    assert_eq!(thumbprint(THUMBPRINT_KEY), THUMBPRINT);
    assert_eq!(thumbprint(ED_KEY), ED_THUMBPRINT);
}

#[test]
fn every_algorithm_makes_reads_and_publishes_keys() {
    for alg in JwsAlg::ASYMMETRIC {
        let key = SigningKey::generate(alg).unwrap();
        let public = key.public_jwk();
        assert_eq!((&public["use"], &public["alg"], &public["kid"]), (&json!("sig"), &json!(alg), &json!(key.kid())));
        assert!(require_public(&public).is_ok(), "{alg}");
        assert_eq!(key.kid(), PublicKey::read(&public, "verify").unwrap().thumbprint());
        let again = SigningKey::from_private_jwk(&jwk(&key.private_jwk())).unwrap();
        assert_eq!((again.kid(), again.alg(), again.public_jwk()), (key.kid(), alg, public.clone()));
        assert_eq!(again.private_jwk(), key.private_jwk());
        assert_eq!(VerifyingKey::from_public_jwk(&public).unwrap().kid(), Some(key.kid()));
        assert!(!format!("{key:?}").contains(public.get("x").or(public.get("n")).unwrap().as_str().unwrap()));
    }
    assert!(SigningKey::generate(JwsAlg::HS256).is_err());
}

#[test]
fn a_private_key_keeps_its_name_or_gets_its_thumbprint() {
    let named = SigningKey::from_private_jwk(&changed(EC_KEY, json!({"kid": "2010", "use": "sig"}))).unwrap();
    assert_eq!((named.kid(), named.alg()), ("2010", JwsAlg::ES256));
    assert_eq!(SigningKey::from_private_jwk(&jwk(ED_KEY)).unwrap().kid(), ED_THUMBPRINT);
    let pss = SigningKey::from_private_jwk(&changed(RSA_KEY, json!({"alg": "PS256"}))).unwrap();
    assert_eq!((pss.alg(), SigningKey::from_private_jwk(&jwk(RSA_KEY)).unwrap().alg()), (JwsAlg::PS256, JwsAlg::RS256));
}

#[test]
fn bad_private_keys_are_refused() {
    let other = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE";
    let cases = [
        (changed(EC_KEY, json!({"use": "enc"})), KeyFault::Use),
        (changed(EC_KEY, json!({"key_ops": ["verify"]})), KeyFault::Use),
        (changed(EC_KEY, json!({"key_ops": "sign"})), KeyFault::Malformed("key_ops")),
        (changed(EC_KEY, json!({"d": null})), KeyFault::Missing("d")),
        (changed(EC_KEY, json!({"d": other})), KeyFault::Invalid),
        (changed(EC_KEY, json!({"x": other})), KeyFault::Invalid),
        (changed(EC_KEY, json!({"d": "AQ"})), KeyFault::Malformed("d")),
        (changed(EC_KEY, json!({"alg": "ES384"})), KeyFault::Algorithm),
        (changed(EC_KEY, json!({"alg": "HS256"})), KeyFault::Algorithm),
        (changed(EC_KEY, json!({"crv": "P-384"})), KeyFault::Malformed("x")),
        (changed(EC_KEY, json!({"crv": "secp256k1"})), KeyFault::Type),
        (changed(EC_KEY, json!({"kid": ""})), KeyFault::Malformed("kid")),
        (changed(EC_KEY, json!({"kid": 7})), KeyFault::Malformed("kid")),
        (changed(ED_KEY, json!({"d": other})), KeyFault::Invalid),
        (changed(ED_KEY, json!({"crv": "X25519"})), KeyFault::Type),
        (changed(RSA_KEY, json!({"qi": null})), KeyFault::Missing("qi")),
        (changed(RSA_KEY, json!({"d": "AQAB"})), KeyFault::Invalid),
        (changed(RSA_KEY, json!({"e": "AQ"})), KeyFault::Invalid),
        (changed(RSA_KEY, json!({"n": "AQAB"})), KeyFault::Weak),
        (jwk(r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umjw"}"#), KeyFault::Type),
        (jwk(r#"{"k":"AyM1SysPpbyDfgZld3umjw"}"#), KeyFault::Missing("kty")),
    ];
    for (jwk, fault) in cases {
        assert_eq!(SigningKey::from_private_jwk(&jwk).unwrap_err(), fault, "{:?}", jwk.keys().collect::<Vec<_>>());
    }
}

#[test]
fn public_keys_are_read_without_private_parts() {
    for (json, alg) in [(EC_KEY, JwsAlg::ES256), (ED_KEY, JwsAlg::EdDSA), (RSA_KEY, JwsAlg::RS256)] {
        assert_eq!(VerifyingKey::from_public_jwk(&public_half(json)).unwrap().alg(), alg);
        assert_eq!(VerifyingKey::from_public_jwk(&jwk(json)).unwrap_err(), KeyFault::Private);
    }
    let rsa = public_half(RSA_KEY);
    assert_eq!(VerifyingKey::from_public_jwk_for(&rsa, JwsAlg::PS256).unwrap().alg(), JwsAlg::PS256);
    assert_eq!(VerifyingKey::from_public_jwk_for(&rsa, JwsAlg::ES256).unwrap_err(), KeyFault::Algorithm);
    let oct = jwk(r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umjw"}"#);
    assert_eq!(VerifyingKey::from_public_jwk(&oct).unwrap_err(), KeyFault::Private);
}

#[test]
fn bad_public_keys_are_refused() {
    let changed = |json: &str, changes| {
        let mut jwk = changed(json, changes);
        jwk.retain(|name, _| !PRIVATE_MEMBERS.contains(&name.as_str()));
        VerifyingKey::from_public_jwk(&jwk).unwrap_err()
    };
    assert_eq!(changed(EC_KEY, json!({"use": "enc"})), KeyFault::Use);
    assert_eq!(changed(EC_KEY, json!({"use": ["sig"]})), KeyFault::Malformed("use"));
    assert_eq!(changed(EC_KEY, json!({"key_ops": ["encrypt"]})), KeyFault::Use);
    assert_eq!(changed(EC_KEY, json!({"alg": "none"})), KeyFault::Algorithm);
    assert_eq!(changed(EC_KEY, json!({"y": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"})), KeyFault::Invalid);
    assert_eq!(changed(EC_KEY, json!({"y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a1"})), KeyFault::Malformed("y"));
    assert_eq!(changed(EC_KEY, json!({"kty": "AKP"})), KeyFault::Type);
    assert_eq!(changed(RSA_KEY, json!({"crv": "P-256"})), KeyFault::Type);
    assert_eq!(changed(RSA_KEY, json!({"n": unpadded_ones(255)})), KeyFault::Weak);
    assert_eq!(changed(RSA_KEY, json!({"n": unpadded_ones(1025)})), KeyFault::Invalid);
}

/// A number of so many bytes, all bits set.
fn unpadded_ones(bytes: usize) -> String {
    crate::crypto::secret::b64url(&vec![0xff; bytes])
}

#[test]
fn leading_zeros_of_a_modulus_change_neither_key_nor_name() {
    let mut sloppy = public_half(RSA_KEY);
    let n = binary(&sloppy, "n").unwrap();
    sloppy.insert("n".into(), crate::crypto::secret::b64url(&[&[0, 0], n.as_slice()].concat()).into());
    let exact = PublicKey::read(&public_half(RSA_KEY), "verify").unwrap();
    assert_eq!(PublicKey::read(&sloppy, "verify").unwrap(), exact);
    assert!(VerifyingKey::from_public_jwk(&sloppy).is_ok());
}

#[test]
fn sets_are_read_whole_or_not_at_all() {
    let mixed = format!(r#"{{"keys":[{EC_KEY},{{"kty":"oct","k":"AyM1SysPpbyDfgZld3umjw","kid":"atc"}},{ED_KEY}]}}"#);
    let keys = private_set(&mixed).unwrap();
    assert_eq!((keys.signing.len(), keys.content.len()), (2, 1));
    assert_eq!((keys.content[0].kid(), keys.content[0].enc()), (Some("atc"), "A128GCM"));
    for (set, fault) in [
        (r#"{"keys":[]}"#, KeyFault::Set),
        (r#"{"keys":[{"kid":"a"},{"kid":"a"}]}"#, KeyFault::Set),
        (r#"{"keys":[7]}"#, KeyFault::Json),
        (r#"{"keys":{}}"#, KeyFault::Missing("keys")),
        (r#"{"keys":[],"keys":[]}"#, KeyFault::Json),
        ("[]", KeyFault::Json),
        (r#"{"keys":[{"kty":"oct","k":"AQAB"}]}"#, KeyFault::Weak),
    ] {
        assert_eq!(private_set(set).unwrap_err(), fault, "{set}");
    }
    let public = json!({"keys": [public_half(EC_KEY), public_half(RSA_KEY)]});
    assert_eq!(public_set(public.as_object().unwrap()).unwrap().len(), 2);
    let private = jwk(&format!(r#"{{"keys":[{EC_KEY}]}}"#));
    assert_eq!(public_set(&private).unwrap_err(), KeyFault::Private);
}
