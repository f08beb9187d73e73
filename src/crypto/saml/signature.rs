//! The one form of signature that is accepted, read strictly (XML Signature, section 4; SAML core, section 5.4).
//!
//! `Signature` is the second child of the root, after `Issuer`, and the only one in the document. It has `SignedInfo`,
//! `SignatureValue` and perhaps `KeyInfo` (never looked into), no `Object`. Its one `Reference` names the root by its `ID`
//! and applies enveloped-signature, then exclusive canonicalisation. Whatever else the standard allows is refused by not
//! being in this file.

use std::collections::HashSet;

use super::{
    algorithm::{Digest, Method, decode},
    canonical,
    fault::SamlFault,
    tree::{DSIG, Node, SAML},
};

const EXC_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
/// Most prefixes, and most bytes of them, in an `InclusiveNamespaces` list.
const MAX_PREFIXES: usize = 16;
const MAX_PREFIX_BYTES: usize = 256;

/// A signature in the accepted form, nothing of it verified yet.
pub(super) struct Signature<'d> {
    node: Node<'d>,
    signed_info: Node<'d>,
    info_prefixes: Vec<&'d str>,
    prefixes: Vec<&'d str>,
    digest: Digest,
    digest_value: Vec<u8>,
    /// How the value was made.
    pub(super) method: Method,
    /// The signature proper.
    pub(super) value: Vec<u8>,
}

impl<'d> Signature<'d> {
    /// The signature of an assertion.
    pub(super) fn find(root: Node<'d>) -> Result<Self, SamlFault> {
        check_document(root)?;
        let id = root.attribute("ID").ok_or(SamlFault::Structure("no ID"))?;
        let children = root.children()?;
        let [_, node, ..] = children.as_slice() else { return Err(SamlFault::Unsigned) };
        if !node.is(DSIG, "Signature") {
            return Err(SamlFault::SignatureForm("not right after the Issuer"));
        }
        let children = node.children()?;
        let (info, value) = match children.as_slice() {
            [info, value] => (*info, *value),
            [info, value, key_info] if key_info.is(DSIG, "KeyInfo") => (*info, *value),
            _ => return Err(SamlFault::SignatureForm("not SignedInfo, SignatureValue, KeyInfo")),
        };
        if !info.is(DSIG, "SignedInfo") || !value.is(DSIG, "SignatureValue") {
            return Err(SamlFault::SignatureForm("not SignedInfo, SignatureValue, KeyInfo"));
        }
        Self::read(*node, info, id, decode(&value.text()?)?)
    }

    fn read(node: Node<'d>, signed_info: Node<'d>, id: &str, value: Vec<u8>) -> Result<Self, SamlFault> {
        let children = signed_info.children()?;
        let [c14n, method, reference] = children.as_slice() else {
            return Err(SamlFault::SignatureForm("not exactly one Reference"));
        };
        let info_prefixes = c14n_prefixes(*c14n, "CanonicalizationMethod")?;
        let method = Method::of(algorithm(*method, "SignatureMethod")?)?;
        only(*reference, "Reference", "URI")?;
        if reference.attribute("URI").and_then(|uri| uri.strip_prefix('#')) != Some(id) {
            return Err(SamlFault::SignatureForm("the Reference is not to the assertion"));
        }
        let children = reference.children()?;
        let [transforms, digest, digest_value] = children.as_slice() else {
            return Err(SamlFault::SignatureForm("not Transforms, DigestMethod, DigestValue"));
        };
        let prefixes = transforms_prefixes(*transforms)?;
        let digest = Digest::of(algorithm(*digest, "DigestMethod")?)?;
        if !digest_value.is(DSIG, "DigestValue") {
            return Err(SamlFault::SignatureForm("no DigestValue"));
        }
        let digest_value = decode(&digest_value.text()?)?;
        Ok(Self { node, signed_info, info_prefixes, prefixes, digest, digest_value, method, value })
    }

