//! Which keys are accepted.

use serde_json::{Map, Value};

use super::{certificate, fixture, verify_with};
use crate::crypto::saml::{SamlKey, SamlKeyFault};

fn jwk(name: &str) -> Map<String, Value> {
    serde_json::from_str(&fixture(&format!("{name}.jwk.json"))).expect(name)
}

#[test]
fn a_jwk_is_as_good_as_a_certificate() {
    for name in ["rsa", "p256", "p384", "p521"] {
        let key = SamlKey::from_public_jwk(&jwk(name)).expect(name);
        assert!(verify_with(&fixture(&format!("good_{name}_sha256.xml")), &[key]).is_ok(), "{name}");
    }
}

#[test]
fn weak_and_broken_keys_are_refused() {
    assert_eq!(SamlKey::from_certificate_pem(&fixture("rsa1024.crt")).err(), Some(SamlKeyFault::Weak));
    let good = fixture("rsa.crt");
    let with_text = format!("\n {good}\n");
    assert!(SamlKey::from_certificate_pem(&with_text).is_ok());
    for text in
        ["", "x", &good.repeat(2), &good[..200], &format!("x{good}"), &good.replace("CERTIFICATE", "PUBLIC KEY")]
    {
        assert_eq!(SamlKey::from_certificate_pem(text).err(), Some(SamlKeyFault::Certificate), "{text}");
    }
    for (name, member, value, fault) in [
        ("rsa", "e", "AQ", SamlKeyFault::Weak),
        ("rsa", "e", "AA", SamlKeyFault::Weak),
        ("rsa", "e", "AQAA", SamlKeyFault::Weak),
        ("rsa", "n", "AQAB", SamlKeyFault::Weak),
        ("rsa", "n", "", SamlKeyFault::Weak),
        ("rsa", "n", "==", SamlKeyFault::Jwk),
        ("rsa", "use", "enc", SamlKeyFault::Jwk),
        ("rsa", "kty", "oct", SamlKeyFault::Jwk),
        ("p256", "crv", "P-384", SamlKeyFault::Jwk),
        ("p256", "crv", "secp256k1", SamlKeyFault::Jwk),
        ("p256", "x", "AA", SamlKeyFault::Jwk),
    ] {
        let mut jwk = jwk(name);
        jwk.insert(member.to_owned(), value.into());
        assert_eq!(SamlKey::from_public_jwk(&jwk).err(), Some(fault), "{name} {member}={value}");
    }
    assert_eq!(SamlKey::from_public_jwk(&Map::new()).err(), Some(SamlKeyFault::Jwk));
}

#[test]
fn the_debug_form_says_no_more_than_the_size() {
    assert_eq!(format!("{:?}", certificate("rsa.crt")), "SamlKey(2048 bits)");
}
