//! One HTTP request, written down step by step.

use reqwest::{Client, Method};
use serde_json::Value;

use super::Answer;

/// The content type of a form.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// A request that is not sent yet.
pub(crate) struct Request {
    http: Client,
    method: String,
    url: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Option<Vec<u8>>,
}

impl Request {
    /// `target` is path and query, encoded.
    pub(crate) fn new(http: Client, method: &str, authority: &str, target: &str) -> Self {
        let url = format!("http://{authority}{target}");
        Self { http, method: method.to_owned(), url, headers: Vec::new(), body: None }
    }

    /// Adds a header line; the same name twice makes two lines.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.as_bytes().to_vec()));
        self
    }

    /// Adds `Authorization: Bearer`.
    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Sends JSON.
    pub(crate) fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// Sends a form.
    pub(crate) fn form(self, fields: &[(&str, &str)]) -> Self {
        self.body(FORM, form(fields))
    }

    /// Sends bytes under a content type.
    pub(crate) fn body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.header("content-type", content_type).untyped_body(body)
    }

    /// Sends bytes without a content type.
    pub(crate) fn untyped_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sends it and reads the whole answer.
    pub(crate) async fn send(self) -> Answer {
        let what = format!("{} {}", self.method, self.url.splitn(4, '/').last().unwrap_or_default());
        let method = Method::from_bytes(self.method.as_bytes()).unwrap();
        let mut request = self.http.request(method, &self.url);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        if let Some(body) = self.body {
            request = request.body(body);
        }
        let response = request.send().await.unwrap_or_else(|e| panic!("{what}: {e:?}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.unwrap_or_else(|e| panic!("{what}: {e:?}")).to_vec();
        Answer::new(what, status, headers, body)
    }
}

/// Fields as `application/x-www-form-urlencoded`, for a body or a query.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}
