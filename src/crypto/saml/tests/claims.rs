//! What a verified assertion has to say, and whom and when it is for (SB-10; RFC 7522 section 3).

use super::{AUDIENCE, ISSUED, RECIPIENT};
use crate::crypto::saml::{Assertion, SamlFault, claims::read};

const DATA: &str = "<SubjectConfirmationData NotOnOrAfter=\"2026-11-22T08:35:00Z\" Recipient=\"https://acme.example.com/token\"></SubjectConfirmationData>";
const CONFIRMATION_START: &str = "<SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">";
const RESTRICTION: &str = "<AudienceRestriction><Audience>https://acme.example.com</Audience></AudienceRestriction>";
const PERIOD: &str = " NotBefore=\"2026-11-22T08:29:30Z\" NotOnOrAfter=\"2026-11-22T08:35:00Z\"";

fn canonical() -> String {
    format!(
        "<Assertion xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_a1\" IssueInstant=\"2026-11-22T08:30:00Z\" Version=\"2.0\">\
         <Issuer>https://idp.example.org</Issuer>\
         <Subject><NameID>alice</NameID>{CONFIRMATION_START}{DATA}</SubjectConfirmation></Subject>\
         <Conditions{PERIOD}>{RESTRICTION}</Conditions>\
         <AuthnStatement AuthnInstant=\"2026-11-22T08:29:30Z\"></AuthnStatement></Assertion>"
    )
}

fn with(from: &str, to: &str) -> Result<Assertion, SamlFault> {
    let xml = canonical();
    assert_eq!(xml.matches(from).count(), 1, "{from}");
    read(xml.replace(from, to).as_bytes())
}

fn check(assertion: &Assertion, now: i64) -> Result<(), SamlFault> {
    assertion.check(now, &["https://other.example", AUDIENCE], &[RECIPIENT], 60)
}

fn check_with(from: &str, to: &str) -> Result<(), SamlFault> {
    with(from, to).and_then(|assertion| check(&assertion, ISSUED))
}

#[test]
fn it_is_good_in_its_time_and_the_skew_around_it() {
    let assertion = read(canonical().as_bytes()).expect("good");
    for (now, outcome) in [
        (ISSUED, Ok(())),
        (ISSUED - 30 - 60, Ok(())),
        (ISSUED - 30 - 61, Err(SamlFault::NotYetValid)),
        (ISSUED + 300 + 59, Ok(())),
        (ISSUED + 300 + 60, Err(SamlFault::Expired)),
        (i64::MAX, Err(SamlFault::Expired)),
        (i64::MIN, Err(SamlFault::NotYetValid)),
    ] {
        assert_eq!(check(&assertion, now), outcome, "{now}");
    }
}

#[test]
fn audience() {
    for audience in ["https://acme.example.com/", "https://ACME.example.com", "https://acme.example.com.evil.example"] {
        let text = RESTRICTION.replace("https://acme.example.com", audience);
        assert_eq!(check_with(RESTRICTION, &text), Err(SamlFault::Audience));
    }
    assert_eq!(check_with(RESTRICTION, ""), Err(SamlFault::Audience));
    assert_eq!(check_with(RESTRICTION, "<AudienceRestriction></AudienceRestriction>"), Err(SamlFault::Audience));
    assert_eq!(
        check_with(RESTRICTION, &RESTRICTION.replace("<Audience>", "<Audience>urn:x</Audience><Audience>")),
        Ok(())
    );
    assert!(matches!(check_with(RESTRICTION, &RESTRICTION.repeat(2)), Err(SamlFault::Claim(_))));
    let foreign = with("<Audience>", "<Audience xmlns=\"urn:x\">");
    assert_eq!(foreign, Err(SamlFault::Structure("an element that is not understood")));
}

#[test]
fn recipient_and_confirmation() {
    assert_eq!(
        check_with("Recipient=\"https://acme.example.com/token\"", "Recipient=\"https://acme.example.com/token/\""),
        Err(SamlFault::Recipient)
    );
    assert_eq!(with(" Recipient=\"https://acme.example.com/token\"", ""), Err(SamlFault::Recipient));
    assert_eq!(with(":cm:bearer", ":cm:holder-of-key"), Err(SamlFault::Claim("bearer confirmation")));
    assert_eq!(
        with("<SubjectConfirmationData NotOnOrAfter=\"2026-11-22T08:35:00Z\"", "<SubjectConfirmationData"),
        Err(SamlFault::Claim("NotOnOrAfter of the confirmation"))
    );
    assert_eq!(
        check_with(
            "<SubjectConfirmationData NotOnOrAfter=\"2026-11-22T08:35:00Z\"",
            "<SubjectConfirmationData NotOnOrAfter=\"2026-11-22T08:28:00Z\""
        ),
        Err(SamlFault::Expired)
    );
    assert_eq!(
        check_with("<SubjectConfirmationData ", "<SubjectConfirmationData NotBefore=\"2026-11-22T08:32:00Z\" "),
        Err(SamlFault::NotYetValid)
    );
    assert!(with(DATA, &format!("<NameID>mallory</NameID>{DATA}")).is_err());
    assert!(with(DATA, &DATA.repeat(2)).is_err());
}

