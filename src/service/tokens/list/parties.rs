//! The clients and users behind the tokens of a page, read together.

use std::collections::HashMap;

use super::{ListedClient, ListedToken, ListedUser, access_text};
use crate::domain::{AccessToken, AuthorizationKey, Chain, Client, NEVER, Result, Seconds, User, scope};
use crate::service::Ctx;
use crate::service::tokens::issue;
use crate::store::{Connection, TenantStore};

/// The clients and users of the tokens of a page.
pub(super) struct Parties {
    clients: HashMap<String, Client>,
    users: HashMap<String, User>,
}

impl Parties {
    /// Those of the tokens of these keys; the flag says whether a user stands behind one.
    pub(super) async fn of<'k, C: Connection>(
        rows: &TenantStore<'_, C>,
        keys: impl Iterator<Item = (&'k AuthorizationKey, bool)>,
    ) -> Result<Self> {
        let (mut cids, mut subs) = (Vec::new(), Vec::new());
        for (key, user) in keys {
            cids.push(key.cid.as_str());
            subs.extend(user.then_some(key.sub.as_str()));
        }
        for names in [&mut cids, &mut subs] {
            names.sort_unstable();
            names.dedup();
        }
        let clients = rows.find_clients(&cids).await?.into_iter().map(|client| (client.client_id.clone(), client));
        let users = rows.find_users_by_sub(&subs).await?.into_iter().map(|user| (user.sub.clone(), user));
        Ok(Self { clients: clients.collect(), users: users.collect() })
    }

    fn client(&self, cid: &str) -> ListedClient {
        let known = self.clients.get(cid);
        ListedClient {
            number: known.map(|client| client.number),
            client_id: cid.to_owned(),
            contacts: known.map(|client| client.registration.contacts.clone()).unwrap_or_default(),
        }
    }

    fn user(&self, sub: &str) -> ListedUser {
        match self.users.get(sub) {
            Some(user) => ListedUser { id: user.uuid.clone(), name: user.username.clone(), is_known: true },
            None => ListedUser { id: sub.to_owned(), name: sub.to_owned(), is_known: false },
        }
    }

    /// An access token as it is shown.
    pub(super) fn access_token(&self, ctx: &Ctx, token: AccessToken) -> Result<ListedToken> {
        Ok(ListedToken {
            number: token.number.0,
            value: exposed(ctx, || access_text(ctx, &token))?,
            expires_at: ends(token.expires_at),
            client: self.client(&token.key.cid),
            user: token.user.then(|| self.user(&token.key.sub)),
            id_token: token.id_token.map(|number| number.0),
            scope: token.scope.unwrap_or_default(),
        })
    }

    /// A refresh token as it is shown.
    pub(super) fn chain(&self, ctx: &Ctx, chain: &Chain) -> Result<ListedToken> {
        Ok(ListedToken {
            number: chain.number,
            value: exposed(ctx, || issue::refresh_text(ctx, chain))?,
            expires_at: ends(chain.deadline()),
            client: self.client(&chain.key.cid),
            user: Some(self.user(&chain.key.sub)),
            id_token: None,
            scope: scope::parse(&chain.scope).unwrap_or_default(),
        })
    }
}

fn ends(at: Seconds) -> Option<Seconds> {
    (at != NEVER).then_some(at)
}

fn exposed(ctx: &Ctx, text: impl FnOnce() -> Result<String>) -> Result<Option<String>> {
    ctx.tenant.settings.iam.expose_values.then(text).transpose()
}
