//! Changes that every replica must know of: what each is made on, how it is made, and how another replica shows it.

use serde_json::{Value, json};

use crate::authlete::caller::{Authlete, WEB_SHOP};
use crate::harness::{Answer, TestApp};
use crate::iam::Iam;
use crate::oauth::caller::{bare, shop, text};

const SHOP: &str = "65564eb0058d";
const OLD: &str = "the-old-secret-of-a-client-0123456789";
const NEW: &str = "the-new-secret-of-a-client-0123456789";

/// A change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    SubjectRevoked,
    ClientRevoked,
    PairRevoked,
    TokenRevoked,
    RevokedByItsClient,
    DeletedByAuthlete,
    DeletedByIam,
    ClientDisabled,
    ClientDeleted,
    SecretReplaced,
    UserDisabled,
    ApiTokenReplaced,
    KeyCompromised,
    TenantDisabled,
    TenantDeleted,
}

impl Change {
    /// Those that are quickly made and seen.
    pub(super) const LIGHT: [Self; 7] = [
        Self::SubjectRevoked,
        Self::ClientRevoked,
        Self::PairRevoked,
        Self::TokenRevoked,
        Self::RevokedByItsClient,
        Self::DeletedByAuthlete,
        Self::KeyCompromised,
    ];
    /// Those of whole clients, users and tenants.
    pub(super) const HEAVY: [Self; 8] = [
        Self::DeletedByIam,
        Self::ClientDisabled,
        Self::ClientDeleted,
        Self::SecretReplaced,
        Self::UserDisabled,
        Self::ApiTokenReplaced,
        Self::TenantDisabled,
        Self::TenantDeleted,
    ];

    fn is_of_tenant(self) -> bool {
        matches!(self, Self::ApiTokenReplaced | Self::KeyCompromised | Self::TenantDisabled | Self::TenantDeleted)
    }

    /// Whether it is seen by a client that shows a secret: a slow hash, of which a crowd may be too many at once.
    pub(super) fn asks_a_secret(self) -> bool {
        self.is_of_client() || self.is_introspected()
    }

    fn is_of_client(self) -> bool {
        matches!(self, Self::ClientDisabled | Self::ClientDeleted | Self::SecretReplaced)
    }

    fn is_introspected(self) -> bool {
        matches!(self, Self::RevokedByItsClient | Self::DeletedByAuthlete)
    }
}

/// What an answer says of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// As it was before.
    Before,
    /// As it is since.
    After,
    /// 503 with `Retry-After`: nothing at all.
    Refused,
}

/// Something that is about to change.
pub(super) struct Thing {
    pub(super) change: Change,
    name: String,
    tenant: String,
    token: String,
}

impl Thing {
    /// Makes the `n`th thing that a change can be made on.
    pub(super) async fn make(app: &TestApp, change: Change, n: usize) -> Self {
        let name = format!("{}-{n}", format!("{change:?}").to_lowercase());
        let mut this = Self { change, tenant: "acme".to_owned(), token: String::new(), name };
        if change.is_of_tenant() {
            this.tenant.clone_from(&this.name);
            this.make_tenant(app).await;
        }
        if change == Change::UserDisabled {
            this.put_user(app, true).await;
        }
        if change.is_of_client() {
            this.put_client(app, true, OLD).await;
            return this;
        }
        let cid = if change.is_introspected() { SHOP } else { &this.name };
        let encoding =
            if n.is_multiple_of(2) || change == Change::KeyCompromised { "SELF_CONTAINED" } else { "IDENTIFIER" };
        let body = json!({"sub": this.name, "cid": cid, "ate": encoding, "lng": true, "irt": true});
        let tokens = app.authz_store().as_tenant(&this.tenant).new_tokens(&body).await;
        text(&tokens, "access_token").clone_into(&mut this.token);
        this
    }

    /// Makes the change; returns once it is acknowledged.
    pub(super) async fn change(&self, app: &TestApp, iam: &Iam<'_>) {
        let (store, platform) = (app.authz_store(), app.platform());
        let name = self.name.as_str();
        let answer = match self.change {
            Change::SubjectRevoked => store.revoke_quietly(&[("subject", name)]).await,
            Change::ClientRevoked => store.revoke_quietly(&[("client_id", name)]).await,
            Change::PairRevoked => store.revoke_quietly(&[("subject", name), ("client_id", name)]).await,
            Change::TokenRevoked => store.revoke_quietly(&[("access_token", &self.token)]).await,
            Change::DeletedByIam => {
                iam.delete(&format!("access-tokens/{}", iam.id_of("access-tokens", &self.token).await)).await
            }
            Change::RevokedByItsClient => return shop(app).revoke(&self.token).await,
            Change::DeletedByAuthlete => Authlete::new(app).delete(WEB_SHOP, name).await,
            Change::ClientDisabled => return self.put_client(app, false, OLD).await,
            Change::SecretReplaced => return self.put_client(app, true, NEW).await,
            Change::UserDisabled => return self.put_user(app, false).await,
            Change::ClientDeleted => platform.call("DELETE", &format!("/acme/clients/{name}")).await,
            Change::TenantDeleted => platform.call("DELETE", &format!("/{name}")).await,
            Change::TenantDisabled => platform.call("POST", &format!("/{name}/disable")).await,
            Change::KeyCompromised => platform.call("POST", &format!("/{name}/keys/rotate?emergency=true")).await,
            Change::ApiTokenReplaced => {
                let hash = crate::harness::tenants::api_token_hash("acme");
                let body = json!({"issuer": format!("https://{name}.example.com"), "authz_store": {"api_token_sha256": [hash]}});
                platform.send("PUT", &format!("/{name}"), &body).await
            }
        };
        assert!([200, 204].contains(&answer.code()), "{answer}");
    }

