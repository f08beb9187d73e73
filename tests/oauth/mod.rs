//! What OAuth clients call: `/token`, `/token/revoke`, `/token/introspect`, `/clients`, discovery.

mod agreement;
pub(crate) mod caller;
mod client_auth;
mod client_credentials;
mod codes;
mod discovery;
mod errors;
mod introspection;
mod jwt_assertions;
mod jwt_bearer;
mod jwt_hostile;
mod outage;
mod overload;
mod password;
mod peers;
mod refresh;
mod registration;
mod revocation;
mod saml_bearer;
mod saml_hostile;
