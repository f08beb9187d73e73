//! The rules for `[[tenant.client]]`.

use std::collections::HashSet;

use super::{MAX_NUMBER, Origin, check_scope, keys, words};
use crate::domain::{AuthMethod, GrantType};
use crate::tenancy::entry::ClientEntry;
use crate::tenancy::fault::{Faults, join};
use crate::tenancy::read::{self, Table};
use crate::tenancy::uri;

/// An HMAC key is as long as its hash at least (RFC 7518 section 3.2).
const HMAC_KEY: usize = 32;
const MAX_SECRET: usize = 1024;

pub(super) fn read_all(tables: Vec<(String, Table)>, origin: Origin, faults: &mut Faults) -> Vec<ClientEntry> {
    let mut seen = HashSet::new();
    let mut clients = Vec::with_capacity(tables.len());
    for (at, table) in tables {
        let client = read_one(table, &at, origin, faults);
        let names = [
            ("client_id", Some(client.client_id.clone()).filter(|id| !id.is_empty())),
            ("number", client.number.map(|number| number.to_string())),
            ("alias", client.alias.clone()),
        ];
        for (key, name) in names {
            let new = name.is_none_or(|name| seen.insert((key, name)));
            faults.check(new, join(&at, key), "another client of the tenant has it");
        }
        clients.push(client);
    }
    clients
}

pub(super) fn read_one(table: Table, at: &str, origin: Origin, faults: &mut Faults) -> ClientEntry {
    let client: ClientEntry = read::read(table, at, &["client_id"], faults);
    check_names(&client, at, faults);
    for (index, text) in client.redirect_uris.iter().enumerate() {
        faults.take(join(at, &format!("redirect_uris[{index}]")), uri::redirect(text));
    }
    for (index, text) in client.origins.iter().enumerate() {
        faults.take(join(at, &format!("origins[{index}]")), uri::origin(text));
    }
    check_scope(&client.scope, &join(at, "scope"), faults);
    faults.check(client.secret_expires_at.is_none_or(|at| at >= 0), join(at, "secret_expires_at"), "is negative");
    if let Some(jwks) = &client.jwks {
        faults.take(join(at, "jwks"), keys::public(jwks));
    }
    if !faults.has(at, &["auth_method"]) {
        check_credentials(&client, at, origin, faults);
    }
    client
}

fn check_names(client: &ClientEntry, at: &str, faults: &mut Faults) {
    let id = &client.client_id;
    let good = (1..=255).contains(&id.len()) && id.bytes().all(|b| (0x20..0x7f).contains(&b));
    if !faults.has(at, &["client_id"]) {
        faults.check(good, join(at, "client_id"), "expected 1 to 255 printable ASCII characters");
    }
    let number = client.number.is_none_or(|number| (1..=MAX_NUMBER).contains(&number));
    faults.check(number, join(at, "number"), format!("expected 1 to {MAX_NUMBER}"));
    for (key, text) in [("alias", &client.alias), ("name", &client.name), ("developer", &client.developer)] {
        faults.take(join(at, key), text.as_deref().map_or(Ok(()), words));
    }
    let digits = client.alias.as_ref().is_some_and(|alias| alias.bytes().all(|b| b.is_ascii_digit()));
    faults.check(!digits, join(at, "alias"), "can't be all digits: it would be read as a number");
}

fn check_credentials(client: &ClientEntry, at: &str, origin: Origin, faults: &mut Faults) {
    let method = client.auth_method;
    let key = join(at, "client_secret");
    match &client.client_secret {
        Some(_) if !method.has_secret() => faults.add(key, format!("{} takes no secret", method.as_str())),
        Some(secret) => {
            let text = secret.expose();
            let good = (1..=MAX_SECRET).contains(&text.len()) && !text.chars().any(char::is_control);
            faults.check(good, &key, "expected 1 to 1024 bytes without control characters");
            let long = method != AuthMethod::ClientSecretJwt || text.len() >= HMAC_KEY;
            faults.check(long, &key, "client_secret_jwt needs 32 bytes at least (RFC 7518 section 3.2)");
        }
        None if method.has_secret() && origin == Origin::File && !faults.has(at, &["client_secret"]) => {
            faults.add(key, format!("is missing: {} needs it", method.as_str()));
        }
        None => {}
    }
    let lacks_keys = method == AuthMethod::PrivateKeyJwt && client.jwks.is_none() && !faults.has(at, &["jwks"]);
    faults.check(!lacks_keys, join(at, "jwks"), "is missing: private_key_jwt needs it");
    let public = method == AuthMethod::None && client.grant_types.contains(&GrantType::ClientCredentials);
    faults.check(!public, join(at, "grant_types"), "client_credentials needs a client that authenticates");
}
