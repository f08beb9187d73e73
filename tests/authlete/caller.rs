//! A caller of the management API, at either mount.

use serde_json::{Value, json};

use crate::harness::request::Request;
use crate::harness::{Answer, TestApp, tenants};

/// acme's client `65564eb0058d`.
pub(crate) const WEB_SHOP: i64 = 17_566_160_603_766;
/// acme's service API key.
pub(crate) const KEY: i64 = 21_653_835_348_762;

/// A caller.
#[derive(Clone)]
pub(crate) struct Authlete<'a> {
    app: &'a TestApp,
    prefix: String,
    authorization: String,
}

impl<'a> Authlete<'a> {
    /// As acme's service, by key and secret.
    pub(crate) fn new(app: &'a TestApp) -> Self {
        Self::with(app, KEY, "service-secret-acme")
    }

    /// By another key and secret.
    pub(crate) fn with(app: &'a TestApp, key: i64, secret: &str) -> Self {
        Self { app, prefix: "/api".to_owned(), authorization: basic(&format!("{key}:{secret}")) }
    }

    /// As the service whose tenant keeps no register.
    pub(crate) fn ledgerless(app: &'a TestApp) -> Self {
        Self::with(app, tenants::LEDGERLESS_KEY, tenants::LEDGERLESS_SECRET)
    }

    /// As acme's service, by its key in the path and its access token.
    pub(crate) fn by_token(app: &'a TestApp) -> Self {
        let authorization = "Bearer service-access-token-acme-0123456789".to_owned();
        Self { app, prefix: format!("/api/{KEY}"), authorization }
    }

    /// Both of acme's ways in.
    pub(crate) fn mounts(app: &'a TestApp) -> [Self; 2] {
        [Self::new(app), Self::by_token(app)]
    }

    /// With another `Authorization`; `""` for none.
    pub(crate) fn with_authorization(&self, authorization: &str) -> Self {
        Self { authorization: authorization.to_owned(), ..self.clone() }
    }

    /// A request: `resource` is what follows the mount, query included.
    pub(crate) fn request(&self, method: &str, resource: &str) -> Request {
        let request = self.app.request(method, &format!("{}/{resource}", self.prefix));
        if self.authorization.is_empty() { request } else { request.header("authorization", &self.authorization) }
    }

    /// A request without a body.
    pub(crate) async fn call(&self, method: &str, resource: &str) -> Answer {
        self.request(method, resource).send().await
    }

    /// A POST of JSON.
    pub(crate) async fn post(&self, resource: &str, body: &Value) -> Answer {
        self.request("POST", resource).json(body).send().await
    }

    /// The applications that a subject has authorised, with more parameters if need be.
    pub(crate) async fn list(&self, body: &Value) -> Value {
        self.post("client/authorization/get/list", body).await.status(200).no_store().json()
    }

    /// Replaces the scopes of the web shop's tokens of a subject.
    pub(crate) async fn update(&self, client: i64, subject: &str, scopes: &Value) -> Answer {
        let body = json!({"subject": subject, "scopes": scopes});
        self.post(&format!("client/authorization/update/{client}"), &body).await
    }

    /// Deletes the tokens that a client has of a subject.
    pub(crate) async fn delete(&self, client: i64, subject: &str) -> Answer {
        self.post(&format!("client/authorization/delete/{client}"), &json!({"subject": subject})).await
    }
}

/// `Basic` credentials.
pub(crate) fn basic(text: &str) -> String {
    use base64::Engine;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
}

/// Demands a result code, in the code and at the head of the message; returns the message.
#[track_caller]
pub(crate) fn result(answer: &Answer, status: u16, code: &str) -> String {
    answer.status(status).no_store();
    let body = answer.json();
    assert_eq!(body["resultCode"], code, "{answer}");
    let message = body["resultMessage"].as_str().unwrap().to_owned();
    assert!(message.starts_with(&format!("[{code}] ")), "{answer}");
    assert_eq!(body.as_object().unwrap().len(), 2, "{answer}");
    message
}

/// The numbers of the listed clients.
pub(crate) fn clients(list: &Value) -> Vec<i64> {
    list["clients"].as_array().unwrap().iter().map(|client| client["clientId"].as_i64().unwrap()).collect()
}
