//! What an assertion says, read from its canonical bytes once these have been verified (SAML core, section 2).
//!
//! Only children of the root in their places count. What could narrow the assertion's meaning and is not understood here
//! (an unknown condition, advice, an encrypted part) makes it unusable, as SAML core sections 2.5.1 and 2.3.3 demand.

use super::{
    assertion::{Assertion, Confirmation},
    fault::SamlFault,
    time,
    tree::{self, Node},
};

const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
/// The longest issuer, subject, audience or recipient, in bytes.
const MAX_TEXT: usize = 1024;

/// The claims of verified bytes.
pub(super) fn read(canonical: &[u8]) -> Result<Assertion, SamlFault> {
    let text = std::str::from_utf8(canonical).map_err(|_| SamlFault::Encoding)?;
    let doc = tree::parse(text)?;
    let root = Node::root(&doc)?;
    let mut assertion = header(root)?;
    let (mut subjects, mut conditions) = (0, 0);
    for child in root.children()?.into_iter().skip(1) {
        match child.saml_name() {
            Some("Subject") => {
                subjects += 1;
                subject(child, &mut assertion)?;
            }
            Some("Conditions") => {
                conditions += 1;
                self::conditions(child, &mut assertion)?;
            }
            Some("AuthnStatement") => authentication(child, &mut assertion)?,
            Some("AttributeStatement" | "AuthzDecisionStatement") => {}
            _ => return Err(SamlFault::Structure("an element that is not understood")),
        }
    }
    if (subjects, conditions) == (1, 1) { Ok(assertion) } else { Err(SamlFault::Claim("one Subject, one Conditions")) }
}

/// The issuer of an assertion whose bytes are not verified yet: good to look up keys with, for nothing else.
pub(super) fn issuer(root: Node<'_>) -> Result<String, SamlFault> {
    let first = root.children()?.into_iter().next();
    let issuer =
        first.filter(|node| node.saml_name() == Some("Issuer")).ok_or(SamlFault::Structure("no Issuer first"))?;
    plain(issuer, "Issuer")
}

fn header(root: Node<'_>) -> Result<Assertion, SamlFault> {
    if root.saml_name() != Some("Assertion") || root.attribute("Version") != Some("2.0") {
        return Err(SamlFault::Structure("not a SAML 2.0 assertion"));
    }
    Ok(Assertion {
        id: root.attribute("ID").filter(|id| is_id(id)).ok_or(SamlFault::Structure("ID"))?.to_owned(),
        issuer: issuer(root)?,
        issued_at: instant(root, "IssueInstant")?.ok_or(SamlFault::Claim("IssueInstant"))?,
        subject: String::new(),
        audiences: Vec::new(),
        confirmations: Vec::new(),
        not_before: None,
        not_on_or_after: None,
        auth_instant: None,
        session_not_on_or_after: None,
    })
}

fn subject(node: Node<'_>, assertion: &mut Assertion) -> Result<(), SamlFault> {
    let children = node.children()?;
    let Some((name, confirmations)) = children.split_first().filter(|(name, _)| name.saml_name() == Some("NameID"))
    else {
        return Err(SamlFault::Claim("NameID"));
    };
    assertion.subject = plain(*name, "NameID")?;
    for node in confirmations {
        if node.saml_name() != Some("SubjectConfirmation") {
            return Err(SamlFault::Structure("an element that is not understood"));
        }
        if node.attribute("Method") == Some(BEARER) {
            assertion.confirmations.push(confirmation(*node)?);
        }
    }
    if assertion.confirmations.is_empty() { Err(SamlFault::Claim("bearer confirmation")) } else { Ok(()) }
}

/// RFC 7522 section 3, item 5: data may be absent; if present it must have a recipient and an end.
fn confirmation(node: Node<'_>) -> Result<Confirmation, SamlFault> {
    let children = node.children()?;
    let data = match children.as_slice() {
        [] => return Ok(Confirmation { recipient: None, not_before: None, not_on_or_after: None }),
        [data] if data.saml_name() == Some("SubjectConfirmationData") && data.children()?.is_empty() => *data,
        _ => return Err(SamlFault::Structure("a bearer confirmation for someone else")),
    };
    let recipient = data.attribute("Recipient").ok_or(SamlFault::Recipient)?;
    let not_on_or_after = instant(data, "NotOnOrAfter")?.ok_or(SamlFault::Claim("NotOnOrAfter of the confirmation"))?;
    Ok(Confirmation {
        recipient: Some(recipient.to_owned()),
        not_before: instant(data, "NotBefore")?,
        not_on_or_after: Some(not_on_or_after),
    })
}

fn conditions(node: Node<'_>, assertion: &mut Assertion) -> Result<(), SamlFault> {
    assertion.not_before = instant(node, "NotBefore")?;
    assertion.not_on_or_after = instant(node, "NotOnOrAfter")?;
    let mut restrictions = 0;
    for child in node.children()? {
        match child.saml_name() {
            Some("AudienceRestriction") => {
                restrictions += 1;
                for audience in child.children()? {
                    if audience.saml_name() != Some("Audience") {
                        return Err(SamlFault::Structure("an element that is not understood"));
                    }
                    assertion.audiences.push(plain(audience, "Audience")?);
                }
            }
            // Every assertion is used once here, and never turned into another one.
            Some("OneTimeUse" | "ProxyRestriction") => {}
            _ => return Err(SamlFault::Structure("a condition that is not understood")),
        }
    }
    // Two restrictions would have to hold together.
    if restrictions > 1 { Err(SamlFault::Claim("more than one AudienceRestriction")) } else { Ok(()) }
}

fn authentication(node: Node<'_>, assertion: &mut Assertion) -> Result<(), SamlFault> {
    let at = instant(node, "AuthnInstant")?.ok_or(SamlFault::Claim("AuthnInstant"))?;
    assertion.auth_instant = Some(assertion.auth_instant.map_or(at, |earlier| earlier.max(at)));
    if let Some(end) = instant(node, "SessionNotOnOrAfter")? {
        assertion.session_not_on_or_after = Some(assertion.session_not_on_or_after.map_or(end, |other| other.min(end)));
    }
    Ok(())
}

/// An attribute that is a time; present and unreadable is a fault.
fn instant(node: Node<'_>, name: &'static str) -> Result<Option<i64>, SamlFault> {
    node.attribute(name).map(|text| time::parse(text).ok_or(SamlFault::Claim(name))).transpose()
}

/// A text that is not empty, has no control characters and no white space around it.
fn plain(node: Node<'_>, name: &'static str) -> Result<String, SamlFault> {
    let text = node.text()?;
    let good = !text.is_empty() && text.len() <= MAX_TEXT && text.trim() == text && !text.chars().any(char::is_control);
    if good { Ok(text) } else { Err(SamlFault::Claim(name)) }
}

/// An ID in ASCII (`xs:ID`), of at most 256 characters.
fn is_id(id: &str) -> bool {
    let rest = id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    rest && id.len() <= 256 && id.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}
