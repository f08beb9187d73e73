//! The rules for one tenant's entry, the same for the file and for the platform API.

mod clients;
mod keys;
mod users;

use std::collections::HashSet;

use serde_json::Value;

use super::entry::{AssertionIssuerEntry, AssertionKind, ClientEntry, TenantEntry, UserEntry};
use super::fault::{Fault, Faults, join};
use super::read::{self, Table, clean, clean_section, take_list};
use super::settings::{AccessTokens, AuthzStore, Iam, Keys, Limits, Management, PasswordHook, RefreshTokens};
use super::settings::{Registration, TenantSettings};
use super::uri;
use crate::crypto::secret::Secret;
use crate::domain::{Seconds, Tid, scope};

/// The largest number that every JSON reader takes unharmed.
pub(super) const MAX_NUMBER: i64 = (1 << 53) - 1;
/// A hundred years: enough for any lifetime, and sums of it don't overflow.
const CENTURY: Seconds = 3_155_760_000;
/// Members of discovery that the server itself answers for.
const OWN_METADATA: [&str; 6] =
    ["issuer", "jwks_uri", "token_endpoint", "revocation_endpoint", "introspection_endpoint", "registration_endpoint"];

/// Where an entry comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A tenants file: whole, so that a client that needs a credential must have it here.
    File,
    /// The platform API: an absent credential is one that stays as it is.
    Api,
}

/// Reads and checks the members of one `[[tenant]]`.
///
/// # Errors
///
/// Everything that is wrong with it, each with its key.
pub fn entry(mut table: Table, origin: Origin) -> Result<TenantEntry, Vec<Fault>> {
    let tid = table.get("id").and_then(Value::as_str).map(str::to_owned);
    let mut faults = Faults { tenant: tid.clone(), ..Faults::default() };
    let text = canonical(&table);
    let id = table.remove("id").filter(|id| !id.is_null());
    let clients = take_list(&mut table, "client", &mut faults);
    let users = take_list(&mut table, "user", &mut faults);
    let tid = match (id, tid.as_deref().and_then(Tid::parse)) {
        (None, _) => {
            faults.add("id", "is missing");
            None
        }
        (Some(_), None) => {
            faults.add("id", "not a DNS label: 1 to 63 lower-case letters, digits and hyphens, no hyphen at an end");
            None
        }
        (Some(_), tid) => tid,
    };
    let settings = settings(table, tid.as_ref(), &mut faults);
    let has_hook = settings.password_hook.is_some();
    let clients = clients::read_all(clients, origin, &mut faults);
    let users = users::read_all(users, origin, has_hook, &mut faults);
    match tid {
        Some(tid) => faults.or(TenantEntry { tid, settings, clients, users, text }),
        None => Err(faults.list),
    }
}

/// Reads and checks one client of the platform API.
///
/// # Errors
///
/// Everything that is wrong with it, each with its key.
pub fn client(table: Table) -> Result<ClientEntry, Vec<Fault>> {
    let mut faults = Faults::default();
    let client = clients::read_one(table, "", Origin::Api, &mut faults);
    faults.or(client)
}

/// Reads and checks one user of the platform API.
///
/// # Errors
///
/// Everything that is wrong with it, each with its key.
pub fn user(table: Table) -> Result<UserEntry, Vec<Fault>> {
    let mut faults = Faults::default();
    let user = users::read_one(table, "", Origin::Api, false, &mut faults);
    faults.or(user)
}

/// The entry as JSON text in one spelling: members sorted, no white space.
fn canonical(table: &Table) -> Secret {
    let mut value = Value::Object(table.clone());
    value.sort_all_objects();
    Secret::new(value.to_string())
}

fn settings(mut table: Table, tid: Option<&Tid>, faults: &mut Faults) -> TenantSettings {
    clean_section::<AuthzStore>(&mut table, "authz_store", &[], faults);
    clean_section::<AccessTokens>(&mut table, "access_token", &[], faults);
    clean_section::<Keys>(&mut table, "keys", &[], faults);
    clean_section::<RefreshTokens>(&mut table, "refresh_token", &[], faults);
    clean_section::<Management>(&mut table, "management", &[], faults);
    clean_section::<Iam>(&mut table, "iam", &[], faults);
    clean_section::<Limits>(&mut table, "limits", &[], faults);
    clean_section::<Registration>(&mut table, "registration", &[], faults);
    clean_section::<PasswordHook>(&mut table, "password_hook", &["url"], faults);
    let issuers = take_list(&mut table, "assertion_issuer", faults)
        .into_iter()
        .map(|(at, mut issuer)| {
            clean::<AssertionIssuerEntry>(&mut issuer, &at, &["type", "issuer"], faults);
            Value::Object(issuer)
        })
        .collect();
    table.insert("assertion_issuer".to_owned(), Value::Array(issuers));
    let settings: TenantSettings = read::read(table, "", &["issuer"], faults);
    check_issuers(&settings, tid.map_or("", Tid::as_str), faults);
    check_numbers(&settings, faults);
    check_management(&settings.management, faults);
    check_metadata(&settings, faults);
    check_hook(settings.password_hook.as_ref(), faults);
    if let Some(jwks) = &settings.keys.jwks {
        faults.take("keys.jwks", keys::private(jwks));
    }
    check_assertion_issuers(&settings.assertion_issuer, faults);
    settings
}

