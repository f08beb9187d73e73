//! SAML 2.0 bearer assertions (RFC 7522): verified first, then read, and read only from the bytes that were verified.
//!
//! In order: base64url → [`scan`] lets through only plain, bounded XML → one parse → [`signature`] finds the one signature
//! in the one accepted form → a key of the issuer, from the tenant's settings, verifies the canonical `SignedInfo` → the
//! canonical assertion has the digest in it → [`claims`] parses those very canonical bytes. Nothing of the document as it was
//! sent outlives that, so wrapping (XSW) has nothing to point at.
//!
//! # Why these crates
//!
//! * Parser and exclusive canonicalisation are those of `bergshamra` (crates `uppsala`, `bergshamra-c14n`,
//!   `bergshamra-xml`): Rust without `unsafe`, maintained, held against the test suite of xmlsec; five small crates.
//! * The signature proper is OpenSSL's, which is in the tree through `josekit` already.
//! * The whole of `bergshamra` was not taken: it does not hand out the bytes it digested, which is the one thing needed
//!   here; it brings 27 more crates (XML encryption, PKCS #12, certificate chains, time-stamping) and resolves keys and
//!   references in ways that would all have to be switched off. The one form of signature accepted here takes a file.
//! * `samael` verifies with the C libraries libxml2 and xmlsec, which a fresh machine does not have.

mod algorithm;
mod assertion;
mod canonical;
mod claims;
mod fault;
mod key;
mod scan;
mod signature;
#[cfg(test)]
mod tests;
mod time;
mod tree;

use base64::{
    Engine,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

pub use assertion::{Assertion, Confirmation};
pub use fault::SamlFault;
pub use key::{SamlKey, SamlKeyFault};

use signature::Signature;
use tree::Node;

/// The longest assertion parameter, in characters (the body it comes in is not longer either).
pub const MAX_PARAMETER: usize = 64 * 1024;
/// Most keys of one issuer that are tried.
const MAX_KEYS: usize = 8;

/// RFC 7522 section 2.1: the padding should be left out, so it may be there.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Verifies the `assertion` parameter of a token request with the keys of its issuer.
///
/// `keys_for` gets the issuer as it stands in the unverified document and answers the keys configured for exactly that
/// name (none for an unknown issuer). The assertion handed back is authentic; whether it is for us and for now is
/// [`Assertion::check`]'s question, and whether it is new the store's.
pub fn verify(parameter: &str, keys_for: impl Fn(&str) -> Vec<SamlKey>) -> Result<Assertion, SamlFault> {
    if parameter.len() > MAX_PARAMETER {
        return Err(SamlFault::TooLarge("bytes"));
    }
    let bytes = BASE64URL.decode(parameter).map_err(|_| SamlFault::Encoding)?;
    verify_document(std::str::from_utf8(&bytes).map_err(|_| SamlFault::Encoding)?, keys_for)
}

fn verify_document(xml: &str, keys_for: impl Fn(&str) -> Vec<SamlKey>) -> Result<Assertion, SamlFault> {
    let doc = tree::parse(scan::scan(xml)?)?;
    let root = Node::root(&doc)?;
    let signature = Signature::find(root)?;
    let issuer = claims::issuer(root)?;
    let keys = keys_for(&issuer);
    let mut fitting = keys.iter().take(MAX_KEYS).filter(|key| key.fits(signature.method)).peekable();
    fitting.peek().ok_or(SamlFault::NoKey)?;
    let signed = signature.signed_bytes()?;
    if !fitting.any(|key| key.verifies(signature.method, &signed, &signature.value)) {
        return Err(SamlFault::Signature);
    }
    let assertion = claims::read(&signature.digested_bytes()?)?;
    if assertion.issuer == issuer { Ok(assertion) } else { Err(SamlFault::Structure("two issuers")) }
}
