//! Clients that no one here wrote, from the discovery document alone: `oauth4webapi` from npm and `authlib` from `PyPI`.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use serde_json::{Value, json};
use tenure::app::{self, Running};
use tenure::config::Config;
use tenure::crypto::jwt::{JwsAlg, SigningKey};
use tenure::crypto::secret::{Secret, sha256_hex};
use tenure::domain::Clock;

use crate::harness::peers;

const API_TOKEN: &str = "loop-api-token-0123456789abcdefghij";
const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// A server whose tenant's issuer is where it listens, under `/t/loop`, with the machine's clock.
async fn server(folder: &std::path::Path, key: &SigningKey) -> (Running, String) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let issuer = format!("http://127.0.0.1:{port}/t/loop");
    let jwk = Value::Object(key.public_jwk()).to_string().replace("\":", "\"=");
    let file = format!(
        r#"
[[tenant]]
id = "loop"
issuer = "{issuer}"

[tenant.metadata]
authorization_endpoint = "{issuer}/authorize"

[tenant.authz_store]
api_token_sha256 = ["{}"]

[[tenant.client]]
client_id = "shop"
client_secret = "loop shop:secret+0123456789%abcdef"
grant_types = ["authorization_code", "refresh_token", "client_credentials"]
redirect_uris = ["https://client.example.com/in"]
scope = "openid app:read"
introspection = true

[[tenant.client]]
client_id = "hmac"
client_secret = "loop-hmac-secret-0123456789-0123456789"
auth_method = "client_secret_jwt"
grant_types = ["client_credentials"]
scope = "app:read"
introspection = true

[[tenant.client]]
client_id = "signer"
auth_method = "private_key_jwt"
grant_types = ["client_credentials"]
scope = "app:read"
jwks = {{ keys = [ {jwk} ] }}
"#,
        sha256_hex(API_TOKEN.as_bytes())
    );
    let tenants = folder.join("tenants.toml");
    std::fs::write(&tenants, file).unwrap();
    let config = Config {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        ops_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        database_url: Secret::new(format!("sqlite://{}?mode=rwc", folder.join("loop.db").display())),
        tenants: Some(tenants),
        master_key: Some(Secret::new(MASTER_KEY)),
        ..Config::default()
    };
    (app::start(config, Clock::system()).await.unwrap(), issuer)
}

async fn ask(script: &str) -> Option<Value> {
    let folder = tempfile::tempdir().unwrap();
    let key = SigningKey::generate(JwsAlg::ES256).unwrap();
    let (running, issuer) = server(folder.path(), &key).await;
    let private: Value = serde_json::from_str(&key.private_jwk()).unwrap();
    let question = json!({"issuer": issuer, "api_token": API_TOKEN, "private_jwk": private});
    let answer = peers::ask(script, question).await;
    running.shutdown().await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oauth4webapi_does_all_that_a_client_does() {
    let Some(said) = ask("oauth4webapi.mjs").await else { return };
    let expected = json!({
        "client_credentials": {"scope": "openid app:read", "token_type": "bearer", "active": true},
        "code": {"sub": "alice", "scope": "openid app:read", "has_id_token": true},
        "refresh": {"scope": "app:read"},
        "revoked": {"active": false},
        "replay": "invalid_grant",
        "wrong_secret": "invalid_client",
    });
    assert_eq!(said, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn authlib_signs_for_its_clients() {
    let Some(said) = ask("authlib_client.py").await else { return };
    let expected = json!({
        "private_key_jwt": {"scope": "app:read", "token_type": "bearer"},
        "client_secret_jwt": {"scope": "app:read", "token_type": "bearer"},
        "introspected": {"active": true, "client_id": "hmac"},
        "revoked": 200,
        "after": {"active": false},
    });
    assert_eq!(said, expected);
}
