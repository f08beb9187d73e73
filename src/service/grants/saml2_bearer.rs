//! The SAML 2.0 bearer grant (RFC 7522 section 2.1).

use std::cell::RefCell;

use super::TOKEN_PATH;
use super::assertion::{Asserted, bad};
use crate::crypto::saml::{self, SamlKey};
use crate::domain::{Error, GrantFault, Result};
use crate::service::assertions::{Life, SKEW, usable};
use crate::service::client_auth::Credential;
use crate::service::tokens::TokenSet;
use crate::service::{Ctx, Services};
use crate::tenancy::AssertionKind;

impl Services {
    /// A token for the subject of a SAML assertion.
    pub(super) async fn saml2_bearer(
        &self,
        ctx: &Ctx,
        credential: &Credential<'_>,
        assertion: &str,
        asked: Option<Vec<String>>,
    ) -> Result<TokenSet> {
        let epoch = self.epoch(ctx).await?;
        let presenter = self.presenter(ctx, credential, AssertionKind::Saml2).await?;
        let issuer = claimed_issuer(assertion).map_err(|fault| bad(ctx, &fault))?;
        let asserted = self.asserted(ctx, (credential, presenter), AssertionKind::Saml2, &issuer).await?;
        let keys = keys(&asserted);
        let verified = saml::verify(assertion, |name| if name == issuer { keys.clone() } else { Vec::new() });
        let verified = verified.map_err(|fault| bad(ctx, &fault))?;
        let issuers: Vec<&str> = ctx.tenant.issuers().collect();
        let endpoints: Vec<String> =
            issuers.iter().map(|issuer| format!("{}{TOKEN_PATH}", issuer.trim_end_matches('/'))).collect();
        let recipients: Vec<&str> = endpoints.iter().map(String::as_str).collect();
        let audiences: Vec<&str> = issuers.iter().copied().chain(recipients.iter().copied()).collect();
        verified.check(ctx.now, &audiences, &recipients, SKEW).map_err(|fault| bad(ctx, &fault))?;
        let exp = verified.expires_at().ok_or_else(|| bad(ctx, &"no end"))?;
        let sub = usable("NameID", &verified.subject).map_err(|fault| bad(ctx, &fault))?;
        let life = Life::of_saml(verified.issued_at, verified.not_before, exp);
        if !self.use_once(ctx, "saml2", &verified.issuer, &verified.id, life).await? {
            return Err(Error::InvalidGrant(GrantFault::Replayed));
        }
        self.grant_asserted(ctx, &asserted, epoch, sub, asked).await
    }
}

/// The issuer that an assertion names. Nothing is verified here: it only says whose keys are needed.
fn claimed_issuer(assertion: &str) -> Result<String, saml::SamlFault> {
    let claimed = RefCell::new(None);
    let outcome = saml::verify(assertion, |name| {
        *claimed.borrow_mut() = Some(name.to_owned());
        Vec::new()
    });
    match (claimed.into_inner(), outcome) {
        (Some(issuer), _) => Ok(issuer),
        (None, Err(fault)) => Err(fault),
        (None, Ok(_)) => Err(saml::SamlFault::NoKey),
    }
}

fn keys(asserted: &Asserted<'_>) -> Vec<SamlKey> {
    match asserted {
        Asserted::Own(known) => {
            let jwks = &known.client.registration.jwks;
            jwks.iter().filter_map(|jwk| SamlKey::from_public_jwk(jwk).ok()).collect()
        }
        Asserted::Trusted(_, issuer) => {
            issuer.certificates.iter().filter_map(|pem| SamlKey::from_certificate_pem(pem).ok()).collect()
        }
    }
}
