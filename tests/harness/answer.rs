//! What came back, with the assertions that most tests need; a failed one shows the whole answer.

use reqwest::header::HeaderMap;
use serde_json::Value;

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    what: String,
    code: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// See [`Answer::fingerprint`]: status, headers, body.
pub(crate) type Fingerprint = (u16, Vec<(String, Vec<u8>)>, Vec<u8>);

impl Answer {
    pub(super) fn new(what: String, code: u16, headers: HeaderMap, body: Vec<u8>) -> Self {
        Self { what, code, headers, body }
    }

    /// The status code.
    pub(crate) fn code(&self) -> u16 {
        self.code
    }

    /// Demands a status code.
    #[track_caller]
    pub(crate) fn status(&self, expected: u16) -> &Self {
        assert_eq!(self.code, expected, "{self}");
        self
    }

    /// Demands `Cache-Control: no-store`.
    #[track_caller]
    pub(crate) fn no_store(&self) -> &Self {
        assert_eq!(self.header("cache-control"), "no-store", "{self}");
        self
    }

    /// Demands an empty body.
    #[track_caller]
    pub(crate) fn empty(&self) -> &Self {
        assert!(self.body.is_empty(), "{self}");
        self
    }

    /// Demands a content type, parameters aside.
    #[track_caller]
    pub(crate) fn content_type(&self, expected: &str) -> &Self {
        let found = self.header("content-type").split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        assert_eq!(found, expected, "{self}");
        self
    }

    /// A header's value, `""` where it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    /// The body as text.
    #[track_caller]
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap_or_else(|_| panic!("not UTF-8: {self}"))
    }

    /// The body as JSON; demands the content type.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        self.content_type("application/json");
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("not JSON, {e}: {self}"))
    }

    /// Demands the error envelope of the OAuth family with this status and code; returns the description.
    #[track_caller]
    pub(crate) fn error(&self, status: u16, code: &str) -> String {
        self.status(status).no_store();
        let body = self.json();
        assert_eq!(body["error"], code, "{self}");
        assert!(body["error_description"].as_str().is_some_and(|d| !d.is_empty()), "{self}");
        let members: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
        assert!(members.iter().all(|m| ["error", "error_description", "note"].contains(m)), "{self}");
        assert!(status >= 500 || !members.contains(&"note"), "{self}");
        body["error_description"].as_str().unwrap().to_owned()
    }

    /// All that a caller can see but the headers that differ between any two answers: to prove two answers the same.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let varying = ["date", "x-request-id", "request-id"];
        let mut headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
        headers.retain(|(name, _)| !varying.contains(&name.as_str()));
        headers.sort();
        (self.code, headers, self.body.clone())
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\n{} -> {}", self.what, self.code)?;
        for (name, value) in &self.headers {
            write!(f, "\n{name}: {value:?}")?;
        }
        write!(f, "\n\n{}", String::from_utf8_lossy(&self.body))
    }
}
