//! What the document says beside the handlers: the credential and the resources.

use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, Tags};

/// The resources.
#[derive(Tags)]
pub enum Family {
    /// Tenants: make, list, change, disable, delete
    Tenants,
    /// Clients of a tenant
    Clients,
    /// Users of a tenant
    Users,
    /// Signing keys of a tenant
    Keys,
    /// Who did what, when
    Audit,
}

/// The platform token. The family's gate has judged it before a handler runs; here it is documented.
#[derive(Clone, Copy, Debug)]
pub struct PlatformToken;

impl<'a> ApiExtractor<'a> for PlatformToken {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        registry.create_security_scheme(
            "PlatformToken",
            MetaSecurityScheme {
                ty: "http",
                description: Some("A token of the platform's operator"),
                name: None,
                key_in: None,
                scheme: Some("bearer"),
                bearer_format: None,
                flows: None,
                openid_connect_url: None,
            },
        );
    }

    fn security_schemes() -> Vec<&'static str> {
        vec!["PlatformToken"]
    }

    async fn from_request(
        _: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<Self::ParamType>,
    ) -> poem::Result<Self> {
        Ok(Self)
    }
}
