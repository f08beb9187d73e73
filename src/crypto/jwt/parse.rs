//! Reading a foreign JWS without trusting it, and reading claims out of it.

use serde_json::{Map, Value};

use super::JwsAlg;
use super::decoy::decoy;
use super::json::object;
use super::verify::VerifyingKey;
use crate::crypto::secret::unb64url;

/// The longest token that is looked at, in bytes.
pub const MAX_TOKEN: usize = 60 * 1024;
/// The last second of the year 9999: no date of a token lies behind it.
const LAST_DATE: i64 = 253_402_300_799;
/// How many keys one token is tried against.
const MAX_TRIES: usize = 8;

/// Why a JWT was refused; for the log line and tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtFault {
    /// More than [`MAX_TOKEN`] bytes.
    #[error("the token is too long")]
    TooLong,
    /// Not the compact serialisation in canonical base64url.
    #[error("the token is not in compact serialisation")]
    Malformed,
    /// Header or payload isn't a JSON object.
    #[error("a part of the token is not a JSON object")]
    Json,
    /// A JSON member occurs twice.
    #[error("a JSON member is repeated")]
    DuplicateMember,
    /// `crit` or another header member that would change how the token is read.
    #[error("the header asks for an extension")]
    Critical,
    /// `zip`: decompression is never done.
    #[error("the token is compressed")]
    Compressed,
    /// `alg` or `enc` isn't that of the registered key.
    #[error("the algorithm is not the registered one")]
    Algorithm,
    /// No registered key fits.
    #[error("no registered key fits the token")]
    UnknownKey,
    /// The signature, or the authentication tag of an encrypted token, is wrong.
    #[error("the signature is wrong")]
    Signature,
    /// The named claim has a wrong type or is out of range.
    #[error("the claim {0} is malformed")]
    Claim(&'static str),
}

/// A token whose signature nobody has checked yet. What it says serves only to find the key that checks it.
#[derive(Debug)]
pub struct Unverified {
    /// The protected header.
    pub header: Map<String, Value>,
    /// The claims, as claimed.
    pub payload: Map<String, Value>,
    signed: String,
    signature: Vec<u8>,
}

/// A token whose signature was right. Dates, issuer, audience and `typ` are still the caller's to judge.
#[derive(Debug)]
pub struct Jwt {
    /// The protected header.
    pub header: Map<String, Value>,
    /// The claims.
    pub payload: Map<String, Value>,
}

/// Reads a compact JWS whose payload is a JSON object.
///
/// # Errors
/// A [`JwtFault`] for whatever isn't exactly that: see the module's head.
pub fn parse(token: &str) -> Result<Unverified, JwtFault> {
    if token.len() > MAX_TOKEN {
        return Err(JwtFault::TooLong);
    }
    let parts: Vec<_> = token.splitn(4, '.').map(unb64url).collect::<Option<_>>().ok_or(JwtFault::Malformed)?;
    let Ok([header, payload, signature]) = <[Vec<u8>; 3]>::try_from(parts) else { return Err(JwtFault::Malformed) };
    let (Some((signed, _)), false) = (token.rsplit_once('.'), signature.is_empty()) else {
        return Err(JwtFault::Malformed);
    };
    let header = object(&header)?;
    check_header(&header)?;
    let payload = object(&payload)?;
    Ok(Unverified { header, payload, signed: signed.to_owned(), signature })
}

/// Refuses what would change how the token has to be read: `crit` (RFC 7515 section 4.1.11), `b64` (RFC 7797) and `zip`.
fn check_header(header: &Map<String, Value>) -> Result<(), JwtFault> {
    if header.contains_key("zip") {
        return Err(JwtFault::Compressed);
    }
    if header.contains_key("crit") || header.contains_key("b64") {
        return Err(JwtFault::Critical);
    }
    for name in ["alg", "typ", "kid", "cty"] {
        text(header, name)?;
    }
    Ok(())
}

impl Unverified {
    /// `alg` as the header has it; only ever compared with that of a registered key.
    pub fn alg(&self) -> Option<&str> {
        self.header.get("alg").and_then(Value::as_str)
    }

    /// `kid` as the header has it.
    pub fn kid(&self) -> Option<&str> {
        self.header.get("kid").and_then(Value::as_str)
    }

