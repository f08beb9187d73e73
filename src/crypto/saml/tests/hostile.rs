//! Documents made to harm the reader: entities, size, depth (SB-5, SB-13). Each is refused before the parser sees it.

use std::fmt::Write;
use std::time::{Duration, Instant};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{certificate, fixture, spoilt, verify_rsa};
use crate::crypto::saml::{SamlFault, scan::scan, verify};

/// Far more than any of these takes (milliseconds), even on a busy machine without optimisation.
const SOON: Duration = Duration::from_secs(2);

fn refused_soon(xml: &str, fault: SamlFault) {
    let start = Instant::now();
    assert_eq!(scan(xml), Err(fault));
    assert!(start.elapsed() < SOON, "took {:?}", start.elapsed());
}

#[test]
fn markup_that_has_no_place_is_refused() {
    let xml = fixture("good_rsa_sha256.xml");
    let mut laughs = String::from("<!DOCTYPE a [<!ENTITY a0 \"ha\">");
    for n in 1..30 {
        write!(laughs, "<!ENTITY a{n} \"&a{};&a{};\">", n - 1, n - 1).expect("a string");
    }
    laughs.push_str("]>");
    for prolog in [
        "<!DOCTYPE a>",
        "<!DOCTYPE a SYSTEM \"http://127.0.0.1:1/x.dtd\">",
        "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>",
        "<!DOCTYPE a [<!ENTITY % x SYSTEM \"http://127.0.0.1:1/\">%x;]>",
        "<!doctype a>",
        &laughs,
        "<?php x?>",
        "<!-- x -->",
    ] {
        refused_soon(&format!("{prolog}{xml}"), SamlFault::Markup);
        assert_eq!(verify_rsa(&format!("{prolog}{xml}")), Err(SamlFault::Markup), "{prolog}");
    }
    for inside in [
        "<!-- -->",
        "<![CDATA[alice]]>",
        "<?a?>",
        "&x;",
        "&#0;",
        "&#xFFFE;",
        "&#xD800;",
        "&#x110000;",
        "&#;",
        "&#+9;",
        "& ",
        "&lt",
        "&AMP;",
    ] {
        assert_eq!(verify_rsa(&spoilt(">alice<", &format!(">alice{inside}<"))), Err(SamlFault::Markup), "{inside}");
    }
    assert_eq!(verify_rsa(&spoilt("SessionIndex=\"_s1\"", "SessionIndex=\"&x;\"")), Err(SamlFault::Markup));
    assert_eq!(verify_rsa(&format!("{xml}<!-- -->")), Err(SamlFault::Markup));
}

#[test]
fn what_is_not_plain_xml_is_refused() {
    for (from, to) in [
        (">alice<", ">alice\u{0}<"),
        (">alice<", ">alice\u{ffff}<"),
        (">alice<", ">alice]]><"),
        ("SessionIndex=\"_s1\"", "SessionIndex=_s1"),
        ("SessionIndex=\"_s1\"", "SessionIndex=\"<\""),
        ("SessionIndex=\"_s1\"", "SessionIndex"),
        (" SessionIndex=\"_s1\"", "SessionIndex=\"_s1\""),
        ("SessionIndex=\"_s1\"", "a:b:c=\"\""),
        ("SessionIndex=\"_s1\"", "é=\"\""),
        ("SessionIndex=\"_s1\"", "AuthnInstant=\"2026-11-22T08:29:30Z\""),
        ("SessionIndex=\"_s1\"", "xmlns:xml=\"urn:x\""),
        ("SessionIndex=\"_s1\"", "xmlns:xmlns=\"urn:x\""),
        ("SessionIndex=\"_s1\"", "xmlns:a=\"\""),
        ("SessionIndex=\"_s1\"", "xmlns:a=\"relative\""),
        ("SessionIndex=\"_s1\"", "xmlns:a=\"http://:a/\""),
        ("SessionIndex=\"_s1\"", "xmlns:a=\"http://a:b/\""),
        ("SessionIndex=\"_s1\"", "xmlns:a=\"1:a\""),
        ("SessionIndex=\"_s1\"", "xmlns:a=\"urn:\""),
        ("SessionIndex=\"_s1\"", "xmlns:a=\"urn:a b\""),
        ("SessionIndex=\"_s1\"", "xmlns:a=\"urn:a#b#c\""),
        ("SessionIndex=\"_s1\"", "xmlns:a=\"urn:a&amp;b\""),
        ("SessionIndex=\"_s1\"", "xmlns:a=\"http://www.w3.org/XML/1998/namespace\""),
        ("SessionIndex=\"_s1\"", "unbound:a=\"\""),
        ("SessionIndex=\"_s1\"", "xmlns:a=\"urn:a\" xmlns:b=\"urn:a\" a:c=\"\" b:c=\"\""),
        ("</saml:NameID>", "</saml:NameId>"),
        ("</saml:Assertion>", "</saml:Assertion><a/>"),
        ("</saml:Assertion>", ""),
        ("</saml:Assertion>", "</saml:Assertion></saml:Assertion>"),
        ("</saml:Assertion>", "</saml:Assertion>x"),
    ] {
        let outcome = verify_rsa(&spoilt(from, to));
        assert!(matches!(outcome, Err(SamlFault::Malformed(_))), "{to}: {outcome:?}");
    }
    for text in ["", " ", "<", "<a", "<a>", "</a>", "a", "<a/><b/>", "<a></b>", "<a b=\"\" b=\"\"/>", "<xmlns:a/>"] {
        let outcome = verify_rsa(text);
        assert!(matches!(outcome, Err(SamlFault::Malformed(_))), "{text}: {outcome:?}");
    }
}

