//! What a tenant says of itself: authorisation server metadata (RFC 8414 section 2, `OpenID` Connect Discovery section 3).

use serde_json::{Map, Value, json};

use super::Ctx;
use crate::crypto::jwt::JwsAlg;
use crate::domain::{AuthMethod, GrantType};

/// The document; what the tenant adds never replaces what the server knows better.
pub fn metadata(ctx: &Ctx) -> Map<String, Value> {
    let tenant = &ctx.tenant;
    let methods = names(AuthMethod::ALL, AuthMethod::as_str);
    let authenticated: Vec<_> =
        AuthMethod::ALL.into_iter().filter(|method| *method != AuthMethod::None).map(AuthMethod::as_str).collect();
    let algs = names(JwsAlg::ASYMMETRIC.into_iter().chain(JwsAlg::SYMMETRIC), JwsAlg::as_str);
    let mut document = tenant.settings.metadata.clone();
    let own = json!({
        "issuer": tenant.issuer(),
        "token_endpoint": tenant.url("/token"),
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": algs,
        "revocation_endpoint": tenant.url("/token/revoke"),
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": algs,
        "introspection_endpoint": tenant.url("/token/introspect"),
        "introspection_endpoint_auth_methods_supported": authenticated,
        "introspection_endpoint_auth_signing_alg_values_supported": algs,
        "jwks_uri": tenant.url("/jwks.json"),
        "grant_types_supported": names(GrantType::ALL, GrantType::as_str),
        "code_challenge_methods_supported": ["S256", "plain"],
        "id_token_signing_alg_values_supported": ctx.keys.signing_algs(tenant.settings.access_token.jws_alg.as_str(), ctx.now),
    });
    if let Value::Object(own) = own {
        document.extend(own);
    }
    if !tenant.settings.registration.token_sha256.is_empty() {
        document.insert("registration_endpoint".to_owned(), tenant.url("/clients").into());
    }
    // What the login page elsewhere decides, unless the tenant says otherwise.
    document.entry("response_types_supported").or_insert_with(|| json!(["code"]));
    document.entry("subject_types_supported").or_insert_with(|| json!(["public"]));
    document
}

/// The public JWK set (RFC 7517 section 5).
pub fn jwks(ctx: &Ctx) -> Map<String, Value> {
    Map::from_iter([("keys".to_owned(), json!(ctx.keys.jwks(ctx.now)))])
}

fn names<T>(all: impl IntoIterator<Item = T>, name: impl Fn(T) -> &'static str) -> Vec<&'static str> {
    all.into_iter().map(name).collect()
}
