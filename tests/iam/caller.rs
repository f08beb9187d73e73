//! A caller of the token management API, with the token of an administrator.

use serde_json::{Value, json};

use crate::harness::request::{Request, form};
use crate::harness::{Answer, TestApp};

/// What a URL of this API begins with.
pub(crate) const MOUNTS: [&str; 2] = ["", "/iam/api"];

/// The client of the administrator's token; nothing else has it.
pub(crate) const ADMIN_CLIENT: &str = "admin-console";

/// A caller.
#[derive(Clone)]
pub(crate) struct Iam<'a> {
    app: &'a TestApp,
    tenant: String,
    token: Option<String>,
    mount: &'static str,
}

impl<'a> Iam<'a> {
    /// As acme, with an administrator's token that may do everything.
    pub(crate) async fn new(app: &'a TestApp) -> Self {
        Self::with_scope(app, "iam:admin.read iam:admin.write").await
    }

    /// As acme, with a token of acme's administrator that has this scope.
    pub(crate) async fn with_scope(app: &'a TestApp, scope: &str) -> Self {
        let scope: Vec<&str> = scope.split(' ').collect();
        let body = json!({"sub": "admin", "cid": ADMIN_CLIENT, "scp": scope, "atl": 10_000_000});
        let tokens = app.authz_store().new_tokens(&body).await;
        let token = tokens["access_token"].as_str().unwrap().to_owned();
        Self { app, tenant: "acme".to_owned(), token: Some(token), mount: "" }
    }

    /// With another bearer token, or none.
    pub(crate) fn with_token(&self, token: Option<&str>) -> Self {
        Self { token: token.map(str::to_owned), ..self.clone() }
    }

    /// Of another tenant, with the same token.
    pub(crate) fn of_tenant(&self, tenant: &str) -> Self {
        Self { tenant: tenant.to_owned(), ..self.clone() }
    }

    /// At another mount.
    pub(crate) fn at(&self, mount: &'static str) -> Self {
        Self { mount, ..self.clone() }
    }

    /// The token.
    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().unwrap()
    }

    /// A request: `resource` is what follows the mount, query included.
    pub(crate) fn request(&self, method: &str, resource: &str) -> Request {
        let request = self.app.request(method, &format!("{}/{resource}", self.mount)).header("tenant-id", &self.tenant);
        match &self.token {
            Some(token) => request.bearer(token),
            None => request,
        }
    }

    /// GET.
    pub(crate) async fn get(&self, resource: &str) -> Answer {
        self.request("GET", resource).send().await
    }

    /// DELETE.
    pub(crate) async fn delete(&self, resource: &str) -> Answer {
        self.request("DELETE", resource).send().await
    }

    /// A page.
    pub(crate) async fn page(&self, resource: &str, query: &[(&str, &str)]) -> Value {
        self.get(&format!("{resource}?{}", form(query))).await.status(200).no_store().json()
    }

    /// All tokens of one kind but the administrator's own, over as many pages as it takes.
    pub(crate) async fn all(&self, resource: &str, query: &[(&str, &str)]) -> Vec<Value> {
        let mut found: Vec<Value> = Vec::new();
        loop {
            let start = (found.len() + 1).to_string();
            let mut query = query.to_vec();
            query.push(("startIndex", &start));
            let page = self.page(resource, &query).await;
            let tokens = page["resources"].as_array().unwrap().clone();
            if tokens.is_empty() {
                found.retain(|token| token["client"]["clientId"] != ADMIN_CLIENT);
                return found;
            }
            found.extend(tokens);
        }
    }

    /// The id of the token with this text.
    pub(crate) async fn id_of(&self, resource: &str, text: &str) -> i64 {
        let all = self.all(resource, &[]).await;
        let found = all.iter().find(|token| token["value"] == text);
        found.unwrap_or_else(|| panic!("not listed among {}", all.len()))["id"].as_i64().unwrap()
    }
}

/// The ids of some tokens.
pub(crate) fn ids(tokens: &[Value]) -> Vec<i64> {
    tokens.iter().map(|token| token["id"].as_i64().unwrap()).collect()
}
