//! Import of an authorisation from another server (seed: authorisation store API, section 3.1.4): its refresh token works
//! from then on. Its text can't be recomputed as those of ours can, so it is kept sealed and found by a keyed hash.

use super::{end_chains, scope_text};
use crate::crypto::secret::{random, random_number};
use crate::domain::{
    Authorization, AuthorizationId, AuthorizationKey, Chain, ChainId, Error, Grant, GrantId, Posted, Result, Seconds,
};
use crate::service::liveness::is_live;
use crate::service::tokens::issue::{self, end_of};
use crate::service::{Ctx, Services};
use crate::store::{TenantStore, Tx};

/// The shortest refresh token that can be imported: 128 bits in base64url.
const MIN_FOREIGN: usize = 22;

impl Services {
    /// Imports a long-lived authorisation, over what its key holds.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] when it is not long-lived, or its refresh token is not one that can be taken over.
    pub async fn import_authorization(&self, ctx: &Ctx, posted: Posted) -> Result<()> {
        posted.check()?;
        if posted.lng != Some(true) {
            return Err(Error::invalid("Only a long-lived authorisation (lng) can be imported"));
        }
        let text = posted.rft.clone();
        if text.is_some() && posted.irt != Some(true) {
            return Err(Error::invalid("rft without irt"));
        }
        if text.as_deref().is_some_and(|t| t.len() < MIN_FOREIGN) {
            return Err(Error::invalid("rft is too short to be a secret"));
        }
        let (key, uat, rti) = (posted.key(), posted.uat, posted.rti.unwrap_or(ctx.now));
        let record = Authorization {
            id: AuthorizationId(random()),
            key,
            epoch: 0,
            newest_chain: None,
            iss: posted.iss.clone().unwrap_or_else(|| ctx.tenant.issuer().to_owned()),
            iat: posted.iat.unwrap_or(ctx.now),
            uat,
            terms: posted.into_terms(&ctx.term_defaults()),
        };
        issue::check_terms(ctx, &record.terms)?;
        let made_here = text.as_deref().and_then(|text| ctx.keys.tokens.read_refresh(text)).map(|text| text.chain);
        let foreign = text.map(|text| foreign_chain(ctx, &record, &text, rti));
        self.store
            .write(ctx.tenant.id, (record, foreign, made_here), |rows, (record, foreign, made_here)| {
                Box::pin(async move {
                    if let Some(chain) = *made_here {
                        refuse_if_held(rows, chain, &record.key).await?;
                    }
                    import(rows, record, foreign.as_ref()).await
                })
            })
            .await
            .map_err(|error| match error {
                Error::Conflict(_) => Error::invalid("rft belongs to another authorisation"),
                other => other,
            })
    }
}

fn foreign_chain(ctx: &Ctx, record: &Authorization, text: &str, rti: Seconds) -> (Chain, [u8; 32]) {
    let keys = ctx.keys.tokens.newest();
    let id = ChainId(random());
    let chain = Chain {
        id,
        number: random_number(),
        grant: GrantId(random()),
        authorization: record.id,
        stored: true,
        key: record.key.clone(),
        epoch: 0,
        ver: keys.version(),
        generation: 0,
        rotated_at: None,
        current_used: false,
        issued_at: rti,
        expires_at: end_of(rti, record.terms.rtl),
        max_idle: record.terms.rtm,
        used_at: ctx.now,
        scope: scope_text(&record.terms),
        foreign: Some(keys.seal(&issue::foreign_place(id), text.as_bytes())),
    };
    (chain, keys.foreign_digest(text))
}

/// Refuses the chain of a refresh token that was made here and belongs to another authorisation.
async fn refuse_if_held(rows: &TenantStore<'_, Tx>, id: ChainId, key: &AuthorizationKey) -> Result<()> {
    let Some(chain) = rows.find_chain(id).await? else { return Ok(()) };
    let of_the_record = chain.stored && chain.key == *key;
    if of_the_record || !is_live(rows, &chain).await? { Ok(()) } else { Err(Error::Conflict("rft".into())) }
}

async fn import(rows: &TenantStore<'_, Tx>, record: &Authorization, foreign: Option<&(Chain, [u8; 32])>) -> Result<()> {
    rows.hold_authorization(&record.key).await?;
    if let Some(old) = rows.find_authorization(&record.key).await? {
        end_chains(rows, &old.key, old.id, record.iat.max(0)).await?;
        rows.delete_chains_of(old.id).await?;
    }
    let epoch = rows.epoch().await?;
    let mut record = Authorization { epoch, ..record.clone() };
    if let Some((chain, digest)) = foreign {
        let chain = Chain { epoch, ..chain.clone() };
        rows.insert_chain(&chain, Some(*digest)).await?;
        rows.insert_grant(&Grant {
            id: chain.grant,
            authorization: record.id,
            key: record.key.clone(),
            epoch,
            chain: Some(chain.id),
            transient: None,
            iss: record.iss.clone(),
            iat: record.iat,
            authentication: None,
            expires_at: chain.expires_at,
        })
        .await?;
        record.newest_chain = Some(chain.id);
        rows.mark_imports().await?;
    }
    rows.upsert_authorization(&record).await
}
