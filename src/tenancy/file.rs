//! The tenants file: TOML, checked as a whole before any of it is applied. All faults come together.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde::Deserialize;
use serde_json::Value;

use super::check::{self, Origin};
use super::entry::TenantEntry;
use super::fault::{Fault, Faults, join};
use super::hash::TokenHash;
use super::read::{self, Table};
use super::source::Source;
use super::{name, read::take_list};

/// A tenants file without a fault.
#[derive(Clone, Debug, Default)]
pub struct TenantsFile {
    /// `[platform]`.
    pub platform: Platform,
    /// `[[tenant]]`, in the order of the file.
    pub tenants: Vec<TenantEntry>,
}

/// `[platform]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Platform {
    /// Hashes of the bearer tokens of the platform API; none = it answers 403.
    pub api_token_sha256: Vec<TokenHash>,
}

/// Reads and checks a tenants file.
///
/// # Errors
///
/// Everything that is wrong with it, each with its tenant, key and line.
pub fn parse(text: &str) -> Result<TenantsFile, Vec<Fault>> {
    let mut source = Source::parse(text)?;
    let mut table = std::mem::take(&mut source.table);
    let mut faults = Faults::default();
    let platform = platform(&mut table, &mut faults);
    let tables = take_list(&mut table, "tenant", &mut faults);
    for key in table.keys() {
        faults.add(key, "unknown key; known here: platform, tenant");
    }
    let mut all = faults.list;
    locate(&mut all, "", &source);

    let mut twins = Twins::default();
    let mut tenants = Vec::with_capacity(tables.len());
    for (index, (at, table)) in tables.into_iter().enumerate() {
        let mut told = twins.faults(index, &table);
        match check::entry(table, Origin::File) {
            Ok(entry) => tenants.push(entry),
            Err(faults) => told.extend(faults),
        }
        let position = format!("#{}", index + 1);
        for fault in &mut told {
            fault.tenant.get_or_insert_with(|| position.clone());
        }
        locate(&mut told, &at, &source);
        all.extend(told);
    }
    all.sort_by_key(|fault| fault.line);
    if all.is_empty() { Ok(TenantsFile { platform, tenants }) } else { Err(all) }
}

fn platform(table: &mut Table, faults: &mut Faults) -> Platform {
    match table.remove("platform") {
        None => Platform::default(),
        Some(Value::Object(section)) => read::read(section, "platform", &[], faults),
        Some(_) => {
            faults.add("platform", "expected a table");
            Platform::default()
        }
    }
}

fn locate(faults: &mut [Fault], at: &str, source: &Source) {
    for fault in faults {
        fault.line = source.line(&if fault.key.is_empty() { at.to_owned() } else { join(at, &fault.key) });
    }
}

/// What may be there once in a file.
#[derive(Default)]
struct Twins {
    seen: HashMap<(&'static str, String), usize>,
}

impl Twins {
    /// The names of the tenant at `index` that one before it, or itself, already has.
    fn faults(&mut self, index: usize, table: &Table) -> Vec<Fault> {
        let tid = table.get("id").and_then(Value::as_str);
        let mut faults = Faults { tenant: tid.map(str::to_owned), ..Faults::default() };
        if let Some(tid) = tid {
            self.once(index, "id", "id".to_owned(), tid.to_owned(), &mut faults);
        }
        for (path, issuer) in issuers(table) {
            if let Some(normal) = name::issuer(issuer) {
                self.once(index, "issuer or alias", path, normal, &mut faults);
            }
        }
        let key = table.get("management").and_then(|section| section.get("service_api_key")).and_then(Value::as_i64);
        if let Some(key) = key {
            self.once(index, "key", "management.service_api_key".to_owned(), key.to_string(), &mut faults);
        }
        faults.list
    }

    fn once(&mut self, index: usize, what: &'static str, path: String, name: String, faults: &mut Faults) {
        match self.seen.entry((what, name)) {
            Entry::Vacant(free) => {
                free.insert(index);
            }
            Entry::Occupied(taken) => {
                let owner = if *taken.get() == index {
                    "this tenant".to_owned()
                } else {
                    format!("tenant #{}", taken.get() + 1)
                };
                let but =
                    if what == "id" || what == "key" { "" } else { ", but perhaps for case, a slash or the port" };
                faults.add(path, format!("the same {what} as {owner} has{but}"));
            }
        }
    }
}

/// The issuer and aliases of an entry, each with its path.
fn issuers(table: &Table) -> impl Iterator<Item = (String, &str)> {
    let issuer = table.get("issuer").map(|issuer| ("issuer".to_owned(), issuer));
    let aliases = table.get("aliases").and_then(Value::as_array).into_iter().flatten().enumerate();
    let aliases = aliases.map(|(index, alias)| (format!("aliases[{index}]"), alias));
    issuer.into_iter().chain(aliases).filter_map(|(path, value)| Some((path, value.as_str()?)))
}
