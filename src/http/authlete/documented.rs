//! What the document says of the two credentials. The family's gate has judged them before a handler runs.

use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, Tags};

/// The resources.
#[derive(Tags)]
pub enum Family {
    /// Applications that a user has authorised
    ClientAuthorization,
    /// Clients
    Clients,
    /// Issued tokens
    Tokens,
}

/// The service API key and secret.
#[derive(Clone, Copy, Debug)]
pub struct ServiceSecret;

/// The service access token.
#[derive(Clone, Copy, Debug)]
pub struct ServiceToken;

macro_rules! scheme {
    ($name:ident, $scheme:literal, $description:literal) => {
        impl<'a> ApiExtractor<'a> for $name {
            const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
            type ParamType = ();
            type ParamRawType = ();

            fn register(registry: &mut Registry) {
                registry.create_security_scheme(
                    stringify!($name),
                    MetaSecurityScheme {
                        ty: "http",
                        description: Some($description),
                        name: None,
                        key_in: None,
                        scheme: Some($scheme),
                        bearer_format: None,
                        flows: None,
                        openid_connect_url: None,
                    },
                );
            }

            fn security_schemes() -> Vec<&'static str> {
                vec![stringify!($name)]
            }

            async fn from_request(
                _: &'a Request,
                _: &mut RequestBody,
                _: ExtractParamOptions<()>,
            ) -> poem::Result<Self> {
                Ok(Self)
            }
        }
    };
}

scheme!(ServiceSecret, "basic", "The service API key and the service API secret");
scheme!(ServiceToken, "bearer", "The service access token; the path names the service API key");