#[test]
fn one_good_confirmation_is_enough() {
    let elsewhere = DATA.replace("acme", "globex");
    let both = format!("{elsewhere}</SubjectConfirmation>{CONFIRMATION_START}{DATA}");
    assert_eq!(check_with(DATA, &both), Ok(()));
    let both = format!("{DATA}</SubjectConfirmation>{CONFIRMATION_START}{elsewhere}");
    assert_eq!(check_with(DATA, &both), Ok(()));
}

#[test]
fn it_must_say_when_it_ends() {
    // RFC 7522 section 3, items 4 and 5: the end is in the conditions or in the confirmation's data.
    let without_data = canonical().replace(DATA, "");
    let assertion = read(without_data.as_bytes()).expect("no data");
    assert_eq!(check(&assertion, ISSUED), Ok(()));
    assert_eq!(assertion.expires_at(), Some(ISSUED + 300));
    let without_either = read(without_data.replace(PERIOD, "").as_bytes()).expect("no end");
    assert_eq!(check(&without_either, ISSUED), Err(SamlFault::Expired));
    assert_eq!(without_either.expires_at(), None);
    let only_data = read(canonical().replace(PERIOD, "").as_bytes()).expect("the data's end");
    assert_eq!(check(&only_data, ISSUED), Ok(()));
    assert_eq!(only_data.expires_at(), Some(ISSUED + 300));
}

#[test]
fn times_are_read_strictly() {
    for time in [
        "99999-01-01T00:00:00Z",
        "2026-11-22T08:30:00",
        "2026-11-22",
        "",
        "9223372036854775807",
        "2026-02-30T00:00:00Z",
    ] {
        assert_eq!(with(PERIOD, &format!(" NotOnOrAfter=\"{time}\"")), Err(SamlFault::Claim("NotOnOrAfter")), "{time}");
        assert_eq!(with(PERIOD, &format!(" NotBefore=\"{time}\"")), Err(SamlFault::Claim("NotBefore")), "{time}");
        assert_eq!(
            with("IssueInstant=\"2026-11-22T08:30:00Z\"", &format!("IssueInstant=\"{time}\"")),
            Err(SamlFault::Claim("IssueInstant"))
        );
    }
    assert_eq!(with(" IssueInstant=\"2026-11-22T08:30:00Z\"", ""), Err(SamlFault::Claim("IssueInstant")));
}

#[test]
fn a_session_that_has_ended_counts() {
    let ended = "<AuthnStatement SessionNotOnOrAfter=\"2026-11-22T08:20:00Z\" ";
    assert_eq!(check_with("<AuthnStatement ", ended), Err(SamlFault::Expired));
}

#[test]
fn subject_and_issuer_are_plain_text() {
    let long = "a".repeat(1_025);
    for text in ["", " alice", "alice\n", "ali\tce", "al<b>i</b>ce", "\u{85}a", long.as_str()] {
        assert!(with(">alice<", &format!(">{text}<")).is_err(), "{text}");
        assert!(with(">https://idp.example.org<", &format!(">{text}<")).is_err(), "{text}");
    }
    assert!(with("<NameID>alice</NameID>", "").is_err());
    assert!(with("<NameID>alice</NameID>", "<NameID>alice</NameID><NameID>mallory</NameID>").is_err());
    assert!(with("<NameID>alice</NameID>", "<EncryptedID>x</EncryptedID>").is_err());
}

#[test]
fn what_is_not_understood_makes_it_unusable() {
    let xml = canonical();
    for (from, to) in [
        ("</Assertion>", "<Subject><NameID>mallory</NameID></Subject></Assertion>"),
        ("</Assertion>", "<Conditions></Conditions></Assertion>"),
        ("</Assertion>", "<Issuer>x</Issuer></Assertion>"),
        ("</Assertion>", "<Advice></Advice></Assertion>"),
        ("</Assertion>", "<x xmlns=\"urn:x\"></x></Assertion>"),
        ("</Assertion>", "text</Assertion>"),
        ("</Conditions>", "<Condition></Condition></Conditions>"),
        ("Version=\"2.0\"", "Version=\"1.1\""),
        ("ID=\"_a1\"", "ID=\"\""),
        ("ID=\"_a1\"", "ID=\"1\""),
        ("urn:oasis:names:tc:SAML:2.0:assertion", "urn:oasis:names:tc:SAML:1.0:assertion"),
    ] {
        assert!(xml.contains(from), "{from}");
        assert!(read(xml.replace(from, to).as_bytes()).is_err(), "{to}");
    }
    for good in ["<OneTimeUse></OneTimeUse>", "<ProxyRestriction Count=\"0\"></ProxyRestriction>"] {
        assert_eq!(check_with("</Conditions>", &format!("{good}</Conditions>")), Ok(()));
    }
    assert!(read(xml.replace("Conditions", "Advice").as_bytes()).is_err());
    assert!(read(b"<Assertion/>").is_err());
}
