//! Import of an authorisation from another server (seed: authorisation store API, section 3.1.4): its refresh token works
//! from then on. Its text can't be recomputed as those of ours can, so it is kept sealed and found by a keyed hash.

use super::{end_chains, scope_text};
use crate::crypto::secret::{random, random_number};
use crate::domain::{Authorization, AuthorizationId, Chain, ChainId, Error, Grant, GrantId, Posted, Result, Seconds};
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
        let foreign = text.map(|text| foreign(ctx, &record, &text, rti));
        self.store
            .write(ctx.tenant.id, (record, foreign, ctx.now), |rows, (record, foreign, now)| {
                Box::pin(import(rows, record, foreign.as_ref(), *now))
            })
            .await
            .map_err(|error| match error {
                Error::Conflict(_) => Error::invalid("rft belongs to another authorisation"),
                other => other,
            })
    }
}

/// A refresh token to be taken over.
struct Foreign {
    /// Its chain.
    chain: Chain,
    /// The keyed hash of its text under the newest root secret.
    digest: [u8; 32],
    /// The same under older ones.
    older: Vec<[u8; 32]>,
    /// The chain that the text names, if it was made here.
    made_here: Option<ChainId>,
}

fn foreign(ctx: &Ctx, record: &Authorization, text: &str, rti: Seconds) -> Foreign {
    let keys = &ctx.keys.tokens;
    let digest = keys.newest().foreign_digest(text);
    let older = keys.iter().map(|keys| keys.foreign_digest(text)).filter(|other| *other != digest).collect();
    let made_here = keys.read_refresh(text).map(|text| text.chain);
    Foreign { chain: foreign_chain(ctx, record, text, rti), digest, older, made_here }
}

fn foreign_chain(ctx: &Ctx, record: &Authorization, text: &str, rti: Seconds) -> Chain {
    let keys = ctx.keys.tokens.newest();
    let id = ChainId(random());
    Chain {
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
    }
}

/// Takes a refresh token's text from the dead chains that had it.
///
/// # Errors
/// [`Error::Conflict`] when one that lives has it.
async fn release(rows: &TenantStore<'_, Tx>, foreign: &Foreign, now: Seconds) -> Result<()> {
    let mut holders = Vec::new();
    if let Some(id) = foreign.made_here {
        holders.extend(rows.find_chain(id).await?);
    }
    for digest in std::iter::once(&foreign.digest).chain(&foreign.older) {
        holders.extend(rows.find_chain_by_foreign(digest).await?);
    }
    for holder in holders {
        if holder.deadline() > now && is_live(rows, &holder).await? {
            return Err(Error::Conflict("rft".into()));
        }
        rows.delete_chain(&holder, now).await?;
    }
    Ok(())
}

async fn import(
    rows: &TenantStore<'_, Tx>,
    record: &Authorization,
    foreign: Option<&Foreign>,
    now: Seconds,
) -> Result<()> {
    rows.hold_authorization(&record.key).await?;
    if let Some(old) = rows.find_authorization(&record.key).await? {
        end_chains(rows, &old.key, old.id, now).await?;
    }
    let epoch = rows.epoch().await?;
    let mut record = Authorization { epoch, ..record.clone() };
    if let Some(foreign) = foreign {
        release(rows, foreign, now).await?;
        let chain = Chain { epoch, ..foreign.chain.clone() };
        rows.insert_chain(&chain, Some(foreign.digest)).await?;
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
