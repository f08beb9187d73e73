//! The tenants file: what loads, and that everything wrong with a file is told at once.

use serde_json::{Value, json};
use tenure::domain::{AuthMethod, Encoding, GrantType};
use tenure::tenancy::settings::{SigningAlg, TokenProfile};
use tenure::tenancy::{AssertionKind, Origin, TenantSettings, TenantsFile, TokenHash, check, file};

const FIXTURE: &str = include_str!("../fixtures/tenants.toml");

fn load(text: &str) -> TenantsFile {
    file::parse(text).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

/// The faults of a file, as an operator sees them.
fn faults(text: &str) -> Vec<String> {
    file::parse(text).unwrap_err().iter().map(ToString::to_string).collect()
}

/// The faults of a file with one tenant that has these lines besides its id and issuer.
fn faults_of(lines: &str) -> Vec<String> {
    faults(&format!("[[tenant]]\nid = \"acme\"\nissuer = \"https://acme.example.com\"\n{lines}"))
}

#[test]
fn the_contracts_file_loads() {
    let file = load(FIXTURE);
    let tids: Vec<&str> = file.tenants.iter().map(|tenant| tenant.tid.as_str()).collect();
    assert_eq!(tids, ["acme", "globex", "initech"]);
    assert!(TokenHash::any(&file.platform.api_token_sha256, "platform-token-0123456789abcdefghijklmn"));

    let acme = &file.tenants[0].settings;
    assert_eq!(acme.aliases, ["https://login.acme.example.com"]);
    assert!(TokenHash::any(&acme.authz_store.api_token_sha256, "ztucZS1ZyFKgh0tUEruUtiSTXhnexmd6"));
    assert!(TokenHash::any(&acme.authz_store.api_token_sha256, "acme-second-api-token-for-roll-over-01"));
    assert_eq!(acme.access_token.jws_alg, SigningAlg::ES256);
    assert_eq!(acme.management.service_api_key, Some(21_653_835_348_762));
    assert_eq!(acme.metadata["authorization_endpoint"], "https://login.acme.example.com/authorize");
    let kinds: Vec<AssertionKind> = acme.assertion_issuer.iter().map(|issuer| issuer.kind).collect();
    assert_eq!(kinds, [AssertionKind::Jwt, AssertionKind::Saml2]);

    let clients = &file.tenants[0].clients;
    assert_eq!(clients.len(), 5);
    assert_eq!(clients[0].auth_method, AuthMethod::ClientSecretBasic);
    assert!(clients[0].introspection);
    assert_eq!(clients[4].grant_types, [GrantType::ClientCredentials, GrantType::JwtBearer, GrantType::Saml2Bearer]);
    let users: Vec<(&str, bool)> =
        file.tenants[0].users.iter().map(|user| (user.username.as_str(), user.admin)).collect();
    assert_eq!(users, [("alice", false), ("admin", true)]);
}

#[test]
fn the_smallest_tenant_has_the_documented_defaults() {
    let file = load(FIXTURE);
    let globex = &file.tenants[1].settings;
    assert!(globex.enabled);
    assert_eq!(globex.authz_store.code_lifetime, 60);
    assert!(!globex.authz_store.allow_direct_inspection);
    assert_eq!(globex.authz_store.revocation_check_bias, 0);
    assert_eq!(globex.access_token.lifetime, 600);
    assert_eq!(globex.access_token.encoding, Encoding::SelfContained);
    assert_eq!(globex.access_token.profile, TokenProfile::Rfc9068);
    assert!(globex.access_token.registry);
    assert_eq!(globex.keys.rotate_every_days, 0);
    let refresh = &globex.refresh_token;
    assert_eq!((refresh.lifetime, refresh.max_idle, refresh.rotate, refresh.grace), (0, 0, false, 10));
    assert!(globex.iam.expose_values);
    assert_eq!((globex.limits.requests_per_second, globex.limits.failed_logins_per_minute), (0, 0));
    let client = &file.tenants[1].clients[0];
    assert_eq!(client.auth_method, AuthMethod::ClientSecretBasic);
    assert!(client.enabled && !client.introspection);
    assert!(!file.tenants[2].settings.enabled);
}

#[test]
fn a_comment_leaves_the_text_of_an_entry_alone_and_a_key_changes_it() {
    let texts = |text: &str| load(text).tenants.into_iter().map(|tenant| tenant.text).collect::<Vec<_>>();
    let before = texts(FIXTURE);
    let commented =
        texts(&format!("# a comment\n{}", FIXTURE.replace("code_lifetime = 60 ", "code_lifetime   =   60 ")));
    let changed = texts(&FIXTURE.replace("code_lifetime = 60 ", "code_lifetime = 61 "));
    assert!(before == commented);
    assert!(before[0] != changed[0] && before[1] == changed[1]);
}

#[test]
fn what_is_stored_or_printed_of_an_entry_has_no_secret_in_clear() {
    let file = load(FIXTURE);
    let printed = format!("{file:?}");
    let acme = &file.tenants[0];
    let stored = serde_json::to_string(&(&acme.settings, &acme.clients, &acme.users)).unwrap();
    for secret in ["web-shop-secret", "secret-alice", "jwt-client-secret"] {
        assert!(FIXTURE.contains(secret));
        assert!(!printed.contains(secret) && !stored.contains(secret), "{secret}");
    }
}

#[test]
fn stored_settings_read_back_the_same() {
    for tenant in load(FIXTURE).tenants {
        let stored = serde_json::to_value(&tenant.settings).unwrap();
        let read: TenantSettings = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), stored);
    }
}