    /// Checks the signature with a key the caller chose from what is registered.
    ///
    /// # Errors
    /// [`JwtFault::Algorithm`] where `alg` isn't exactly the key's, [`JwtFault::Signature`] where the signature is wrong.
    pub fn verify(self, key: &VerifyingKey) -> Result<Jwt, JwtFault> {
        self.check(key)?;
        Ok(Jwt { header: self.header, payload: self.payload })
    }

    /// Checks the signature with a key that nobody has, for as much work as with a registered one.
    pub fn waste(&self) {
        if let Some(decoy) = self.alg().and_then(JwsAlg::parse).and_then(decoy) {
            let _ = decoy.accepts(self.signed.as_bytes(), &self.signature);
        }
    }

    /// Checks the signature with one of several registered keys. Those whose `kid` is the token's are tried alone; where
    /// none has it, those without one whose algorithm is the token's; and of a token that names no key, all of its algorithm.
    /// Eight are tried at most. A `kid` that is registered elsewhere thus never gets the token verified by another key.
    /// Where there is none to try, as much work is done for nothing.
    ///
    /// # Errors
    /// [`JwtFault::UnknownKey`] where there is no key to try, else the fault of the last one tried.
    pub fn verify_any(self, keys: &[VerifyingKey]) -> Result<Jwt, JwtFault> {
        let named = |key: &&VerifyingKey| self.kid().is_some() && key.kid() == self.kid();
        let by_name = keys.iter().any(|key| named(&key));
        let nameless = |key: &&VerifyingKey| self.kid().is_none() || key.kid().is_none();
        let of_its_algorithm = |key: &&VerifyingKey| self.alg() == Some(key.alg().as_str()) && nameless(key);
        let fits = |key: &&VerifyingKey| if by_name { named(key) } else { of_its_algorithm(key) };
        let mut outcome = Err(JwtFault::UnknownKey);
        for key in keys.iter().filter(fits).take(MAX_TRIES) {
            outcome = self.check(key);
            if outcome.is_ok() {
                break;
            }
        }
        if matches!(outcome, Err(JwtFault::UnknownKey | JwtFault::Algorithm)) {
            self.waste();
        }
        outcome.map(|()| Jwt { header: self.header, payload: self.payload })
    }

    fn check(&self, key: &VerifyingKey) -> Result<(), JwtFault> {
        if self.alg() != Some(key.alg().as_str()) {
            return Err(JwtFault::Algorithm);
        }
        if key.accepts(self.signed.as_bytes(), &self.signature) { Ok(()) } else { Err(JwtFault::Signature) }
    }
}

impl Jwt {
    /// Whether `typ` is that media type: case and a leading `application/` don't matter (RFC 7515 section 4.1.9).
    pub fn is_typ(&self, typ: &str) -> bool {
        self.header.get("typ").and_then(Value::as_str).is_some_and(|actual| {
            let actual = actual.to_ascii_lowercase();
            actual.strip_prefix("application/").unwrap_or(&actual) == typ.to_ascii_lowercase()
        })
    }
}

/// A `NumericDate` (RFC 7519 section 2) in whole seconds, a fraction cut off; `None` where the claim is absent.
///
/// # Errors
/// [`JwtFault::Claim`] for anything but a number from 0 to the end of the year 9999.
pub fn numeric_date(claims: &Map<String, Value>, name: &'static str) -> Result<Option<i64>, JwtFault> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = value.as_i64().or_else(|| value.as_f64().and_then(whole_seconds));
    match seconds {
        Some(seconds @ 0..=LAST_DATE) => Ok(Some(seconds)),
        Some(_) | None => Err(JwtFault::Claim(name)),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "both ends of the range are exact")]
fn whole_seconds(seconds: f64) -> Option<i64> {
    (0.0..=LAST_DATE as f64).contains(&seconds).then_some(seconds as i64)
}

/// A claim or header member that must be a text; `None` where it is absent.
///
/// # Errors
/// [`JwtFault::Claim`] where it is anything else, `null` included.
pub fn text<'a>(claims: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, JwtFault> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or(JwtFault::Claim(name)),
    }
}

/// `aud`, one text or an array of them (RFC 7519 section 4.1.3); empty where it is absent.
///
/// # Errors
/// [`JwtFault::Claim`] where it is anything else.
pub fn audience(claims: &Map<String, Value>) -> Result<Vec<&str>, JwtFault> {
    const FAULT: JwtFault = JwtFault::Claim("aud");
    match claims.get("aud") {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => items.iter().map(|item| item.as_str().ok_or(FAULT)).collect(),
        Some(value) => value.as_str().map(|one| vec![one]).ok_or(FAULT),
    }
}
