//! Signatures that are missing, in other forms, or over something else (SB-1, SB-2, SB-7, XSW).

use super::{certificate, fixture, spoilt, verify_rsa, verify_with};
use crate::crypto::saml::SamlFault;

/// What is between two texts of the good assertion, these included.
fn part(from: &str, to: &str) -> String {
    let xml = fixture("good_rsa_sha256.xml");
    let start = xml.find(from).expect(from);
    let end = xml[start..].find(to).expect(to) + to.len();
    xml[start..start + end].to_owned()
}

fn signature() -> String {
    part("<ds:Signature ", "</ds:Signature>")
}

#[test]
fn no_signature_or_not_one() {
    let signature = signature();
    let empty = "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"/>";
    let form = SamlFault::SignatureForm;
    assert_eq!(verify_rsa(&spoilt(&signature, "")), Err(SamlFault::Unsigned));
    assert_eq!(verify_rsa(&spoilt(&signature, empty)), Err(form("not SignedInfo, SignatureValue, KeyInfo")));
    assert_eq!(verify_rsa(&spoilt(&signature, &signature.repeat(2))), Err(form("more than one signature")));
    assert_eq!(verify_rsa(&spoilt(&signature, &format!("{signature}{empty}"))), Err(form("more than one signature")));
    assert_eq!(
        verify_rsa(&spoilt("</saml:AttributeValue>", &format!("{signature}</saml:AttributeValue>"))),
        Err(form("more than one signature"))
    );
    let other = signature.replace("http://www.w3.org/2000/09/xmldsig#\">", "http://www.w3.org/2000/09/xmldsig\">");
    assert_eq!(verify_rsa(&spoilt(&signature, &other)), Err(SamlFault::Unsigned));
}

#[test]
fn any_change_is_noticed() {
    for (from, to) in [
        (">alice<", ">mallory<"),
        ("saml:Audience>https://acme", "saml:Audience>https://ACME"),
        ("Recipient=\"https", "Recipient=\" https"),
        ("AuthnInstant=\"2026-11-22T08:29:30Z\"", "AuthnInstant=\"2026-11-22T08:29:31Z\""),
        ("</saml:Assertion>", " </saml:Assertion>"),
        ("<saml:Conditions ", "<saml:Conditions xml:lang=\"en\" "),
    ] {
        assert_eq!(verify_rsa(&spoilt(from, to)), Err(SamlFault::Digest), "{from}");
    }
    let value = part("<ds:SignatureValue>", "</ds:SignatureValue>");
    let other = if value.contains('A') { value.replacen('A', "B", 1) } else { value.replacen('B', "A", 1) };
    assert_eq!(verify_rsa(&spoilt(&value, &other)), Err(SamlFault::Signature));
    let digest = part("<ds:DigestValue>", "</ds:DigestValue>");
    let zero = "<ds:DigestValue>AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=</ds:DigestValue>";
    assert_eq!(verify_rsa(&spoilt(&digest, zero)), Err(SamlFault::Signature));
}

#[test]
fn what_canonicalisation_drops_changes_nothing() {
    for (from, to) in [
        ("</saml:Assertion>", "</saml:Assertion  >\n\n"),
        ("<saml:Conditions ", "<saml:Conditions\n\t xmlns:unused=\"urn:unused\" "),
        (
            "Recipient=\"https://acme.example.com/token\"/>",
            "Recipient='https://acme.example.com&#47;token'></saml:SubjectConfirmationData>",
        ),
        (">alice<", ">&#97;l&#x69;ce<"),
    ] {
        assert_eq!(verify_rsa(&spoilt(from, to)).expect(from).subject, "alice");
    }
}

#[test]
fn other_forms_are_refused_though_rightly_signed() {
    let form = SamlFault::SignatureForm;
    for (name, fault) in [
        ("rsa_sha1", SamlFault::Algorithm("signature")),
        ("hmac_with_certificate", SamlFault::Algorithm("signature")),
        ("digest_sha1", SamlFault::Algorithm("digest")),
        ("digest_md5", SamlFault::Algorithm("digest")),
        ("c14n_inclusive", SamlFault::Algorithm("canonicalisation")),
        ("c14n_comments", SamlFault::Algorithm("canonicalisation")),
        ("transform_inclusive", SamlFault::Algorithm("canonicalisation")),
        ("transform_comments", SamlFault::Algorithm("canonicalisation")),
        ("transform_enveloped_only", SamlFault::Algorithm("transforms")),
        ("transform_twice", SamlFault::Algorithm("transforms")),
        ("transform_xpath", form("an algorithm with parameters")),
        ("transform_xpath_part", form("an algorithm with parameters")),
        ("whole_document", form("the Reference is not to the assertion")),
        ("xpointer", form("the Reference is not to the assertion")),
        ("two_references", form("not exactly one Reference")),
        ("object", form("not SignedInfo, SignatureValue, KeyInfo")),
        ("signature_last", form("not right after the Issuer")),
        ("comment_in_subject", SamlFault::Markup),
    ] {
        assert_eq!(verify_rsa(&fixture(&format!("form_{name}.xml"))), Err(fault), "{name}");
    }
}

