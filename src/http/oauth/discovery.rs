//! `/.well-known/openid-configuration`, `/.well-known/oauth-authorization-server`, `/jwks.json`: public documents.

#![expect(clippy::unused_async, reason = "the framework takes async handlers only")]

use std::collections::BTreeMap;

use poem_openapi::OpenApi;
use serde_json::Value;

use super::OAuth;
use super::answer::Public;
use super::wire::Family;
use crate::http::call::Call;
use crate::http::reply::Reply;
use crate::service::discovery::{jwks, metadata};

/// A document of any members.
type Document = BTreeMap<String, Value>;

/// The resource.
#[derive(Clone, Copy, Debug, Default)]
pub struct Discovery;

#[OpenApi(tag = "Family::Discovery")]
impl Discovery {
    /// Get the `OpenID` provider metadata
    ///
    /// Endpoints, supported grants, client authentication methods and algorithms of the tenant.
    #[oai(path = "/.well-known/openid-configuration", method = "get", operation_id = "get_openid_configuration")]
    async fn openid(&self, call: Call) -> Reply<Public<Document>, OAuth> {
        Ok(Public(metadata(&call.ctx).into_iter().collect()).into())
    }

    /// Get the authorisation server metadata
    ///
    /// The same document under the name of RFC 8414; also with the issuer's path behind the well-known one.
    #[oai(path = "/.well-known/oauth-authorization-server", method = "get", operation_id = "get_server_metadata")]
    async fn server(&self, call: Call) -> Reply<Public<Document>, OAuth> {
        Ok(Public(metadata(&call.ctx).into_iter().collect()).into())
    }

    /// Get the tenant's public keys
    ///
    /// The JWK set that ID tokens and JWT access tokens are verified with (RFC 7517).
    #[oai(path = "/jwks.json", method = "get", operation_id = "get_jwks")]
    async fn keys(&self, call: Call) -> Reply<Public<Document>, OAuth> {
        Ok(Public(jwks(&call.ctx).into_iter().collect()).into())
    }
}
