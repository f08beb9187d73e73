//! Reading what a client presents, from the header and from the body (RFC 6749 section 2.3, RFC 7521 section 4.2). Whether it
//! is right is decided elsewhere; what can't be read, or more than one method, is wrong like anything else.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use poem::http::{HeaderMap, header};
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, Object};
use serde::Deserialize;

use crate::domain::AuthMethod;
use crate::http::body::text::decode_form;
use crate::http::headers;
use crate::service::client_auth::Credential;

/// `client_assertion_type` (RFC 7523 section 2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What `Authorization` holds.
#[derive(Clone)]
pub enum HeaderCredential {
    /// There is none.
    None,
    /// It can't be read as HTTP Basic.
    Malformed,
    /// Id and secret, form-decoded.
    Basic(String, String),
}

impl std::fmt::Debug for HeaderCredential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HeaderCredential(***)")
    }
}

/// How a client that does not use HTTP Basic authenticates or names itself.
#[derive(Deserialize, Object)]
pub struct ClientFields {
    /// The client identifier.
    pub client_id: Option<String>,
    /// The client secret (`client_secret_post`).
    pub client_secret: Option<String>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`
    pub client_assertion_type: Option<String>,
    /// The client's JWT (`client_secret_jwt`, `private_key_jwt`).
    pub client_assertion: Option<String>,
}

impl std::fmt::Debug for ClientFields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientFields(***)")
    }
}

impl HeaderCredential {
    fn read(all: &HeaderMap) -> Self {
        let mut values = all.get_all(header::AUTHORIZATION).iter();
        match (values.next(), values.next()) {
            (None, _) => Self::None,
            (Some(_), None) => headers::basic(all).ok().and_then(decode).unwrap_or(Self::Malformed),
            (Some(_), Some(_)) => Self::Malformed,
        }
    }

    /// The one credential of a request.
    pub fn with<'a>(&'a self, body: &'a ClientFields) -> Credential<'a> {
        let ClientFields { client_id, client_secret, client_assertion_type, client_assertion } = body;
        let id = client_id.as_deref();
        match (self, client_secret, client_assertion) {
            (Self::Basic(basic, secret), None, None)
                if client_assertion_type.is_none() && id.is_none_or(|id| id == basic) =>
            {
                Credential::secret(AuthMethod::ClientSecretBasic, Cow::Borrowed(basic.as_str()), secret)
            }
            (Self::None, Some(secret), None) if client_assertion_type.is_none() => match id {
                Some(id) => Credential::secret(AuthMethod::ClientSecretPost, Cow::Borrowed(id), secret),
                None => Credential::Malformed,
            },
            (Self::None, None, Some(assertion)) if client_assertion_type.as_deref() == Some(JWT_BEARER) => {
                Credential::Assertion { client_id: id, assertion }
            }
            (Self::None, None, None) if client_assertion_type.is_none() => match id {
                Some(client_id) => Credential::Bare { client_id },
                None => Credential::None,
            },
            (Self::None | Self::Malformed | Self::Basic(..), _, _) => Credential::Malformed,
        }
    }
}

/// Id and secret of HTTP Basic, each form-encoded before they were joined (RFC 6749 section 2.3.1).
fn decode(encoded: &str) -> Option<HeaderCredential> {
    let bytes = STANDARD.decode(encoded).ok()?;
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    let id = decode_form(&bytes[..colon])?.into_owned();
    let secret = decode_form(&bytes[colon + 1..])?.into_owned();
    (!id.is_empty()).then_some(HeaderCredential::Basic(id, secret))
}

impl<'a> ApiExtractor<'a> for HeaderCredential {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        registry.create_security_scheme(
            "Client",
            MetaSecurityScheme {
                ty: "http",
                description: Some("client_id and client_secret; or the client's credential is in the body"),
                name: None,
                key_in: None,
                scheme: Some("basic"),
                bearer_format: None,
                flows: None,
                openid_connect_url: None,
            },
        );
    }

    fn security_schemes() -> Vec<&'static str> {
        vec!["Client"]
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<Self::ParamType>,
    ) -> poem::Result<Self> {
        Ok(Self::read(request.headers()))
    }
}

#[cfg(test)]
mod tests {
    use poem::http::HeaderValue;

    use super::*;

    fn fields() -> ClientFields {
        ClientFields { client_id: None, client_secret: None, client_assertion_type: None, client_assertion: None }
    }

    fn header(value: &'static str) -> HeaderCredential {
        let all = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))]);
        HeaderCredential::read(&all)
    }

    #[test]
    fn basic_is_form_decoded() {
        // The example of RFC 6749 section 4.1.3: s6BhdRkqt3 and gX1fBat3bV.
        let HeaderCredential::Basic(id, secret) = header("Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW") else {
            panic!("not read")
        };
        assert_eq!((id.as_str(), secret.as_str()), ("s6BhdRkqt3", "gX1fBat3bV"));
        // a%20b:c%3Ad+e
        let HeaderCredential::Basic(id, secret) = header("Basic YSUyMGI6YyUzQWQrZQ==") else { panic!("not read") };
        assert_eq!((id.as_str(), secret.as_str()), ("a b", "c:d e"));
        for bad in ["Basic !!", "Basic YQ==", "Basic OmE=", "Bearer abc", "Basic YSV6ejph"] {
            assert!(matches!(header(bad), HeaderCredential::Malformed), "{bad}");
        }
    }

    #[test]
    fn one_method_per_request() {
        let basic = header("Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW");
        let some = |text: &str| Some(text.to_owned());
        assert!(matches!(basic.with(&fields()), Credential::Secret { .. }));
        let same = ClientFields { client_id: some("s6BhdRkqt3"), ..fields() };
        assert!(matches!(basic.with(&same), Credential::Secret { .. }));
        for second in [
            ClientFields { client_id: some("other"), ..fields() },
            ClientFields { client_secret: some("x"), ..fields() },
            ClientFields { client_assertion: some("x"), client_assertion_type: some(JWT_BEARER), ..fields() },
            ClientFields { client_assertion_type: some(JWT_BEARER), ..fields() },
        ] {
            assert!(matches!(basic.with(&second), Credential::Malformed));
        }
        let none = HeaderCredential::None;
        let alone = ClientFields { client_secret: some("x"), ..fields() };
        assert!(matches!(none.with(&alone), Credential::Malformed));
        let untyped = ClientFields { client_assertion: some("x"), ..fields() };
        assert!(matches!(none.with(&untyped), Credential::Malformed));
        assert!(matches!(none.with(&fields()), Credential::None));
    }
}
