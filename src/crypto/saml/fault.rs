//! Why an assertion was refused.

/// Why an assertion was refused: for the log line and tests. On the wire all of them are `invalid_grant` (RFC 7522
/// section 3.1). No variant carries anything of the assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SamlFault {
    /// More bytes, elements, attributes, prefixes or nesting than allowed.
    #[error("the assertion is too large: {0}")]
    TooLarge(&'static str),
    /// Not base64url, or not UTF-8 inside.
    #[error("the assertion is not base64url of UTF-8 text")]
    Encoding,
    /// Markup that has no place in an assertion: DOCTYPE, entity, processing instruction, comment, CDATA.
    #[error("the assertion has a DOCTYPE, entity, processing instruction, comment or CDATA section")]
    Markup,
    /// Not well-formed (namespaces included), or outside the subset of XML that is read here.
    #[error("the assertion is not plain well-formed XML: {0}")]
    Malformed(&'static str),
    /// The document is not one SAML 2.0 assertion with its parts in their places.
    #[error("the assertion's structure is wrong: {0}")]
    Structure(&'static str),
    /// There is no signature.
    #[error("the assertion is not signed")]
    Unsigned,
    /// The signature does not have the one accepted form, or covers something else.
    #[error("the signature's form is not accepted: {0}")]
    SignatureForm(&'static str),
    /// An algorithm or transform outside the allow-list.
    #[error("an algorithm is not accepted: {0}")]
    Algorithm(&'static str),
    /// There is no key for this issuer, or none of the kind the signature needs.
    #[error("no key of this issuer fits the signature")]
    NoKey,
    /// No key of the issuer verifies the signature.
    #[error("the signature is wrong")]
    Signature,
    /// The signed digest is not that of the assertion.
    #[error("the digest is wrong")]
    Digest,
    /// A required claim is missing, repeated or malformed.
    #[error("a claim is missing or malformed: {0}")]
    Claim(&'static str),
    /// Its audience is not us.
    #[error("the audience is not this server")]
    Audience,
    /// No bearer confirmation names our token endpoint.
    #[error("the recipient is not this server")]
    Recipient,
    /// Its time is over, or it never says when it ends.
    #[error("the assertion has expired")]
    Expired,
    /// Its time has not come.
    #[error("the assertion is not valid yet")]
    NotYetValid,
}
