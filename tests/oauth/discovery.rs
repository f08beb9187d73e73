//! Discovery and keys (RFC 8414, OpenID Connect Discovery).

use serde_json::{Value, json};

use crate::harness::{TestApp, both};

both!(everything_is_under_the_issuer, the_path_may_stand_behind_the_well_known_one, nothing_private_is_in_the_key_set);

const PATHS: [&str; 2] = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];

async fn everything_is_under_the_issuer(app: &TestApp) {
    for path in PATHS {
        let evil = app.request("GET", path).header("tenant-id", "acme").header("x-forwarded-host", "evil.example.com");
        let answer = evil.send().await;
        assert_eq!(answer.status(200).header("access-control-allow-origin"), "*");
        let document = answer.json();
        let same = app.request("GET", &format!("/t/acme{path}")).send().await.status(200).json();
        assert_eq!(same, document);
        for (member, value) in [
            ("issuer", json!("https://acme.example.com")),
            ("authorization_endpoint", json!("https://login.acme.example.com/authorize")),
            ("token_endpoint", json!("https://acme.example.com/token")),
            ("revocation_endpoint", json!("https://acme.example.com/token/revoke")),
            ("introspection_endpoint", json!("https://acme.example.com/token/introspect")),
            ("registration_endpoint", json!("https://acme.example.com/clients")),
            ("jwks_uri", json!("https://acme.example.com/jwks.json")),
            ("response_types_supported", json!(["code"])),
            ("subject_types_supported", json!(["public"])),
            ("id_token_signing_alg_values_supported", json!(["ES256"])),
            ("code_challenge_methods_supported", json!(["S256", "plain"])),
        ] {
            assert_eq!(document[member], value, "{member}");
        }
        let grants = json!([
            "authorization_code",
            "refresh_token",
            "password",
            "client_credentials",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "urn:ietf:params:oauth:grant-type:saml2-bearer"
        ]);
        assert_eq!(document["grant_types_supported"], grants);
        let methods =
            json!(["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"]);
        assert_eq!(document["token_endpoint_auth_methods_supported"], methods);
    }
    let rsa = app.request("GET", PATHS[0]).header("tenant-id", "rs256").send().await.json();
    assert_eq!(rsa["id_token_signing_alg_values_supported"], json!(["RS256"]));
    assert!(rsa.get("registration_endpoint").is_none());
}

async fn the_path_may_stand_behind_the_well_known_one(app: &TestApp) {
    for path in ["/oauth/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/oauth"] {
        let answer = app.request("GET", path).header("host", "globex.example.com").send().await;
        assert_eq!(answer.status(200).json()["issuer"], "https://globex.example.com/oauth", "{answer}");
    }
}

async fn nothing_private_is_in_the_key_set(app: &TestApp) {
    for tenant in ["acme", "rs256", "vault", "legacy"] {
        let set = app.request("GET", "/jwks.json").header("tenant-id", tenant).send().await.status(200).json();
        for key in set["keys"].as_array().unwrap() {
            assert_ne!(key["kty"], "oct");
            assert!(key["kid"].is_string() && key["use"] == "sig" && key["alg"].is_string(), "{key}");
            for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
                assert_eq!(key.get(private), None::<&Value>);
            }
        }
    }
}
