//! What users have authorised, as a portal or a support desk manages it (seed: managing authorisations granted for a client
//! by a user).

mod rescope;
pub mod tokens;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::tokens::revoke;
use super::{Ctx, Services};
use crate::domain::{Client, Error, Kind, NEVER, Result, Seconds, Selector, number};
use crate::service::liveness::retain_live;
use crate::store::authorizations::Filter;
use crate::store::token_pages::{Register, TokenFilter, Unpurged};
use crate::store::{Connection, Lock, TenantStore, Tx};

use rescope::Rescope;

/// A stretch of a list: from the first index on, up to the second, which is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The first index, from 0.
    pub start: usize,
    /// The index after the last.
    pub end: usize,
}

impl Stretch {
    /// What of a whole list is in it; nothing if it ends before it starts.
    pub fn of<T>(self, all: Vec<T>) -> Vec<T> {
        all.into_iter().skip(self.start).take(self.end.saturating_sub(self.start)).collect()
    }
}

/// What is done to all of a subject and a client.
#[derive(Clone, Debug)]
struct Pair {
    sub: String,
    cid: String,
    now: Seconds,
}

impl Pair {
    fn filter(&self) -> TokenFilter {
        TokenFilter { subs: Some(vec![self.sub.clone()]), cid: Some(self.cid.clone()) }
    }
}

impl Services {
    /// The client that a number or an alias names.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none.
    pub async fn find_managed_client(&self, ctx: &Ctx, name: &str) -> Result<Client> {
        let rows = self.store.tenant(ctx.tenant.id);
        let found = if name.bytes().all(|b| b.is_ascii_digit()) {
            match number::integer(name) {
                Some(number) => rows.find_client_by_number(number).await?,
                None => None,
            }
        } else {
            rows.find_client_by_alias(name).await?
        };
        found.ok_or(Error::NotFound(Kind::Client))
    }

    /// The registered clients that have a live token or a stored authorisation of a subject, by number: how many, and a
    /// stretch of them.
    pub async fn list_authorized_clients(
        &self,
        ctx: &Ctx,
        subject: &str,
        developer: Option<&str>,
        stretch: Stretch,
    ) -> Result<(usize, Vec<Client>)> {
        let rows = self.store.tenant(ctx.tenant.id);
        let cids = authorized_cids(&rows, subject, ctx.now).await?;
        let cids: Vec<&str> = cids.iter().map(String::as_str).collect();
        let mut clients = rows.find_clients(&cids).await?;
        clients.retain(|client| is_of(client, developer));
        clients.sort_unstable_by_key(|client| client.number);
        Ok((clients.len(), stretch.of(clients)))
    }

    /// All registered clients, by number: how many, and a stretch of them.
    pub async fn list_managed_clients(
        &self,
        ctx: &Ctx,
        developer: Option<&str>,
        stretch: Stretch,
    ) -> Result<(usize, Vec<Client>)> {
        let rows = self.store.tenant(ctx.tenant.id);
        let (mut total, mut kept, mut after) = (0, Vec::new(), -1);
        loop {
            let page = rows.list_clients_by_number(after, super::authorizations::CHUNK).await?;
            let Some(last) = page.last() else { return Ok((total, kept)) };
            after = last.number;
            for client in page.into_iter().filter(|client| is_of(client, developer)) {
                if (stretch.start..stretch.end).contains(&total) {
                    kept.push(client);
                }
                total += 1;
            }
        }
    }

    /// Replaces the scope of every access token of a subject and a client and of their authorisations; without a scope only
    /// counts. Scope values that the client may not have are dropped. Returns how many live registered access tokens there are.
    pub async fn update_scopes(
        &self,
        ctx: &Ctx,
        client: &Client,
        subject: &str,
        scope: Option<Vec<String>>,
    ) -> Result<i64> {
        let allowed = &client.registration.scope;
        let scope =
            scope.map(|asked| crate::domain::scope::unique(asked.into_iter().filter(|value| allowed.contains(value))));
        let pair = Pair { sub: subject.to_owned(), cid: client.client_id.clone(), now: ctx.now };
        let work = (pair, scope, ctx.tenant.settings.access_token.registry, Arc::clone(&ctx.keys));
        self.store
            .write((ctx.tenant.id, Lock::Epoch), work, |rows, (pair, scope, registry, keys)| {
                Box::pin(async move {
                    let count = count(rows, pair).await?;
                    if let Some(scope) = scope {
                        Rescope { rows, keys: &keys.tokens, pair, scope }.apply(!registry).await?;
                    }
                    Ok(count)
                })
            })
            .await
    }

    /// Kills all tokens of a subject and a client, whoever the actor, and their authorisations. Returns how many live
    /// registered access tokens there were.
    pub async fn delete_authorizations(&self, ctx: &Ctx, client: &Client, subject: &str) -> Result<i64> {
        let pair = Pair { sub: subject.to_owned(), cid: client.client_id.clone(), now: ctx.now };
        self.store
            .write((ctx.tenant.id, Lock::Epoch), pair, |rows, pair| {
                Box::pin(async move {
                    let count = count(rows, pair).await?;
                    let selector = Selector::SubjectClient(&pair.sub, &pair.cid);
                    revoke::mark(rows, &selector, pair.now, NEVER).await?;
                    Ok(count)
                })
            })
            .await
    }
}

fn is_of(client: &Client, developer: Option<&str>) -> bool {
    developer.is_none_or(|developer| client.registration.developer.as_deref() == Some(developer))
}

async fn count(rows: &TenantStore<'_, Tx>, pair: &Pair) -> Result<i64> {
    let unpurged = rows.unpurged().await?;
    rows.count_tokens(Register::Access, &pair.filter(), pair.now, &unpurged).await
}

async fn authorized_cids<C: Connection>(
    rows: &TenantStore<'_, C>,
    subject: &str,
    now: Seconds,
) -> Result<BTreeSet<String>> {
    let unpurged: Unpurged = rows.unpurged().await?;
    let mut cids = BTreeSet::new();
    for register in [Register::Access, Register::Refresh] {
        cids.extend(rows.list_clients_with_tokens(register, subject, now, &unpurged).await?);
    }
    let filter = Filter { sub: Some(subject.to_owned()), ..Filter::default() };
    let mut after = None;
    loop {
        let chunk = super::authorizations::CHUNK;
        let page = rows.list_authorization_entries(&filter, filter.order(), after.as_ref(), chunk).await?;
        let Some(last) = page.last() else { return Ok(cids) };
        after = Some(last.key.clone());
        cids.extend(retain_live(rows, page).await?.into_iter().map(|entry| entry.key.cid));
    }
}
