//! `ROLE_ADMIN`, judged at each use (contract: who may call what).

use super::{Ctx, Services};
use crate::domain::{Error, Forbidden, Result};

impl Services {
    /// Whether an access token carries an administrator's scope by right: its user is enabled and an administrator, or it is a
    /// token of a client that an operator gave the scope.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a token that is not good, [`Error::Forbidden`] for one that may not.
    pub async fn check_admin(&self, ctx: &Ctx, token: &str, scope: &str) -> Result<()> {
        let facts = self.inspect_access_token(ctx, token).await?;
        let has = |scopes: &[String]| scopes.iter().any(|value| value == scope);
        let rows = self.store.tenant(ctx.tenant.id);
        let may = if !facts.scope.as_deref().is_some_and(has) {
            false
        } else if facts.user {
            rows.find_user_by_sub(&facts.key.sub).await?.is_some_and(|user| user.enabled && user.admin)
        } else {
            let client = rows.find_client(&facts.key.cid).await?;
            client.is_some_and(|client| client.enabled && client.by_operator && has(&client.registration.scope))
        };
        if may { Ok(()) } else { Err(Error::Forbidden(Forbidden::AccessDenied)) }
    }
}