fn check_issuers(settings: &TenantSettings, tid: &str, faults: &mut Faults) {
    if !faults.has("", &["issuer"]) {
        faults.take("issuer", uri::issuer(&settings.issuer, tid));
    }
    for (index, alias) in settings.aliases.iter().enumerate() {
        faults.take(format!("aliases[{index}]"), uri::issuer(alias, tid));
    }
}

fn check_numbers(settings: &TenantSettings, faults: &mut Faults) {
    let mut within = |key: &str, value: i64, least: i64, most: i64| {
        faults.check((least..=most).contains(&value), key, format!("expected {least} to {most}"));
    };
    within("authz_store.code_lifetime", settings.authz_store.code_lifetime, 1, 600);
    within("authz_store.revocation_check_bias", settings.authz_store.revocation_check_bias, 0, 86_400);
    within("access_token.lifetime", settings.access_token.lifetime, 1, CENTURY);
    within("refresh_token.lifetime", settings.refresh_token.lifetime, 0, CENTURY);
    within("refresh_token.max_idle", settings.refresh_token.max_idle, 0, CENTURY);
    within("refresh_token.grace", settings.refresh_token.grace, 0, 86_400);
    within("keys.rotate_every_days", settings.keys.rotate_every_days.into(), 0, 3650);
    if let Some(key) = settings.management.service_api_key {
        within("management.service_api_key", key, 1, MAX_NUMBER);
    }
}

fn check_management(management: &Management, faults: &mut Faults) {
    let credentials =
        management.service_api_secret_sha256.is_some() || !management.service_access_token_sha256.is_empty();
    if credentials && management.service_api_key.is_none() && !faults.has("management", &["service_api_key"]) {
        faults.add("management.service_api_key", "is missing: it names the tenant that the other credentials are for");
    }
}

fn check_metadata(settings: &TenantSettings, faults: &mut Faults) {
    for (name, value) in &settings.metadata {
        let key = join("metadata", name);
        if OWN_METADATA.contains(&name.as_str()) {
            faults.add(key, "published by the server itself");
        } else if name.ends_with("_endpoint") {
            faults.take(key, value.as_str().map_or(Err("expected a string"), uri::hook));
        }
    }
}

fn check_hook(hook: Option<&super::settings::PasswordHook>, faults: &mut Faults) {
    let Some(hook) = hook else { return };
    if !faults.has("password_hook", &["url"]) {
        faults.take("password_hook.url", uri::hook(&hook.url));
    }
    if let Some(token) = &hook.token {
        let good = !token.is_empty() && token.expose().bytes().all(|b| b.is_ascii_graphic());
        faults.check(good, "password_hook.token", "expected printable ASCII without spaces");
    }
}

fn check_assertion_issuers(issuers: &[AssertionIssuerEntry], faults: &mut Faults) {
    let mut seen = HashSet::new();
    for (index, issuer) in issuers.iter().enumerate() {
        let at = format!("assertion_issuer[{index}]");
        if !faults.has(&at, &["type", "issuer"]) {
            faults.take(join(&at, "issuer"), words(&issuer.issuer));
            let new = seen.insert((issuer.kind == AssertionKind::Jwt, &issuer.issuer));
            faults.check(new, join(&at, "issuer"), "the same type and issuer again");
            check_assertion_keys(issuer, &at, faults);
        }
        check_scope(&issuer.scope, &join(&at, "scope"), faults);
        let admin = issuer.scope.split(' ').any(|value| value.starts_with("iam:admin"));
        faults.check(!admin, join(&at, "scope"), "iam:admin scopes can't be granted by an assertion issuer");
    }
}

fn check_assertion_keys(issuer: &AssertionIssuerEntry, at: &str, faults: &mut Faults) {
    match issuer.kind {
        AssertionKind::Jwt => {
            faults.check(issuer.certificates.is_empty(), join(at, "certificates"), "type jwt takes jwks instead");
            match &issuer.jwks {
                Some(jwks) => faults.take(join(at, "jwks"), keys::public(jwks)),
                None if faults.has(at, &["jwks"]) => {}
                None => faults.add(join(at, "jwks"), "is missing"),
            }
        }
        AssertionKind::Saml2 => {
            faults.check(issuer.jwks.is_none(), join(at, "jwks"), "type saml2 takes certificates instead");
            if issuer.certificates.is_empty() && !faults.has(at, &["certificates"]) {
                faults.add(join(at, "certificates"), "is missing");
            }
            for (index, certificate) in issuer.certificates.iter().enumerate() {
                faults.take(join(at, &format!("certificates[{index}]")), keys::certificate(certificate));
            }
        }
    }
}

/// The syntax of RFC 6749 section 3.3.
fn check_scope(text: &str, key: &str, faults: &mut Faults) {
    faults.check(scope::parse(text).is_some(), key, "not scope values separated by spaces");
}

/// A name of 1 to 255 bytes without control characters.
fn words(text: &str) -> Result<(), &'static str> {
    if text.is_empty() || text.len() > 255 || text.chars().any(char::is_control) {
        return Err("expected 1 to 255 bytes without control characters");
    }
    Ok(())
}