#[test]
fn all_faults_of_a_file_come_at_once_each_with_line_tenant_and_key() {
    let told = faults(
        r#"colour = "red"
[platform]
api_token_sha256 = ["abc"]
[[tenant]]
id = "Acme"
issuer = "http://acme.example.com"
enabled = "yes"
[tenant.authz_store]
code_lifetime = 601
colour = 1
[[tenant.client]]
client_id = "a"
auth_method = "none"
client_secret = "top secret"
[[tenant.client]]
client_id = "a"
grant_types = ["implicit"]
[[tenant]]
issuer = "https://globex.example.com?x=1"
[[tenant.user]]
sub = "x"
"#,
    );
    let expected = [
        "line 1: colour: unknown key",
        "line 3: platform.api_token_sha256: expected 64 hexadecimal digits",
        "line 5: tenant Acme: id: not a DNS label",
        "line 6: tenant Acme: issuer: http is allowed on loopback only",
        "line 7: tenant Acme: enabled: expected true or false",
        "line 9: tenant Acme: authz_store.code_lifetime: expected 1 to 600",
        "line 10: tenant Acme: authz_store.colour: unknown key",
        "line 14: tenant Acme: client[0].client_secret: none takes no secret",
        "line 15: tenant Acme: client[1].client_secret: is missing",
        "line 16: tenant Acme: client[1].client_id: another client",
        "line 17: tenant Acme: client[1].grant_types: expected one of",
        "line 18: tenant #2: id: is missing",
        "line 19: tenant #2: issuer: an issuer has no query",
        "line 20: tenant #2: user[0].password: is missing",
        "line 20: tenant #2: user[0].username: is missing",
    ];
    for begin in expected {
        assert!(told.iter().any(|fault| fault.starts_with(begin)), "{begin}\n{told:#?}");
    }
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    assert!(!told.concat().contains("top secret"));
}

#[test]
fn faults_of_syntax_have_their_line() {
    let told = faults("[[tenant]]\nid = \"acme\"\nissuer = \nenabled = maybe\n");
    assert!(told[0].starts_with("line 3: not TOML"), "{told:#?}");
    assert!(told.iter().any(|fault| fault.starts_with("line 4: not TOML")), "{told:#?}");
    let twice = faults("[[tenant]]\nid = \"a\"\nid = \"b\"\n");
    assert!(twice[0].starts_with("line 3: not TOML"), "{twice:#?}");
}

