//! What the document says beside the handlers: credential, resources, and answers of several shapes.

use std::borrow::Cow;
use std::collections::HashMap;

use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaSchema, MetaSchemaRef, MetaSecurityScheme, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, Tags};

use super::wire::AuthorizationObject;

/// The resources.
#[derive(Tags)]
pub enum Family {
    /// Authorisations: add, exchange a code, refresh, import, get, update
    Authorizations,
    /// What a code or token stands for
    Inspection,
    /// Revocation of authorisations and tokens
    Revocation,
    /// Subjects, actors, clients, codes and refresh tokens
    Listings,
}

/// The tenant's API token. The family's gate has judged it before a handler runs; here it is documented.
#[derive(Clone, Copy, Debug)]
pub struct BearerToken;

impl<'a> ApiExtractor<'a> for BearerToken {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        registry.create_security_scheme(
            "ApiToken",
            MetaSecurityScheme {
                ty: "http",
                description: Some("One of the tenant's API tokens"),
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
        vec!["ApiToken"]
    }

    async fn from_request(
        _: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<Self::ParamType>,
    ) -> poem::Result<Self> {
        Ok(Self)
    }
}

/// One authorisation, an object of them by client or subject, or an array: depends on the parameters.
#[derive(Debug)]
pub struct AuthorizationOrCollection;

impl Type for AuthorizationOrCollection {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "AuthorizationOrCollection".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            any_of: vec![
                AuthorizationObject::schema_ref(),
                HashMap::<String, AuthorizationObject>::schema_ref(),
                HashMap::<String, Vec<AuthorizationObject>>::schema_ref(),
                Vec::<AuthorizationObject>::schema_ref(),
            ],
            ..MetaSchema::ANY
        }))
    }

    fn register(registry: &mut Registry) {
        AuthorizationObject::register(registry);
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self::RawElementValueType> + 'a> {
        Box::new(std::iter::once(self))
    }
}
