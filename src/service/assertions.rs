//! JWT assertions (RFC 7521, RFC 7523): what is asked of their claims, the same for client authentication and for grants.

use serde_json::{Map, Value};

use super::{Ctx, Services};
use crate::crypto::jwt::{self, JwtFault};
use crate::crypto::secret::sha256;
use crate::crypto::selector;
use crate::domain::{Result, Seconds, Selector};
use crate::store::{Lock, TenantStore, Tx};

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
    pub(crate) life: Life,
}

/// Between which moments an assertion can have been used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    /// Not before this one.
    from: Seconds,
    /// When it ends.
    exp: Seconds,
}

impl Life {
    /// Of a JWT: it is used neither before it is made, nor earlier than `nbf` and the longest life allow.
    pub(crate) fn of_jwt(issued_at: Option<Seconds>, not_before: Option<Seconds>, exp: Seconds) -> Self {
        let earliest = exp.saturating_sub(MAX_LIFE + SKEW);
        let Self { from, exp } = Self::of_saml(issued_at.unwrap_or(earliest), not_before, exp);
        Self { from: from.max(earliest), exp }
    }

    /// Of a SAML assertion, whose life has no bound here.
    pub(crate) fn of_saml(issued_at: Seconds, not_before: Option<Seconds>, exp: Seconds) -> Self {
        Self { from: not_before.map_or(issued_at, |at| issued_at.max(at.saturating_sub(SKEW))), exp }
    }
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
    let life = Life::of_jwt(jwt::numeric_date(claims, "iat")?, jwt::numeric_date(claims, "nbf")?, exp);
    Ok(Claims { iss: identifier(claims, "iss")?, sub: identifier(claims, "sub")?, jti, life })
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
    /// nothing with it can be good any more. What may have been used before a restore of the database, which has forgotten it,
    /// counts as used.
    pub(crate) async fn use_once(
        &self,
        ctx: &Ctx,
        kind: &'static str,
        issuer: &str,
        id: &str,
        life: Life,
    ) -> Result<bool> {
        let length = (issuer.len() as u64).to_be_bytes();
        let digest = sha256(&[kind.as_bytes(), &[0], &length, issuer.as_bytes(), id.as_bytes()].concat());
        let lock = Lock::Row(std::array::from_fn(|i| digest[i]));
        let used_as =
            self.store.write((ctx.tenant.id, lock), (digest, life), |rows, args| Box::pin(consume(rows, args))).await?;
        match used_as {
            Use::First => {}
            Use::Again => self.on_replay(ctx, "assertion", ctx.client.get().map(|client| client.client_id.as_str())),
            Use::Unknown => {
                tracing::debug!(request_id = &*ctx.request_id, "the assertion may have been used before the restore");
            }
        }
        Ok(used_as == Use::First)
    }
}

/// What is known of a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    First,
    Again,
    /// It may have been used before the database was restored.
    Unknown,
}

async fn consume(rows: &TenantStore<'_, Tx>, (digest, life): &([u8; 32], Life)) -> Result<Use> {
    // Only the end of a restore revokes a tenant that lives on.
    let restored = rows.last_revoked_at(&[selector::hash(&Selector::Tenant)]).await?;
    if restored.is_some_and(|at| life.from <= at) {
        return Ok(Use::Unknown);
    }
    let first = rows.consume_once(digest, life.exp.saturating_add(SKEW + 1)).await?;
    Ok(if first { Use::First } else { Use::Again })
}

#[cfg(test)]
mod tests {
    use super::Life;

    #[test]
    fn an_assertion_is_not_used_before_what_it_says_of_itself() {
        assert_eq!(Life::of_jwt(None, None, 10_000).from, 10_000 - 3660);
        assert_eq!(Life::of_jwt(Some(9000), None, 10_000).from, 9000);
        assert_eq!(Life::of_jwt(Some(9000), Some(9100), 10_000).from, 9040);
        assert_eq!(Life::of_jwt(Some(1), None, 10_000).from, 10_000 - 3660);
        assert_eq!(Life::of_jwt(None, None, i64::MIN).from, i64::MIN);
        assert_eq!(Life::of_saml(1, Some(100), 100_000).from, 40);
        assert_eq!(Life::of_saml(50, Some(100), 100_000).from, 50);
    }
}
