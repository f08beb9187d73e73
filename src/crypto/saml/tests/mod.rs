//! Assertions signed by signxml and xmlsec1 (see `tests/peers/saml/fixtures.py`), as they are and spoilt.

mod claims;
mod corpus;
mod forms;
mod hostile;
mod keys;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{Assertion, SamlFault, SamlKey, verify};

const ISSUER: &str = "https://idp.example.org";
const AUDIENCE: &str = "https://acme.example.com";
const RECIPIENT: &str = "https://acme.example.com/token";
/// 2026-11-22T08:30:00Z, when the fixtures were issued; they are good for five minutes from then.
const ISSUED: i64 = 1_795_336_200;

fn fixture(name: &str) -> String {
    let path = format!("{}/tests/peers/saml/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect(name)
}

fn certificate(name: &str) -> SamlKey {
    SamlKey::from_certificate_pem(&fixture(name)).expect(name)
}

fn verify_with(xml: &str, keys: &[SamlKey]) -> Result<Assertion, SamlFault> {
    verify(&URL_SAFE_NO_PAD.encode(xml), |issuer| if issuer == ISSUER { keys.to_vec() } else { Vec::new() })
}

fn verify_rsa(xml: &str) -> Result<Assertion, SamlFault> {
    verify_with(xml, &[certificate("rsa.crt")])
}

/// The signed assertion of most tests with one text replaced, which must be in it exactly once.
fn spoilt(from: &str, to: &str) -> String {
    let xml = fixture("good_rsa_sha256.xml");
    assert_eq!(xml.matches(from).count(), 1, "{from}");
    xml.replace(from, to)
}

#[test]
fn what_others_signed_is_accepted() {
    for key in ["rsa", "p256", "p384", "p521"] {
        for digest in ["sha256", "sha384", "sha512"] {
            let xml = fixture(&format!("good_{key}_{digest}.xml"));
            let assertion = verify_with(&xml, &[certificate(&format!("{key}.crt"))]).expect(key);
            assert_eq!((assertion.id.as_str(), assertion.subject.as_str()), ("_a1", "alice"));
            assert_eq!(assertion.audiences, [AUDIENCE]);
            assert_eq!(assertion.confirmations[0].recipient.as_deref(), Some(RECIPIENT));
            assert_eq!((assertion.issued_at, assertion.auth_instant), (ISSUED, Some(ISSUED - 30)));
            assert_eq!((assertion.not_before, assertion.not_on_or_after), (Some(ISSUED - 30), Some(ISSUED + 300)));
            assert_eq!(assertion.expires_at(), Some(ISSUED + 300));
            assert_eq!(assertion.check(ISSUED, &[AUDIENCE], &[RECIPIENT], 60), Ok(()));
        }
    }
}

#[test]
fn whoever_signed_and_however_it_is_laid_out() {
    for name in ["good_rsa_xmlsec1.xml", "good_rsa_xmlsec1_crlf.xml", "good_rsa_prefixes.xml"] {
        assert_eq!(verify_rsa(&fixture(name)).expect(name).subject, "alice", "{name}");
    }
    let xml = fixture("good_p256_xmlsec1_default_namespace.xml");
    assert_eq!(verify_with(&xml, &[certificate("p256.crt")]).expect("default namespace").subject, "alice");
    let odd = verify_rsa(&fixture("good_rsa_xmlsec1_odd.xml")).expect("odd characters");
    assert_eq!(odd.subject, "al&iceé ü€𐍈 > \"'");
}

#[test]
fn padding_may_be_there_and_nothing_else() {
    let xml = fixture("good_rsa_sha256.xml");
    let key = || vec![certificate("rsa.crt")];
    let parameter = URL_SAFE_NO_PAD.encode(xml.clone() + "\n\n".get(..(xml.len() + 1) % 3 / 2).unwrap_or(""));
    let pad = "=".repeat((4 - parameter.len() % 4) % 4);
    assert!(verify(&format!("{parameter}{pad}"), |_| key()).is_ok());
    for parameter in
        [format!("{parameter}===="), format!(" {parameter}"), format!("{parameter}\n"), format!("+{parameter}")]
    {
        assert_eq!(verify(&parameter, |_| key()), Err(SamlFault::Encoding));
    }
    assert_eq!(verify(&URL_SAFE_NO_PAD.encode(b"<a\xff/>"), |_| key()), Err(SamlFault::Encoding));
}

#[test]
fn the_declaration_may_be_there_in_one_encoding() {
    let xml = fixture("good_rsa_sha256.xml");
    for good in ["<?xml version=\"1.0\"?>\n", "<?xml version='1.0' encoding='utf-8' standalone='yes'?>"] {
        assert!(verify_rsa(&format!("{good}{xml}")).is_ok(), "{good}");
    }
    for bad in [
        "<?xml version=\"1.1\"?>",
        "<?xml version=\"1.0\" encoding=\"latin1\"?>",
        "<?xml?>",
        "<?xml-a version=\"1.0\"?>",
    ] {
        assert_eq!(verify_rsa(&format!("{bad}{xml}")), Err(SamlFault::Markup), "{bad}");
    }
    assert_eq!(verify_rsa(&format!("\u{feff}{xml}")), Err(SamlFault::Malformed("text outside the root element")));
}

#[test]
fn the_key_is_the_issuers_own() {
    let xml = fixture("good_rsa_sha256.xml");
    let [rsa, other, ec] = ["rsa.crt", "other.crt", "p256.crt"].map(certificate);
    assert_eq!(verify_with(&xml, &[]), Err(SamlFault::NoKey));
    assert_eq!(verify_with(&xml, std::slice::from_ref(&ec)), Err(SamlFault::NoKey));
    assert_eq!(verify_with(&xml, std::slice::from_ref(&other)), Err(SamlFault::Signature));
    assert!(verify_with(&xml, &[ec, other, rsa]).is_ok());
    assert_eq!(verify_rsa(&spoilt(ISSUER, "https://idp.example.org/")), Err(SamlFault::NoKey));
    assert_eq!(verify_rsa(&spoilt(ISSUER, "https://IDP.example.org")), Err(SamlFault::NoKey));
}

#[test]
fn a_key_in_the_document_is_not_looked_at() {
    // The KeyInfo holds a certificate of someone else; the issuer's key decides.
    let xml = fixture("good_rsa_keyinfo.xml");
    assert!(verify_rsa(&xml).is_ok());
    assert_eq!(verify_with(&xml, &[certificate("p256.crt")]), Err(SamlFault::NoKey));
    // The KeyInfo holds the very key that made the signature, which is not configured.
    let xml = fixture("good_rsa_sha256.xml");
    assert!(xml.contains("<ds:RSAKeyValue>"));
    assert_eq!(verify_with(&xml, &[certificate("other.crt")]), Err(SamlFault::Signature));
}
