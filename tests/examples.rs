//! What we give as an example works: `tenants.example.toml` loads, and shows every key there is.

use std::path::Path;

use tenure::tenancy::settings::{
    AccessTokens, AuthzStore, Iam, Keys, Limits, Management, PasswordHook, RefreshTokens, Registration,
};
use tenure::tenancy::{
    AssertionIssuerEntry, ClientEntry, Platform, TenantSettings, TenantsFile, TokenHash, UserEntry, file, read::keys_of,
};

/// The example, its table headers and keys, live or commented out.
struct Example {
    text: String,
    keys: Vec<(String, String)>,
}

impl Example {
    fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tenants.example.toml");
        let text = std::fs::read_to_string(path).unwrap();
        let mut header = String::new();
        let mut keys = Vec::new();
        for line in text.lines().map(|line| line.trim_start_matches("# ")) {
            if let Some(table) = line.strip_prefix('[') {
                header = table.trim_matches('[').split(']').next().map(str::to_owned).unwrap_or_default();
                keys.push(("tenant".to_owned(), header.trim_start_matches("tenant.").to_owned()));
            } else if let Some((key, _)) = line.split_once(" = ") {
                keys.push((header.clone(), key.to_owned()));
            }
        }
        Self { text, keys }
    }

    fn load(&self) -> TenantsFile {
        file::parse(&self.text).unwrap_or_else(|faults| panic!("{faults:#?}"))
    }

    fn has(&self, table: &str, key: &str) -> bool {
        self.keys.iter().any(|(given, name)| given == table && name == key)
    }
}

#[test]
fn the_example_loads_and_its_issuers_are_on_loopback() {
    let file = Example::read().load();
    let issuers: Vec<&str> = file.tenants.iter().map(|tenant| tenant.settings.issuer.as_str()).collect();
    assert_eq!(issuers, ["http://127.0.0.1:8080/t/acme", "http://127.0.0.1:8080/t/globex"]);
}

#[test]
fn the_example_has_every_key() {
    let example = Example::read();
    for (table, keys) in [
        ("platform", keys_of::<Platform>()),
        ("tenant", keys_of::<TenantSettings>()),
        ("tenant", &["id", "client", "user"]),
        ("tenant.authz_store", keys_of::<AuthzStore>()),
        ("tenant.access_token", keys_of::<AccessTokens>()),
        ("tenant.keys", keys_of::<Keys>()),
        ("tenant.refresh_token", keys_of::<RefreshTokens>()),
        ("tenant.management", keys_of::<Management>()),
        ("tenant.iam", keys_of::<Iam>()),
        ("tenant.limits", keys_of::<Limits>()),
        ("tenant.registration", keys_of::<Registration>()),
        ("tenant.client", keys_of::<ClientEntry>()),
        ("tenant.user", keys_of::<UserEntry>()),
        ("tenant.password_hook", keys_of::<PasswordHook>()),
        ("tenant.assertion_issuer", keys_of::<AssertionIssuerEntry>()),
    ] {
        assert!(!keys.is_empty(), "{table}");
        for key in keys {
            assert!(example.has(table, key), "[{table}] {key}");
        }
    }
}

#[test]
fn the_tokens_in_its_comments_have_the_hashes_beside_them() {
    let example = Example::read();
    let mut checked = 0;
    for line in example.text.lines() {
        let Some((value, comment)) = line.split_once('#') else { continue };
        let Some(hash) = value.split('"').find_map(TokenHash::parse) else { continue };
        let token = comment.split(',').next().unwrap_or_default().trim();
        assert!(hash.matches(token), "{line}");
        checked += 1;
    }
    assert_eq!(checked, 8);
}
