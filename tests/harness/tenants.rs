//! The tenants of every test: the three of `fixtures/tenants.toml`, and one for each setting that a test turns.

use sha2::{Digest, Sha256};

/// The tenants file that the server must load unchanged.
const SHARED: &str = include_str!("../fixtures/tenants.toml");

/// The AES-256 key of tenant `vault` for encrypted access tokens, base64url.
pub(crate) const VAULT_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
/// The AES-128 key of tenant `vault128`.
pub(crate) const VAULT128_KEY: &str = "AAECAwQFBgcICQoLDA0ODw";
/// The private key that tenant `legacy` brings from the server it migrates from.
pub(crate) const LEGACY_KEY: &str = r#"{ "kty": "EC", "crv": "P-256", "kid": "old-1", "use": "sig", "alg": "ES256", "x": "LMuUHbvD3CC8IenvutXd5EQyR08X9eqRwM8mRx5zG6A", "y": "OMl4n990W2DI8doWzZ7sONoLk6H5qkJMOXW_arJ-SNU", "d": "pm2K8rWAnOc-tnMH_xGogodXI24PcQGnXq2WVVzeego" }"#;

/// Tenants that differ from the default in one setting: id, then tables of the tenants file.
const VARIANTS: &[(&str, &str)] = &[
    ("rotating", "[tenant.refresh_token]\nrotate = true\n"),
    ("strict", "[tenant.refresh_token]\nrotate = true\ngrace = 0\n"),
    ("opaque", "[tenant.access_token]\nencoding = \"IDENTIFIER\"\n"),
    ("c2id", "[tenant.access_token]\nprofile = \"c2id\"\nlifetime = 900\n"),
    ("unregistered", "[tenant.access_token]\nregistry = false\n"),
    ("es384", "[tenant.access_token]\njws_alg = \"ES384\"\n"),
    ("rs256", "[tenant.access_token]\njws_alg = \"RS256\"\n"),
    ("ps256", "[tenant.access_token]\njws_alg = \"PS256\"\n"),
    ("eddsa", "[tenant.access_token]\njws_alg = \"EdDSA\"\n"),
    ("limits", "[tenant.refresh_token]\nlifetime = 1000\nmax_idle = 300\n"),
    (
        "reticent",
        "[tenant.iam]\nexpose_values = false\n\n[[tenant.user]]\nusername = \"root\"\nid = \"3f2d6a0e-8a51-4c3b-9c2f-6f5f4a1b2c3d\"\n\
         password = \"secret-root\"\nadmin = true\n",
    ),
];

/// The whole tenants file.
pub(crate) fn file() -> String {
    let mut text = SHARED.to_owned();
    for (id, tables) in VARIANTS {
        text += &tenant(id, "", tables);
    }
    text += &tenant("direct", "allow_direct_inspection = true\n", "");
    text += &tenant("hasty", "code_lifetime = 1\n", "");
    for (id, key) in [("vault", VAULT_KEY), ("vault128", VAULT128_KEY)] {
        text += &tenant(
            id,
            "",
            &format!("[tenant.keys]\njwks = {{ keys = [{{ kty = \"oct\", kid = \"atc\", k = \"{key}\" }}] }}\n"),
        );
    }
    let legacy_key = LEGACY_KEY.replace("\": ", "\" = ");
    text += &tenant(
        "legacy",
        "revocation_check_bias = 30\n",
        &format!("[tenant.keys]\njwks = {{ keys = [{legacy_key}] }}\n"),
    );
    text += &include_str!("../fixtures/oauth.toml")
        .replace("API_TOKEN_HASH", &hex_sha256(&api_token("federated")))
        .replace("CERTIFICATE", include_str!("../fixtures/idp.crt"))
        .replace("HOOK_PORT", &super::hook::port().to_string());
    let secret = hex_sha256(LEDGERLESS_SECRET);
    text += &tenant(
        "ledgerless",
        "",
        &format!(
            "[tenant.access_token]\nregistry = false\n\n[tenant.management]\nservice_api_key = {LEDGERLESS_KEY}\n\
             service_api_secret_sha256 = \"{secret}\"\n\n[[tenant.client]]\nclient_id = \"web\"\nnumber = 7\n\
             client_secret = \"ledgerless-web-secret-0123456789\"\nscope = \"read write\"\n"
        ),
    );
    // No API token: the authorisation store is disabled for this one.
    text + "\n[[tenant]]\nid = \"closed\"\nissuer = \"https://closed.example.com\"\n"
}

fn tenant(id: &str, authz_store: &str, tables: &str) -> String {
    let hash = hex_sha256(&api_token(id));
    format!(
        "\n[[tenant]]\nid = \"{id}\"\nissuer = \"https://{id}.example.com\"\n\n\
         [tenant.authz_store]\napi_token_sha256 = [\"{hash}\"]\n{authz_store}\n{tables}"
    )
}

/// The API token of a tenant for the authorisation store.
pub(crate) fn api_token(tenant: &str) -> String {
    match tenant {
        "acme" => "ztucZS1ZyFKgh0tUEruUtiSTXhnexmd6".to_owned(),
        other => format!("{other}-api-token-0123456789abcdefghij"),
    }
}

/// The hash of a tenant's API token.
pub(crate) fn api_token_hash(tenant: &str) -> String {
    hex_sha256(&api_token(tenant))
}

/// acme's second API token, for roll-over.
pub(crate) const ACME_SECOND_TOKEN: &str = "acme-second-api-token-for-roll-over-01";
/// The token of the platform API.
pub(crate) const PLATFORM_TOKEN: &str = "platform-token-0123456789abcdefghijklmn";

fn hex_sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The service API key of tenant `ledgerless`, which keeps no register of JWTs.
pub(crate) const LEDGERLESS_KEY: i64 = 31;
/// The secret to it.
pub(crate) const LEDGERLESS_SECRET: &str = "service-secret-ledgerless";
