//! The web hook that may decide the password grant: the one URL that this server fetches, and only because an operator
//! configured it. No redirects, five seconds, a bounded answer.

use std::time::Duration;

use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Ctx;
use super::assertions::usable;
use crate::crypto::secret::Secret;
use crate::domain::{Client, Error, Result, scope};

/// How long the hook may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest answer, in bytes.
const LARGEST: usize = 64 * 1024;

/// What the hook is asked.
pub(super) struct Question<'a> {
    pub(super) username: &'a str,
    pub(super) password: &'a Secret,
    pub(super) scope: &'a [String],
    pub(super) client: &'a Client,
}

#[derive(Serialize)]
struct AskedClient<'a> {
    client_id: &'a str,
    confidential: bool,
}

#[derive(Serialize)]
struct Asked<'a> {
    username: &'a str,
    password: &'a str,
    scope: &'a [String],
    client: AskedClient<'a>,
}

/// What the hook decided.
pub(super) struct Decision {
    /// The subject.
    pub(super) sub: String,
    /// The scope, if the hook says one.
    pub(super) scope: Option<Vec<String>>,
    /// `dat` of the tokens.
    pub(super) data: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Granted {
    sub: String,
    scope: Option<ScopeText>,
    data: Option<Map<String, Value>>,
}

/// A scope as an array or as one text.
#[derive(Deserialize)]
#[serde(untagged)]
enum ScopeText {
    Array(Vec<String>),
    Text(String),
}

#[derive(Deserialize)]
struct Denied {
    error: String,
    error_description: Option<String>,
}

/// The client for hooks of all tenants.
#[derive(Clone, Debug, Default)]
pub struct Hook(std::sync::OnceLock<Option<reqwest::Client>>);

impl Hook {
    /// Asks the tenant's hook.
    ///
    /// # Errors
    /// The hook's own OAuth error; [`Error::Unavailable`] for anything that is no answer.
    pub(super) async fn ask(&self, ctx: &Ctx, question: &Question<'_>) -> Result<Decision> {
        let hook = ctx.tenant.settings.password_hook.as_ref().ok_or_else(|| Error::internal("no hook"))?;
        let body = serde_json::to_vec(&Asked {
            username: question.username,
            password: question.password.expose(),
            scope: question.scope,
            client: AskedClient { client_id: &question.client.client_id, confidential: !question.client.is_public() },
        })
        .map_err(Error::internal)?;
        let mut request = self.client()?.post(&hook.url).header("content-type", "application/json").body(body);
        request = request.header("accept", "application/json").header("issuer", ctx.tenant.issuer());
        if let Some(token) = &hook.token {
            request = request.bearer_auth(token.expose());
        }
        // A URL may hold a secret, so that it stays out of the log.
        let answer = request.send().await.map_err(|fault| silent(&fault.without_url()))?;
        let status = answer.status();
        let body = bounded(answer).await?;
        match status {
            StatusCode::OK => decision(&body),
            StatusCode::BAD_REQUEST => Err(denial(&body)),
            other => Err(Error::Unavailable(format!("the password hook answered {other}"))),
        }
    }

    fn client(&self) -> Result<&reqwest::Client> {
        let made = self.0.get_or_init(|| {
            let builder = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
            builder.timeout(PATIENCE).pool_max_idle_per_host(8).build().ok()
        });
        made.as_ref().ok_or_else(|| Error::internal("no client for hooks could be made"))
    }
}

async fn bounded(mut answer: reqwest::Response) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|fault| silent(&fault.without_url()))? {
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST {
            return Err(Error::Unavailable("the password hook's answer is too large".into()));
        }
    }
    Ok(body)
}

fn decision(body: &[u8]) -> Result<Decision> {
    let unusable = || Error::Unavailable("the password hook's answer can't be used".into());
    let granted: Granted = serde_json::from_slice(body).map_err(|_| unusable())?;
    let sub = usable("sub", &granted.sub).map_err(|_| unusable())?;
    let scope = granted.scope.map(|given| match given {
        ScopeText::Array(values) => values.iter().all(|v| scope::is_value(v)).then(|| scope::unique(values)),
        ScopeText::Text(text) => scope::parse(&text),
    });
    let scope = scope.map(|parsed| parsed.ok_or_else(unusable)).transpose()?;
    Ok(Decision { sub, scope, data: granted.data })
}

fn denial(body: &[u8]) -> Error {
    let shown = |text: &String| (1..=256).contains(&text.len()) && text.bytes().all(is_shown);
    match serde_json::from_slice::<Denied>(body) {
        Ok(Denied { error, error_description }) if shown(&error) => {
            Error::Denied { error, description: error_description.filter(shown), fault: None }
        }
        Ok(_) | Err(_) => Error::Unavailable("the password hook's answer can't be used".into()),
    }
}

/// The characters of RFC 6749 section 5.2.
fn is_shown(byte: u8) -> bool {
    matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

fn silent(fault: &reqwest::Error) -> Error {
    let what = if fault.is_timeout() { "did not answer in time" } else { "can't be reached" };
    Error::Unavailable(format!("the password hook {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_names_a_subject() {
        let scope = |body: &[u8]| decision(body).ok().map(|d| (d.sub, d.scope, d.data.is_some()));
        assert_eq!(scope(br#"{"sub":"alice"}"#), Some(("alice".into(), None, false)));
        let given = Some(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(
            scope(br#"{"sub":"alice","scope":["a","b"],"data":{}}"#),
            Some(("alice".into(), given.clone(), true))
        );
        assert_eq!(scope(br#"{"sub":"alice","scope":"a b"}"#), Some(("alice".into(), given, false)));
        for bad in [&br#"{"sub":""}"#[..], b"{}", b"[]", br#"{"sub":"a","scope":["a b"]}"#, br#"{"sub":"a\n"}"#] {
            assert!(decision(bad).is_err());
        }
    }

    #[test]
    fn a_denial_is_an_oauth_error() {
        let told = denial(br#"{"error":"invalid_grant","error_description":"locked"}"#);
        assert!(
            matches!(told, Error::Denied { error, description: Some(text), .. } if error == "invalid_grant" && text == "locked")
        );
        assert!(matches!(denial(b"no"), Error::Unavailable(_)));
        assert!(matches!(denial(br#"{"error":"a\"b"}"#), Error::Unavailable(_)));
    }
}