    /// The bytes that [`Signature::value`] signs.
    pub(super) fn signed_bytes(&self) -> Result<Vec<u8>, SamlFault> {
        canonical::of(self.signed_info, &self.info_prefixes)
    }

    /// The assertion's canonical bytes, if they have the signed digest.
    pub(super) fn digested_bytes(&self) -> Result<Vec<u8>, SamlFault> {
        let bytes = canonical::without(self.node, &self.prefixes)?;
        let digest = self.digest.hash(&bytes)?;
        if digest == self.digest_value { Ok(bytes) } else { Err(SamlFault::Digest) }
    }
}

/// One assertion, one signature, and no two elements with the same ID.
fn check_document(root: Node<'_>) -> Result<(), SamlFault> {
    let (mut signatures, mut assertions, mut ids) = (0, 0, HashSet::new());
    for node in root.all() {
        signatures += usize::from(node.is(DSIG, "Signature"));
        assertions += usize::from(matches!(node.saml_name(), Some("Assertion" | "EncryptedAssertion")));
        for (_, name, value) in node.attributes() {
            let names_element = name.eq_ignore_ascii_case("id") || name == "AssertionID";
            if names_element && !ids.insert(value) {
                return Err(SamlFault::Structure("an ID is used twice"));
            }
        }
    }
    match (signatures, assertions) {
        (0, _) => Err(SamlFault::Unsigned),
        (1, 1) if root.is(SAML, "Assertion") => Ok(()),
        (1, _) => Err(SamlFault::Structure("not one Assertion as the root")),
        _ => Err(SamlFault::SignatureForm("more than one signature")),
    }
}

/// The `Algorithm` of an element that has nothing else.
fn algorithm<'d>(node: Node<'d>, name: &str) -> Result<&'d str, SamlFault> {
    if !node.children()?.is_empty() {
        return Err(SamlFault::SignatureForm("an algorithm with parameters"));
    }
    only(node, name, "Algorithm")
}

/// The value of an element's only attribute.
fn only<'d>(node: Node<'d>, name: &str, attribute: &str) -> Result<&'d str, SamlFault> {
    let value = node.attribute(attribute).filter(|_| node.is(DSIG, name) && node.attributes().count() == 1);
    value.ok_or(SamlFault::SignatureForm("an element or attribute that is not expected"))
}

/// The inclusive prefixes of exactly enveloped-signature, exclusive canonicalisation.
fn transforms_prefixes(transforms: Node<'_>) -> Result<Vec<&str>, SamlFault> {
    let children = transforms.children()?;
    let [first, second] = children.as_slice() else { return Err(SamlFault::Algorithm("transforms")) };
    if !transforms.is(DSIG, "Transforms") || algorithm(*first, "Transform")? != ENVELOPED {
        return Err(SamlFault::Algorithm("transforms"));
    }
    c14n_prefixes(*second, "Transform")
}

/// The `PrefixList` of an exclusive canonicalisation without comments.
fn c14n_prefixes<'d>(node: Node<'d>, name: &str) -> Result<Vec<&'d str>, SamlFault> {
    if only(node, name, "Algorithm")? != EXC_C14N {
        return Err(SamlFault::Algorithm("canonicalisation"));
    }
    let children = node.children()?;
    let list = match children.as_slice() {
        [] => return Ok(Vec::new()),
        [inclusive] if inclusive.is(EXC_C14N, "InclusiveNamespaces") && inclusive.children()?.is_empty() => {
            inclusive.attribute("PrefixList")
        }
        _ => None,
    };
    let list = list.ok_or(SamlFault::SignatureForm("parameters of the canonicalisation"))?;
    let prefixes: Vec<&str> = list.split_ascii_whitespace().collect();
    if list.len() > MAX_PREFIX_BYTES || prefixes.len() > MAX_PREFIXES {
        return Err(SamlFault::TooLarge("prefixes"));
    }
    Ok(prefixes)
}
