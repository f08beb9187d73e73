//! The rules for `[[tenant.user]]`.

use std::collections::HashSet;

use super::{Origin, words};
use crate::crypto::password::is_phc;
use crate::tenancy::entry::UserEntry;
use crate::tenancy::fault::{Faults, join};
use crate::tenancy::read::{self, Table};

const MAX_PASSWORD: usize = 1024;

pub(super) fn read_all(
    tables: Vec<(String, Table)>,
    origin: Origin,
    has_hook: bool,
    faults: &mut Faults,
) -> Vec<UserEntry> {
    let mut seen = HashSet::new();
    let mut users = Vec::with_capacity(tables.len());
    for (at, table) in tables {
        let user = read_one(table, &at, origin, has_hook, faults);
        let names = [("username", Some(&user.username)), ("sub", Some(&user.sub)), ("id", user.id.as_ref())];
        for (key, name) in names {
            let new = name.is_none_or(|name| name.is_empty() || seen.insert((key, name.clone())));
            faults.check(new, join(&at, key), "another user of the tenant has it");
        }
        users.push(user);
    }
    users
}

pub(super) fn read_one(table: Table, at: &str, origin: Origin, has_hook: bool, faults: &mut Faults) -> UserEntry {
    let mut user: UserEntry = read::read(table, at, &["username"], faults);
    if user.sub.is_empty() {
        user.sub.clone_from(&user.username);
    }
    if !faults.has(at, &["username"]) {
        faults.take(join(at, "username"), words(&user.username));
        faults.take(join(at, "sub"), words(&user.sub));
    }
    let id =
        user.id.as_ref().is_none_or(|id| (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()));
    faults.check(id, join(at, "id"), "expected 1 to 128 printable ASCII characters without spaces");
    check_password(&user, at, origin, has_hook, faults);
    user
}

fn check_password(user: &UserEntry, at: &str, origin: Origin, has_hook: bool, faults: &mut Faults) {
    let key = join(at, "password");
    match (&user.password, &user.password_hash) {
        (Some(_), Some(_)) => faults.add(key, "give either password or password_hash"),
        (Some(password), None) => {
            let text = password.expose();
            let good = (1..=MAX_PASSWORD).contains(&text.len()) && !text.contains('\0');
            faults.check(good, key, "expected 1 to 1024 bytes without NUL");
        }
        (None, Some(hash)) => {
            faults.check(is_phc(hash.expose()), join(at, "password_hash"), "not an argon2id PHC string");
        }
        (None, None) => {
            let told = has_hook || origin == Origin::Api || faults.has(at, &["password", "password_hash"]);
            faults.check(told, key, "is missing: give password or password_hash");
        }
    }
}
