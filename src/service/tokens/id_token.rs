//! ID tokens (`OpenID` Connect Core section 2): passed through, or minted.

use serde_json::{Map, Value, json};

use crate::crypto::secret::{random_number, unb64url};
use crate::domain::{AccessToken, AuthorizationKey, Error, Result, TokenKind, TokenNumber};
use crate::service::Ctx;

use super::issue::token_place;

/// Claims of the first ID token that a refreshed one repeats (`OpenID` Connect Core section 12.2).
const REMEMBERED: [&str; 3] = ["auth_time", "acr", "amr"];

/// What an ID token that a caller brought says of the authentication. It is not verified: it is the caller's own.
pub fn authentication(id_token: &str) -> Option<Map<String, Value>> {
    let payload = unb64url(id_token.split('.').nth(1)?)?;
    let claims: Map<String, Value> = serde_json::from_slice(&payload).ok()?;
    let kept: Map<String, Value> = claims.into_iter().filter(|(name, _)| REMEMBERED.contains(&name.as_str())).collect();
    (!kept.is_empty()).then_some(kept)
}

/// Mints an ID token for a client's user.
///
/// # Errors
/// [`Error::Internal`] when signing fails.
pub fn mint(ctx: &Ctx, key: &AuthorizationKey, authentication: Option<&Map<String, Value>>) -> Result<String> {
    let mut claims = json!({
        "iss": ctx.tenant.issuer(),
        "sub": key.sub,
        "aud": key.cid,
        "iat": ctx.now,
        "exp": ctx.now.saturating_add(ctx.tenant.settings.access_token.lifetime),
    });
    if let (Some(claims), Some(more)) = (claims.as_object_mut(), authentication) {
        claims.extend(more.clone());
    }
    let payload = serde_json::to_vec(&claims).map_err(Error::internal)?;
    ctx.keys.signer(ctx.tenant.settings.access_token.jws_alg.as_str(), ctx.now)?.sign("JWT", &payload)
}

/// The row that registers an ID token beside its access token, whose numbers it shares.
pub fn row(ctx: &Ctx, access: &AccessToken, text: &str) -> AccessToken {
    let number = TokenNumber(random_number());
    AccessToken {
        number,
        kind: TokenKind::IdToken,
        id: None,
        snapshot: None,
        sealed: Some(ctx.keys.tokens.newest().seal(&token_place(number), text.as_bytes())),
        id_token: None,
        signed_by: None,
        expires_at: ctx.now.saturating_add(ctx.tenant.settings.access_token.lifetime),
        ..access.clone()
    }
}