#[test]
fn no_two_tenants_share_a_name() {
    let tenant =
        |id: &str, issuer: &str, more: &str| format!("[[tenant]]\nid = \"{id}\"\nissuer = \"{issuer}\"\n{more}\n");
    let first = tenant("acme", "https://acme.example.com/a", "management = { service_api_key = 5 }");
    for (second, key) in [
        (tenant("acme", "https://b.example.com", ""), "id"),
        (tenant("b", "https://acme.example.com/a", ""), "issuer"),
        (tenant("b", "https://acme.example.com/a/", ""), "issuer"),
        (tenant("b", "https://acme.example.com/A", ""), "issuer"),
        (tenant("b", "https://acme.example.com:443/a", ""), "issuer"),
        (tenant("b", "https://b.example.com", "aliases = [\"https://ACME.example.com/a\"]"), "aliases[0]"),
        (tenant("b", "https://b.example.com", "aliases = [\"https://b.example.com/\"]"), "aliases[0]"),
        (tenant("b", "https://b.example.com", "management = { service_api_key = 5 }"), "management.service_api_key"),
    ] {
        let told = faults(&format!("{first}{second}"));
        assert!(told.len() == 1 && told[0].contains(&format!("{key}: the same")), "{second}\n{told:#?}");
    }
    load(&format!("{first}{}", tenant("b", "https://acme.example.com/ab", "")));
}

#[test]
fn each_bad_setting_is_told_under_its_key() {
    let hash = "0".repeat(64);
    let orphan = format!("[tenant.management]\nservice_api_secret_sha256 = \"{hash}\"");
    for (lines, begin) in [
        ("aliases = [\"https://10.0.0.1\"]", "aliases[0]: an IP address"),
        ("[tenant.access_token]\nlifetime = 0", "access_token.lifetime: expected 1 to"),
        ("[tenant.access_token]\njws_alg = \"HS256\"", "access_token.jws_alg: expected one of"),
        ("[tenant.access_token]\nencoding = \"OPAQUE\"", "access_token.encoding: expected"),
        ("[tenant.access_token]\nprofile = \"x\"", "access_token.profile: expected"),
        ("[tenant.refresh_token]\ngrace = -1", "refresh_token.grace: expected 0 to"),
        ("[tenant.limits]\nrequests_per_second = -1", "limits.requests_per_second: expected a whole number"),
        ("[tenant.keys]\njwks = { keys = [] }", "keys.jwks: the key set"),
        ("[tenant.management]\nservice_api_key = 9007199254740992", "management.service_api_key: expected 1 to"),
        (orphan.as_str(), "management.service_api_key: is missing"),
        ("[tenant.registration]\ntoken_sha256 = [\"zz\"]", "registration.token_sha256: expected 64"),
        ("[tenant.metadata]\ntoken_endpoint = \"https://a.example\"", "metadata.token_endpoint: published"),
        ("[tenant.password_hook]\nurl = \"http://a.example\"", "password_hook.url: http is allowed"),
        ("[tenant.password_hook]\ntoken = \"x\"", "password_hook.url: is missing"),
        ("client = 3", "client: expected a list of tables"),
        ("authz_store = 3", "authz_store: expected a table"),
    ] {
        let told = faults_of(lines);
        assert!(told.len() == 1 && told[0].contains(begin), "{lines}\n{told:#?}");
    }
}