#[test]
fn transforms_beyond_the_two_are_refused() {
    let transforms = part("<ds:Transforms>", "</ds:Transforms>");
    let c14n = "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>";
    for algorithm in [
        "http://www.w3.org/TR/1999/REC-xslt-19991116",
        "http://www.w3.org/2002/06/xmldsig-filter2",
        "http://www.w3.org/2000/09/xmldsig#base64",
        "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
        "",
    ] {
        let other = transforms.replace(c14n, &format!("<ds:Transform Algorithm=\"{algorithm}\"/>"));
        assert_eq!(
            verify_rsa(&spoilt(&transforms, &other)),
            Err(SamlFault::Algorithm("canonicalisation")),
            "{algorithm}"
        );
    }
    for (count, fault) in [
        (0, SamlFault::Algorithm("transforms")),
        (400, SamlFault::Algorithm("transforms")),
        (1_000, SamlFault::TooLarge("bytes")),
    ] {
        assert_eq!(
            verify_rsa(&spoilt(&transforms, &transforms.replace(c14n, &c14n.repeat(count)))),
            Err(fault),
            "{count}"
        );
    }
    let inclusive = |list: &str| {
        let inside = format!(
            "<e:InclusiveNamespaces xmlns:e=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"{list}\"/>"
        );
        let c14n = c14n.replace("/>", &format!(">{inside}</ds:Transform>"));
        verify_rsa(&spoilt(
            &transforms,
            &transforms.replace("<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>", &c14n),
        ))
    };
    assert_eq!(inclusive(&"a ".repeat(17)), Err(SamlFault::TooLarge("prefixes")));
    assert_eq!(inclusive(&"a".repeat(10_240)), Err(SamlFault::TooLarge("prefixes")));
    assert_eq!(inclusive("a b"), Err(SamlFault::Signature));
}

#[test]
fn wrapped_assertions_are_refused() {
    let not_root = SamlFault::Structure("not one Assertion as the root");
    for name in [
        "xsw2",
        "xsw3",
        "xsw4",
        "xsw5",
        "xsw7",
        "xsw1",
        "xsw6",
        "xsw8",
        "xsw3_root",
        "xsw4_root",
        "xsw6_root",
        "xsw_first_child",
    ] {
        let outcome = verify_rsa(&fixture(&format!("{name}.xml")));
        let expected = [
            not_root,
            SamlFault::Structure("an ID is used twice"),
            SamlFault::SignatureForm("more than one signature"),
        ];
        assert!(outcome.is_err_and(|fault| expected.contains(&fault)), "{name}");
    }
    assert_eq!(verify_rsa(&fixture("xsw_copied_id.xml")), Err(SamlFault::Structure("an ID is used twice")));
    assert_eq!(verify_rsa(&fixture("xsw_advice.xml")), Err(SamlFault::Structure("not one Assertion as the root")));
    // The signature is good for another ID than the root's.
    assert_eq!(
        verify_rsa(&spoilt("ID=\"_a1\"", "ID=\"_a2\"")),
        Err(SamlFault::SignatureForm("the Reference is not to the assertion"))
    );
    for id in ["Id", "id", "AssertionID"] {
        let twice = format!("<saml:AttributeStatement {id}=\"_a1\">");
        assert_eq!(
            verify_rsa(&spoilt("<saml:AttributeStatement>", &twice)),
            Err(SamlFault::Structure("an ID is used twice"))
        );
    }
}

#[test]
fn an_ecdsa_signature_has_exactly_the_two_numbers() {
    let xml = fixture("good_p256_sha256.xml");
    let start = xml.find("<ds:SignatureValue>").expect("a value") + "<ds:SignatureValue>".len();
    let value = &xml[start..start + 88];
    let key = || [certificate("p256.crt")];
    for other in [&value[..84], "", "AAAA", &format!("{}==", "A".repeat(86)), &format!("AAAA{value}")] {
        assert_eq!(verify_with(&xml.replace(value, other), &key()), Err(SamlFault::Signature), "{other}");
    }
    for other in ["=", "A", "A===", "****"] {
        assert_eq!(verify_with(&xml.replace(value, other), &key()), Err(SamlFault::SignatureForm("base64")), "{other}");
    }
}
