//! The client credentials grant (RFC 6749 section 4.4): a client acts on its own behalf, and no user stands behind the token.

use super::{within_client, without_admin};
use crate::domain::{AuthorizationId, AuthorizationKey, Error, GrantId, GrantType, NEVER, Posted, Result};
use crate::service::client_auth::Credential;
use crate::service::tokens::TokenSet;
use crate::service::tokens::issue::{self, Approval};
use crate::service::{Ctx, Services};

impl Services {
    /// A token for the client itself: neither refresh nor ID token, `sub` is the client.
    pub(super) async fn client_credentials(
        &self,
        ctx: &Ctx,
        credential: &Credential<'_>,
        asked: Option<Vec<String>>,
    ) -> Result<TokenSet> {
        // Read before the client is: what is revoked from here on kills what is issued.
        let epoch = self.epoch(ctx).await?;
        let known = self.client_for(ctx, credential, GrantType::ClientCredentials).await?;
        let client = &known.client;
        if client.is_public() {
            return Err(Error::UnauthorizedClient);
        }
        let was_asked = asked.is_some();
        let mut scope = within_client(client, asked)?;
        if !client.by_operator {
            scope = without_admin(scope, was_asked)?;
        }
        let key = AuthorizationKey { sub: client.client_id.clone(), act: None, cid: client.client_id.clone() };
        let terms = Posted::default().into_terms(&ctx.term_defaults());
        let minted = issue::mint(
            ctx,
            &Approval {
                grant: GrantId::CLIENT,
                authorization: AuthorizationId(GrantId::CLIENT.0),
                key: &key,
                user: false,
                epoch,
                terms: &terms,
                scope: Some(scope.clone()),
                chain: None,
                not_after: NEVER,
            },
        )?;
        if let Some(row) = minted.row {
            self.store.write(ctx.tenant.id, row, |rows, row| Box::pin(rows.insert_access_token(row))).await?;
        }
        Ok(TokenSet {
            access_token: minted.text,
            expires_in: minted.expires_in,
            scope: Some(scope),
            refresh_token: None,
            refresh_token_expires_in: None,
            id_token: None,
        })
    }
}