#[test]
fn size_and_counts_are_bounded_in_linear_time() {
    let key = || vec![certificate("rsa.crt")];
    let start = Instant::now();
    assert_eq!(verify(&"A".repeat(1_400_000), |_| key()), Err(SamlFault::TooLarge("bytes")));
    assert!(start.elapsed() < SOON);

    // Beyond what verify() would hand on, so that the scan itself is shown to be linear.
    let attributes: String = (0..10_000).fold(String::new(), |mut all, n| {
        write!(all, " a{n}=\"\"").expect("a string");
        all
    });
    refused_soon(&format!("<a{attributes}/>"), SamlFault::TooLarge("attributes"));
    let namespaces: String = (0..10_000).fold(String::new(), |mut all, n| {
        write!(all, " xmlns:a{n}=\"urn:a\"").expect("a string");
        all
    });
    refused_soon(&format!("<a{namespaces}/>"), SamlFault::TooLarge("attributes"));
    refused_soon(&format!("{}{}", "<a>".repeat(10_000), "</a>".repeat(10_000)), SamlFault::TooLarge("depth"));
    refused_soon(&format!("<a>{}</a>", "<b/>".repeat(10_000)), SamlFault::TooLarge("elements"));
    refused_soon(&format!("<a>{}</a>", "<b c=\"\" d=\"\" e=\"\"/>".repeat(999)), SamlFault::TooLarge("attributes"));
    refused_soon(&format!("<a>{}</a>", "&".repeat(1_000_000)), SamlFault::Markup);
    refused_soon(&format!("<a b=\"{}", "&lt;".repeat(250_000)), SamlFault::Malformed("an open attribute"));
    refused_soon(&"<".repeat(1_000_000), SamlFault::Malformed("a name"));
    let start = Instant::now();
    assert!(scan(&format!("<a>{}</a>", "&#x10FFFF;".repeat(100_000))).is_ok());
    assert!(start.elapsed() < SOON);
}

#[test]
fn the_largest_documents_that_pass_the_gate_are_refused_soon() {
    let nested = format!("{}{}", "<a xmlns:b=\"urn:b\">".repeat(32), "</a>".repeat(32));
    let wide = format!("<a>{}</a>", "<b xmlns=\"urn:b\" c=\"\"/>".repeat(999));
    let many: String = (0..31).fold(String::new(), |mut all, n| {
        write!(all, " xmlns:a{n}=\"urn:a\"").expect("a string");
        all
    });
    let namespaces = format!("<a>{}</a>", format!("<b{many}/>").repeat(60));
    let text = format!("<a>{}</a>", "&amp;".repeat(9_000));
    for xml in [nested, wide, namespaces, text] {
        let parameter = URL_SAFE_NO_PAD.encode(&xml);
        let start = Instant::now();
        assert_eq!(verify(&parameter, |_| vec![]), Err(SamlFault::Unsigned));
        assert!(start.elapsed() < SOON, "took {:?}", start.elapsed());
    }
}
