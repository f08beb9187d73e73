//! The keys that may sign assertions: from a tenant's settings only, never from an assertion.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use openssl::{
    bn::BigNum,
    ec::{EcGroup, EcKey},
    ecdsa::EcdsaSig,
    nid::Nid,
    pkey::{Id, PKey, Public},
    rsa::Rsa,
    sign::Verifier,
    x509::X509,
};
use serde_json::{Map, Value};

use super::algorithm::Method;

/// RSA keys shorter than this are refused, and so are longer ones than [`MAX_RSA_BITS`], which would cost too much.
const MIN_RSA_BITS: u32 = 2048;
const MAX_RSA_BITS: u32 = 8192;

/// A public key that verifies assertions: RSA of 2048 bits or more, or EC on P-256, P-384 or P-521.
#[derive(Clone)]
pub struct SamlKey(PKey<Public>);

impl std::fmt::Debug for SamlKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SamlKey({} bits)", self.0.bits())
    }
}

/// Why a key is not accepted; the text is fit to be shown to who configured it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SamlKeyFault {
    /// It is not a certificate.
    #[error("not one certificate in PEM form")]
    Certificate,
    /// It is not a public key in JWK form, or one for another use.
    #[error("not an RSA or EC public key for signatures")]
    Jwk,
    /// Another kind of key, or too weak.
    #[error("the key is not RSA of 2048 to 8192 bits, or EC on P-256, P-384 or P-521")]
    Weak,
}

impl SamlKey {
    /// The public key of an X.509 certificate. The certificate only carries the key: its dates, names and issuer are not
    /// looked at, the trust comes from it being configured.
    pub fn from_certificate_pem(pem: &str) -> Result<Self, SamlKeyFault> {
        let pem = pem.trim();
        let one = pem.starts_with("-----BEGIN CERTIFICATE-----") && pem.matches("-----BEGIN").count() == 1;
        let certificate = X509::from_pem(pem.as_bytes()).ok().filter(|_| one).ok_or(SamlKeyFault::Certificate)?;
        Self::strong(certificate.public_key().map_err(|_| SamlKeyFault::Certificate)?)
    }

    /// A public JWK (RFC 7518 sections 6.2 and 6.3) whose `use`, if it has one, is `sig`.
    pub fn from_public_jwk(jwk: &Map<String, Value>) -> Result<Self, SamlKeyFault> {
        if jwk.get("use").is_some_and(|purpose| purpose != "sig") {
            return Err(SamlKeyFault::Jwk);
        }
        let key = match jwk.get("kty").and_then(Value::as_str) {
            Some("RSA") => rsa(jwk),
            Some("EC") => ec(jwk),
            Some(_) | None => None,
        };
        Self::strong(key.ok_or(SamlKeyFault::Jwk)?)
    }

    fn strong(key: PKey<Public>) -> Result<Self, SamlKeyFault> {
        let strong = match key.id() {
            Id::RSA => (MIN_RSA_BITS..=MAX_RSA_BITS).contains(&key.bits()) && has_sound_exponent(&key),
            Id::EC => field_bytes(&key).is_some(),
            _ => false,
        };
        if strong { Ok(Self(key)) } else { Err(SamlKeyFault::Weak) }
    }

    /// Whether this key made the signature. A key of another kind than the method needs never did.
    pub(super) fn verifies(&self, method: Method, bytes: &[u8], signature: &[u8]) -> bool {
        self.try_verify(method, bytes, signature).unwrap_or(false)
    }

    fn try_verify(&self, method: Method, bytes: &[u8], signature: &[u8]) -> Option<bool> {
        if self.0.id() != method.key {
            return None;
        }
        let mut verifier = Verifier::new(method.digest.message_digest(), &self.0).ok()?;
        if method.key == Id::RSA {
            return verifier.verify_oneshot(signature, bytes).ok();
        }
        // XML has r and s side by side, each as long as the curve's field (RFC 4050 section 3.3); OpenSSL wants DER.
        let length = field_bytes(&self.0).filter(|length| signature.len() == 2 * length)?;
        let (r, s) = signature.split_at(length);
        let pair = EcdsaSig::from_private_components(BigNum::from_slice(r).ok()?, BigNum::from_slice(s).ok()?).ok()?;
        verifier.verify_oneshot(&pair.to_der().ok()?, bytes).ok()
    }

    /// Whether the key is of the kind a method needs.
    pub(super) fn fits(&self, method: Method) -> bool {
        self.0.id() == method.key
    }
}

/// The length of a coordinate, for the curves that are accepted.
fn field_bytes(key: &PKey<Public>) -> Option<usize> {
    match key.ec_key().ok()?.group().curve_name()? {
        Nid::X9_62_PRIME256V1 => Some(32),
        Nid::SECP384R1 => Some(48),
        Nid::SECP521R1 => Some(66),
        _ => None,
    }
}

/// Odd, at least 3: with an exponent of 1 anyone could sign.
fn has_sound_exponent(key: &PKey<Public>) -> bool {
    key.rsa().is_ok_and(|rsa| rsa.e().is_bit_set(0) && rsa.e().num_bits() >= 2 && rsa.n().is_bit_set(0))
}

fn number(jwk: &Map<String, Value>, name: &str) -> Option<BigNum> {
    BigNum::from_slice(&URL_SAFE_NO_PAD.decode(jwk.get(name)?.as_str()?).ok()?).ok()
}

fn rsa(jwk: &Map<String, Value>) -> Option<PKey<Public>> {
    PKey::from_rsa(Rsa::from_public_components(number(jwk, "n")?, number(jwk, "e")?).ok()?).ok()
}

fn ec(jwk: &Map<String, Value>) -> Option<PKey<Public>> {
    let curve = match jwk.get("crv")?.as_str()? {
        "P-256" => Nid::X9_62_PRIME256V1,
        "P-384" => Nid::SECP384R1,
        "P-521" => Nid::SECP521R1,
        _ => return None,
    };
    let group = EcGroup::from_curve_name(curve).ok()?;
    // OpenSSL checks that the point is on the curve.
    let key = EcKey::from_public_key_affine_coordinates(&group, &*number(jwk, "x")?, &*number(jwk, "y")?).ok()?;
    PKey::from_ec_key(key).ok()
}
