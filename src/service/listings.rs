//! What the authorisation store lists: subjects, actors and clients of stored authorisations; see [`secrets`] for the rest.

pub mod secrets;

use super::authorizations::CHUNK;
use super::liveness::retain_live;
use super::{Ctx, Services};
use crate::domain::{AuthorizationKey, Result};
use crate::store::authorizations::{Filter, Order};

/// What of a key is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// Subjects.
    Subjects,
    /// Actors.
    Actors,
    /// Clients.
    Clients,
}

impl Listed {
    fn order(self) -> Order {
        match self {
            Self::Subjects => Order::Subject,
            Self::Actors => Order::Actor,
            Self::Clients => Order::Client,
        }
    }

    fn of(self, key: AuthorizationKey) -> Option<String> {
        match self {
            Self::Subjects => Some(key.sub),
            Self::Actors => key.act,
            Self::Clients => Some(key.cid),
        }
    }
}

impl Services {
    /// The next chunk of subjects, actors or clients in the order of their bytes, one entry per authorisation, and the
    /// key to go on from, if there may be more.
    pub async fn list_parties(
        &self,
        ctx: &Ctx,
        listed: Listed,
        after: Option<&AuthorizationKey>,
    ) -> Result<(Vec<String>, Option<AuthorizationKey>)> {
        let rows = self.store.tenant(ctx.tenant.id);
        // Records without an actor come first in the order of actors: begin behind them.
        let first = AuthorizationKey { sub: "\u{10ffff}".into(), act: None, cid: "\u{10ffff}".into() };
        let after = after.or((listed == Listed::Actors).then_some(&first));
        let page = rows.list_authorization_entries(&Filter::default(), listed.order(), after, CHUNK).await?;
        let next = (page.len() == CHUNK as usize).then(|| page.last().map(|e| e.key.clone())).flatten();
        let live = retain_live(&rows, page).await?;
        Ok((live.into_iter().filter_map(|entry| listed.of(entry.key)).collect(), next))
    }
}
