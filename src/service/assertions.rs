//! JWT assertions (RFC 7521, RFC 7523): what is asked of their claims, the same for client authentication and for grants.

use serde_json::{Map, Value};

use super::{Ctx, Services};
use crate::crypto::jwt::{self, JwtFault};
use crate::crypto::secret::sha256;
use crate::domain::{Result, Seconds};

/// How far clocks may be apart, in seconds.
pub(crate) const SKEW: Seconds = 60;
/// How far ahead an assertion may expire, in seconds.
const MAX_LIFE: Seconds = 3600;
/// The longest identifier in an assertion, in bytes.
const MAX_TEXT: usize = 255;

/// Why an assertion was refused; for the log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AssertionFault {
    /// Form or signature.
    #[error("jwt: {0}")]
    Jwt(#[from] JwtFault),
    /// A claim that must be there isn't, or is not usable.
    #[error("claim {0}")]
    Claim(&'static str),
    /// Too late.
    #[error("expired")]
    Expired,
    /// Too early, or to expire too late.
    #[error("dates")]
    Dates,
    /// For somebody else.
    #[error("audience")]
    Audience,
    /// A token of another kind.
    #[error("typ")]
    Type,
}

/// The claims of an assertion that is in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) sub: String,
    pub(crate) jti: Option<String>,
    pub(crate) exp: Seconds,
}

/// Checks the claims of an assertion whose signature was right. `path` is the endpoint it was presented at.
pub(crate) fn check(ctx: &Ctx, jwt: &jwt::Jwt, path: &str) -> Result<Claims, AssertionFault> {
    check_type(&jwt.header)?;
    let claims = &jwt.payload;
    check_dates(claims, ctx.now)?;
    match jwt::audience(claims)?.as_slice() {
        [audience] if ctx.tenant.accepts_audience(audience, path) => {}
        _ => return Err(AssertionFault::Audience),
    }
    let jti = jwt::text(claims, "jti")?.map(|jti| usable("jti", jti)).transpose()?;
    let exp = jwt::numeric_date(claims, "exp")?.ok_or(AssertionFault::Claim("exp"))?;
    Ok(Claims { iss: identifier(claims, "iss")?, sub: identifier(claims, "sub")?, jti, exp })
}

/// `typ`, where there is one, says that this is an assertion or just a JWT: never an access token or another kind of ours.
fn check_type(header: &Map<String, Value>) -> Result<(), AssertionFault> {
    let Some(typ) = jwt::text(header, "typ")? else { return Ok(()) };
    let typ = typ.to_ascii_lowercase();
    let typ = typ.strip_prefix("application/").unwrap_or(&typ);
    if matches!(typ, "jwt" | "client-authentication+jwt" | "authorization-grant+jwt") {
        Ok(())
    } else {
        Err(AssertionFault::Type)
    }
}

fn check_dates(claims: &Map<String, Value>, now: Seconds) -> Result<(), AssertionFault> {
    let exp = jwt::numeric_date(claims, "exp")?.ok_or(AssertionFault::Claim("exp"))?;
    if exp < now - SKEW {
        return Err(AssertionFault::Expired);
    }
    let ahead = ["iat", "nbf"].into_iter().map(|name| jwt::numeric_date(claims, name));
    for date in ahead {
        if date?.is_some_and(|date| date > now + SKEW) {
            return Err(AssertionFault::Dates);
        }
    }
    if exp > now + MAX_LIFE + SKEW { Err(AssertionFault::Dates) } else { Ok(()) }
}

fn identifier(claims: &Map<String, Value>, name: &'static str) -> Result<String, AssertionFault> {
    usable(name, jwt::text(claims, name)?.ok_or(AssertionFault::Claim(name))?)
}

/// A text that can name somebody or something: 1 to 255 bytes without control characters.
pub(crate) fn usable(name: &'static str, text: &str) -> Result<String, AssertionFault> {
    let good = (1..=MAX_TEXT).contains(&text.len()) && !text.chars().any(char::is_control);
    if good { Ok(text.to_owned()) } else { Err(AssertionFault::Claim(name)) }
}

impl Services {
    /// Uses up what an issuer may use once; tells whether this was the first use, over all replicas. It is remembered until
    /// nothing with it can be good any more.
    pub(crate) async fn use_once(
        &self,
        ctx: &Ctx,
        kind: &'static str,
        issuer: &str,
        id: &str,
        exp: Seconds,
    ) -> Result<bool> {
        let length = (issuer.len() as u64).to_be_bytes();
        let digest = sha256(&[kind.as_bytes(), &[0], &length, issuer.as_bytes(), id.as_bytes()].concat());
        let until = exp.saturating_add(SKEW + 1);
        let first = self
            .store
            .write(ctx.tenant.id, (digest, until), |rows, (digest, until)| Box::pin(rows.consume_once(digest, *until)))
            .await?;
        if !first {
            self.on_replay(ctx, "assertion");
        }
        Ok(first)
    }
}
