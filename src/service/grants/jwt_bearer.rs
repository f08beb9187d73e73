//! The JWT bearer grant (RFC 7523 section 2.1).

use std::borrow::Cow;

use super::TOKEN_PATH;
use super::assertion::{Asserted, bad};
use crate::crypto::jwt::{self, VerifyingKey};
use crate::domain::{AuthMethod, Error, GrantFault, Result};
use crate::service::client_auth::{Credential, KnownClient};
use crate::service::tokens::TokenSet;
use crate::service::{Ctx, Services, assertions};
use crate::tenancy::{AssertionIssuerEntry, AssertionKind};

impl Services {
    /// A token for the subject of a JWT.
    pub(super) async fn jwt_bearer(
        &self,
        ctx: &Ctx,
        credential: &Credential<'_>,
        assertion: &str,
        asked: Option<Vec<String>>,
    ) -> Result<TokenSet> {
        let epoch = self.epoch(ctx).await?;
        let presenter = self.presenter(ctx, credential, AssertionKind::Jwt).await?;
        let unverified = jwt::parse(assertion).map_err(|fault| bad(ctx, &fault))?;
        let issuer = jwt::text(&unverified.payload, "iss").ok().flatten().unwrap_or_default().to_owned();
        let asserted = self.asserted(ctx, (credential, presenter), AssertionKind::Jwt, &issuer).await;
        // Whether there is a client or an issuer of that name is not told by the time either.
        let asserted = asserted.inspect_err(|_| unverified.waste())?;
        let keys = match &asserted {
            Asserted::Own(known) => own_keys(ctx, known),
            Asserted::Trusted(_, issuer) => Cow::Owned(trusted_keys(issuer)),
        };
        let verified = unverified.verify_any(&keys).map_err(|fault| bad(ctx, &fault))?;
        let claims = assertions::check(ctx, &verified, TOKEN_PATH).map_err(|fault| bad(ctx, &fault))?;
        if let Some(jti) = &claims.jti
            && !self.use_once(ctx, "jwt", &claims.iss, jti, claims.life).await?
        {
            return Err(Error::InvalidGrant(GrantFault::Replayed));
        }
        self.grant_asserted(ctx, &asserted, epoch, claims.sub, asked).await
    }
}

/// The client's registered keys, or its secret where that is kept for signatures.
fn own_keys<'k>(ctx: &Ctx, known: &'k KnownClient) -> Cow<'k, [VerifyingKey]> {
    match known.client.registration.auth_method {
        AuthMethod::ClientSecretJwt => known.keys_for(ctx, AuthMethod::ClientSecretJwt),
        AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost | AuthMethod::PrivateKeyJwt | AuthMethod::None => {
            Cow::Borrowed(known.keys())
        }
    }
}

fn trusted_keys(issuer: &AssertionIssuerEntry) -> Vec<VerifyingKey> {
    let keys = issuer.jwks.iter().flat_map(|set| &set.keys);
    keys.filter_map(|jwk| VerifyingKey::from_public_jwk(jwk).ok()).collect()
}
