//! SAML assertions signed here, without a library for it: the text is written in its canonical form at once, so that signing
//! is hashing. What another implementation makes of the same is in [`super::peers`].

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tenure::crypto::secret::b64url;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What an assertion says; every text may be spoilt.
#[derive(Clone, Debug)]
pub(crate) struct Saml {
    pub(crate) id: String,
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) audience: String,
    pub(crate) recipient: String,
    pub(crate) method: String,
    pub(crate) issued_at: i64,
    pub(crate) not_before: i64,
    pub(crate) not_on_or_after: i64,
    /// What follows `SignatureValue`.
    pub(crate) key_info: String,
}

/// A moment as SAML has it.
pub(crate) fn instant(seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap().format(&Rfc3339).unwrap()
}

/// The key of the identity provider in the fixtures.
fn key() -> PKey<Private> {
    PKey::private_key_from_pem(include_bytes!("../fixtures/idp.pem")).unwrap()
}

/// The public half of [`key`] as a JWK, for a client that speaks for itself.
pub(crate) fn jwk() -> Value {
    let rsa = key().rsa().unwrap();
    json!({"kty": "RSA", "use": "sig", "n": b64url(&rsa.n().to_vec()), "e": b64url(&rsa.e().to_vec())})
}

impl Saml {
    /// One that is in order for tenant `federated`.
    pub(crate) fn new(issuer: &str, id: &str, now: i64) -> Self {
        Self {
            id: id.to_owned(),
            issuer: issuer.to_owned(),
            subject: "dave".to_owned(),
            audience: "https://federated.example.com".to_owned(),
            recipient: "https://federated.example.com/token".to_owned(),
            method: "urn:oasis:names:tc:SAML:2.0:cm:bearer".to_owned(),
            issued_at: now,
            not_before: now - 30,
            not_on_or_after: now + 300,
            key_info: String::new(),
        }
    }

    /// Head and tail of the assertion: its signature belongs between them.
    fn parts(&self) -> (String, String) {
        let Self { id, issuer, subject, audience, recipient, method, .. } = self;
        let [issued, begin, end] = [self.issued_at, self.not_before, self.not_on_or_after].map(instant);
        let head = format!(
            "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{id}\" IssueInstant=\"{issued}\" \
             Version=\"2.0\"><saml:Issuer>{issuer}</saml:Issuer>"
        );
        let tail = format!(
            "<saml:Subject><saml:NameID>{subject}</saml:NameID><saml:SubjectConfirmation Method=\"{method}\">\
             <saml:SubjectConfirmationData NotOnOrAfter=\"{end}\" Recipient=\"{recipient}\"></saml:SubjectConfirmationData>\
             </saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore=\"{begin}\" NotOnOrAfter=\"{end}\">\
             <saml:AudienceRestriction><saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction>\
             </saml:Conditions></saml:Assertion>"
        );
        (head, tail)
    }

    /// Without a signature.
    pub(crate) fn unsigned(&self) -> String {
        let (head, tail) = self.parts();
        head + &tail
    }

    /// The signature over it.
    pub(crate) fn signature(&self) -> String {
        let digest = STANDARD.encode(Sha256::digest(self.unsigned().as_bytes()));
        let [c14n, dsig] = ["http://www.w3.org/2001/10/xml-exc-c14n#", "http://www.w3.org/2000/09/xmldsig#"];
        let info = format!(
            "<ds:CanonicalizationMethod Algorithm=\"{c14n}\"></ds:CanonicalizationMethod><ds:SignatureMethod \
             Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"></ds:SignatureMethod><ds:Reference URI=\"#{}\">\
             <ds:Transforms><ds:Transform Algorithm=\"{dsig}enveloped-signature\"></ds:Transform><ds:Transform \
             Algorithm=\"{c14n}\"></ds:Transform></ds:Transforms><ds:DigestMethod \
             Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod><ds:DigestValue>{digest}\
             </ds:DigestValue></ds:Reference></ds:SignedInfo>",
            self.id
        );
        let signed = format!("<ds:SignedInfo xmlns:ds=\"{dsig}\">{info}");
        let key = key();
        let value = Signer::new(MessageDigest::sha256(), &key).unwrap().sign_oneshot_to_vec(signed.as_bytes()).unwrap();
        format!(
            "<ds:Signature xmlns:ds=\"{dsig}\"><ds:SignedInfo>{info}<ds:SignatureValue>{}</ds:SignatureValue>{}</ds:Signature>",
            STANDARD.encode(value),
            self.key_info
        )
    }

    /// Signed, as XML.
    pub(crate) fn signed(&self) -> String {
        let (head, tail) = self.parts();
        head + &self.signature() + &tail
    }

    /// Signed, as the `assertion` parameter.
    pub(crate) fn assertion(&self) -> String {
        encoded(&self.signed())
    }
}

/// XML as the `assertion` parameter.
pub(crate) fn encoded(xml: &str) -> String {
    b64url(xml.as_bytes())
}
