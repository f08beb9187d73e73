//! Typed callers: one per API family, each with its tenant and its credential.

use serde_json::{Value, json};

use super::request::{Request, form};
use super::{Answer, TestApp, tenants};

/// A caller of `/authz-store/rest/v3`.
#[derive(Clone)]
pub(crate) struct AuthzStore<'a> {
    app: &'a TestApp,
    tenant: String,
    token: Option<String>,
}

impl<'a> AuthzStore<'a> {
    pub(super) fn new(app: &'a TestApp, tenant: &str) -> Self {
        Self { app, tenant: tenant.to_owned(), token: Some(tenants::api_token(tenant)) }
    }

    /// The same API of another tenant, with that tenant's token.
    pub(crate) fn as_tenant(&self, tenant: &str) -> Self {
        Self::new(self.app, tenant)
    }

    /// Without `Authorization`.
    pub(crate) fn without_credentials(mut self) -> Self {
        self.token = None;
        self
    }

    /// With another bearer token.
    pub(crate) fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// A request of this family: `resource` is what follows `/authz-store/rest/v3/`, query included.
    pub(crate) fn request(&self, method: &str, resource: &str) -> Request {
        let request = self.app.request(method, &format!("/authz-store/rest/v3/{resource}"));
        let request = request.header("tenant-id", &self.tenant);
        match &self.token {
            Some(token) => request.bearer(token),
            None => request,
        }
    }

    async fn post_form(&self, resource: &str, fields: &[(&str, &str)]) -> Answer {
        self.request("POST", resource).form(fields).send().await
    }

    /// POST of a new authorisation for a code.
    pub(crate) async fn authorize(&self, body: &Value) -> Answer {
        self.request("POST", "authorizations").json(body).send().await
    }

    /// POST of a new authorisation for tokens at once.
    pub(crate) async fn tokens(&self, body: &Value) -> Answer {
        self.request("POST", "authorizations?return=tokens").json(body).send().await
    }

    /// POST of an authorisation that is imported.
    pub(crate) async fn import(&self, body: &Value) -> Answer {
        self.request("POST", "authorizations?import=true").json(body).send().await
    }

    /// Exchange of a code for tokens.
    pub(crate) async fn exchange(&self, fields: &[(&str, &str)]) -> Answer {
        self.post_form("authorizations", fields).await
    }

    /// Exchange of a refresh token for tokens.
    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        self.post_form("authorizations", &[("refresh_token", token)]).await
    }

    /// GET of stored authorisations.
    pub(crate) async fn find(&self, query: &[(&str, &str)]) -> Answer {
        let target = match query {
            [] => "authorizations".to_owned(),
            some => format!("authorizations?{}", form(some)),
        };
        self.request("GET", &target).send().await
    }

    /// The stored authorisation of a subject and a client, which must be there.
    #[track_caller]
    pub(crate) fn record(&self, subject: &str, client: &str) -> impl Future<Output = Value> {
        let (this, query) = (self.clone(), [("subject", subject.to_owned()), ("client_id", client.to_owned())]);
        async move {
            let query = query.each_ref().map(|(name, value)| (*name, value.as_str()));
            this.find(&query).await.status(200).json()
        }
    }

    /// PUT of a stored authorisation.
    pub(crate) async fn put(&self, body: &Value) -> Answer {
        self.request("PUT", "authorizations").json(body).send().await
    }

    /// Inspection by `kind`: `code`, `access_token` or `refresh_token`.
    pub(crate) async fn inspect(&self, kind: &str, token: &str) -> Answer {
        self.post_form("inspection", &[(kind, token)]).await
    }

    /// Demands that inspection knows, or does not know, a code or token.
    pub(crate) async fn assert_live(&self, kind: &str, token: &str, live: bool) {
        let answer = self.inspect(kind, token).await;
        if live {
            answer.status(200);
        } else {
            answer.error(404, &format!("invalid_{kind}"));
        }
    }

    /// Inspection of an access token with `revoke=true`.
    pub(crate) async fn inspect_once(&self, access_token: &str) -> Answer {
        self.post_form("inspection?revoke=true", &[("access_token", access_token)]).await
    }

    /// Revocation.
    pub(crate) async fn revoke(&self, fields: &[(&str, &str)]) -> Answer {
        self.post_form("revocation", fields).await
    }

    /// Revocation that shows nothing.
    pub(crate) async fn revoke_quietly(&self, fields: &[(&str, &str)]) -> Answer {
        self.post_form("revocation?quiet=true", fields).await
    }

    /// One of the five lists, as texts.
    pub(crate) async fn list(&self, resource: &str) -> Vec<String> {
        texts(&self.request("GET", resource).send().await.status(200).no_store().json())
    }

    /// Makes an authorisation and takes its code.
    pub(crate) async fn new_code(&self, body: &Value) -> String {
        code(&self.authorize(body).await)
    }

    /// Makes an authorisation and takes its tokens.
    pub(crate) async fn new_tokens(&self, body: &Value) -> Value {
        self.tokens(body).await.status(200).no_store().json()
    }

    /// A long-lived authorisation of a subject and a client, with a refresh token.
    pub(crate) async fn stored(&self, subject: &str, client: &str) -> Value {
        self.new_tokens(&json!({"sub": subject, "cid": client, "scp": ["read"], "lng": true, "irt": true})).await
    }

    /// As [`AuthzStore::stored`], with an actor.
    pub(crate) async fn stored_for(&self, subject: &str, actor: &str, client: &str) -> Value {
        let body =
            json!({"sub": subject, "act": {"sub": actor}, "cid": client, "scp": ["read"], "lng": true, "irt": true});
        self.new_tokens(&body).await
    }
}

/// A caller of `/tenants/rest/v1`.
#[derive(Clone, Copy)]
pub(crate) struct Platform<'a> {
    app: &'a TestApp,
}

impl<'a> Platform<'a> {
    pub(super) fn new(app: &'a TestApp) -> Self {
        Self { app }
    }

    /// A request of this family: `resource` is what follows `/tenants/rest/v1`.
    pub(crate) fn request(self, method: &str, resource: &str) -> Request {
        self.app.request(method, &format!("/tenants/rest/v1{resource}")).bearer(tenants::PLATFORM_TOKEN)
    }

    /// A request without a body.
    pub(crate) async fn call(&self, method: &str, resource: &str) -> Answer {
        self.request(method, resource).send().await
    }

    /// A request with a JSON body.
    pub(crate) async fn send(&self, method: &str, resource: &str, body: &Value) -> Answer {
        self.request(method, resource).json(body).send().await
    }

    /// Makes a tenant that has an API token of its own for the authorisation store (see [`tenants::api_token`]).
    pub(crate) async fn make(&self, id: &str, more: &Value) -> Value {
        let mut body = json!({
            "id": id, "issuer": format!("https://{id}.example.com"),
            "authz_store": {"api_token_sha256": [tenants::api_token_hash(id)]},
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.send("POST", "", &body).await.status(201).json()
    }
}

/// The code in an answer to a POST of a new authorisation.
#[track_caller]
pub(crate) fn code(answer: &Answer) -> String {
    let text = answer.status(200).no_store().content_type("text/plain").text();
    assert!(!text.is_empty() && text.chars().all(|c| c.is_ascii_graphic()), "{answer}");
    text
}

/// A JSON array of strings as strings.
#[track_caller]
pub(crate) fn texts(array: &Value) -> Vec<String> {
    let array = array.as_array().unwrap_or_else(|| panic!("not an array: {array}"));
    array.iter().map(|text| text.as_str().unwrap_or_else(|| panic!("not a string: {text}")).to_owned()).collect()
}