#[test]
fn each_bad_value_of_a_client_is_told_under_its_key() {
    for (lines, begin) in [
        ("redirect_uris = [\"javascript:x\"]", "redirect_uris[0]: a scheme"),
        ("origins = [\"*\"]", "origins[0]: not an origin"),
        ("number = 0", "number: expected 1 to 9007199254740991"),
        ("alias = \"12\"", "alias: can't be all digits"),
        ("scope = 'a\"b'", "scope: not scope values"),
        ("auth_method = \"client_secret_jwt\"", "client_secret: client_secret_jwt needs 32"),
        ("auth_method = \"tls_client_auth\"", "auth_method: expected one of"),
        ("auth_method = \"none\"", "client_secret: none takes no secret"),
        ("jwks_uri = \"https://a.example/jwks\"", "jwks_uri: refused"),
        ("jwks = { keys = [ { kty = \"oct\", k = \"AAAA\" } ] }", "jwks: "),
        ("secret_expires_at = -1", "secret_expires_at: is negative"),
    ] {
        let told = faults_of(&format!("[[tenant.client]]\nclient_id = \"a\"\nclient_secret = \"s\"\n{lines}"));
        assert!(told.len() == 1 && told[0].contains(&format!("client[0].{begin}")), "{lines}\n{told:#?}");
    }
    for (lines, begin) in [
        ("client_id = \"a\"\nauth_method = \"private_key_jwt\"", "jwks: is missing"),
        ("client_id = \"a\"", "client_secret: is missing"),
        ("client_id = \"\"\nclient_secret = \"s\"", "client_id: expected 1 to 255"),
        (
            "client_id = \"a\"\nauth_method = \"none\"\ngrant_types = [\"client_credentials\"]",
            "grant_types: client_cred",
        ),
    ] {
        let told = faults_of(&format!("[[tenant.client]]\n{lines}"));
        assert!(told.len() == 1 && told[0].contains(&format!("client[0].{begin}")), "{lines}\n{told:#?}");
    }
}

#[test]
fn each_bad_value_of_a_user_or_an_assertion_issuer_is_told_under_its_key() {
    let second = "password = \"x\"\n[[tenant.user]]\nusername = \"b\"\nsub = \"a\"\npassword = \"x\"";
    for (lines, begin) in [
        ("password = \"x\"\npassword_hash = \"y\"", "user[0].password: give either"),
        ("password_hash = \"y\"", "user[0].password_hash: not an argon2id"),
        ("enabled = true", "user[0].password: is missing"),
        (second, "user[1].sub: another"),
    ] {
        let told = faults_of(&format!("[[tenant.user]]\nusername = \"a\"\n{lines}"));
        assert!(told.len() == 1 && told[0].contains(begin), "{lines}\n{told:#?}");
    }
    for (lines, begin) in [
        ("jwks = { keys = [] }", "type: is missing"),
        ("type = \"jwt\"", "jwks: is missing"),
        ("type = \"saml2\"", "certificates: is missing"),
        ("type = \"saml2\"\ncertificates = [\"x\"]", "certificates[0]: not one"),
        ("type = \"saml1\"", "type: expected"),
    ] {
        let told = faults_of(&format!("[[tenant.assertion_issuer]]\nissuer = \"https://sts.example.org\"\n{lines}"));
        assert!(told.len() == 1 && told[0].contains(&format!("assertion_issuer[0].{begin}")), "{lines}\n{told:#?}");
    }
}

#[test]
fn the_platform_api_takes_the_same_keys_but_credentials_may_be_absent() {
    let entry = |body: Value| check::entry(serde_json::from_value(body).unwrap(), Origin::Api);
    let good = entry(json!({
        "id": "acme", "issuer": "https://acme.example.com", "aliases": null,
        "client": [{"client_id": "a", "auth_method": "client_secret_basic"}],
        "user": [{"username": "alice"}],
    }))
    .unwrap();
    assert_eq!(good.users[0].sub, "alice");
    let told =
        entry(json!({"id": "acme", "issuer": "https://acme.example.com", "jwks_uri": "https://a.example", "x": 1}));
    assert_eq!(told.unwrap_err().len(), 2);
}