    /// What a server says.
    pub(super) async fn look(&self, app: &TestApp) -> Seen {
        let answer = self.ask(app).await;
        if answer.code() == 503 {
            assert!(!answer.header("retry-after").is_empty(), "{answer}");
            return Seen::Refused;
        }
        let before = match self.change {
            Change::RevokedByItsClient | Change::DeletedByAuthlete => answer.status(200).json()["active"] == true,
            Change::ClientDisabled | Change::ClientDeleted => is(&answer, 401, "invalid_client"),
            Change::SecretReplaced => !is(&answer, 401, "invalid_client"),
            Change::ApiTokenReplaced => is(&answer, 401, "invalid_token"),
            Change::TenantDisabled => is(&answer, 403, "tenant_disabled"),
            // What it held dies first, for those whose request is under way.
            Change::TenantDeleted if answer.code() == 404 => is(&answer, 404, "invalid_access_token"),
            Change::TenantDeleted => is(&answer, 400, "invalid_request"),
            _ => is(&answer, 404, "invalid_access_token"),
        };
        if before { Seen::Before } else { Seen::After }
    }

    /// What a server says once it has the time to look at a secret.
    pub(super) async fn look_patiently(&self, app: &TestApp) -> Seen {
        loop {
            match self.look(app).await {
                Seen::Refused if self.change.asks_a_secret() => {}
                seen => return seen,
            }
        }
    }

    /// What a server answers once it has the time to look at a secret.
    pub(super) async fn asked_patiently(&self, app: &TestApp) -> Answer {
        loop {
            let answer = self.ask(app).await;
            if answer.code() != 503 {
                return answer;
            }
        }
    }

    async fn ask(&self, app: &TestApp) -> Answer {
        if self.change.is_of_client() {
            let secret = if self.change == Change::SecretReplaced { NEW } else { OLD };
            let fields =
                [("grant_type", "client_credentials"), ("client_id", self.name.as_str()), ("client_secret", secret)];
            return bare(app, "acme", "/token", &fields).await;
        }
        if self.change.is_introspected() {
            return shop(app).post("/token/introspect", &[("token", &self.token)]).await;
        }
        app.authz_store().as_tenant(&self.tenant).inspect("access_token", &self.token).await
    }

    async fn put_client(&self, app: &TestApp, enabled: bool, secret: &str) {
        let body = json!({"client_secret": secret, "auth_method": "client_secret_post", "enabled": enabled,
            "grant_types": ["client_credentials"], "scope": "read"});
        self.put(app, "clients", &body).await;
    }

    /// Makes the tenant that it is of.
    pub(super) async fn make_tenant(&self, app: &TestApp) {
        app.platform().make(&self.tenant, &json!({})).await;
    }

    /// Demands that its tenant serves, and knows nothing of it.
    pub(super) async fn assert_fresh(&self, app: &TestApp) {
        let store = app.authz_store().as_tenant(&self.tenant);
        store.assert_live("access_token", &self.token, false).await;
        assert_eq!(store.list("subjects").await, [""; 0]);
    }

    /// Gives the client another secret.
    pub(super) async fn replace_secret(&self, app: &TestApp) {
        self.put_client(app, true, NEW).await;
    }

    async fn put_user(&self, app: &TestApp, enabled: bool) {
        self.put(app, "users", &json!({"password": "correct horse", "enabled": enabled})).await;
    }

    async fn put(&self, app: &TestApp, kind: &str, body: &Value) {
        let answer = app.platform().send("PUT", &format!("/acme/{kind}/{}", self.name), body).await;
        assert!([200, 201].contains(&answer.code()), "{answer}");
    }
}

/// True for a 200; false for the one error that may follow it. Anything else fails.
#[track_caller]
fn is(answer: &Answer, status: u16, error: &str) -> bool {
    if answer.code() == 200 {
        return true;
    }
    answer.status(status);
    assert_eq!(answer.json()["error"], error, "{answer}");
    false
}
