//! What applying a tenants file would do, found out before anything of it is written: all that stands against it in the store
//! is told at once, and then nothing is applied.

use std::collections::HashSet;

use super::apply::{Outcome, names};
use crate::domain::{Error, Result};
use crate::service::Services;
use crate::store::directory::{NameKind, Status, StoredTenant};
use crate::tenancy::fault::Fault;
use crate::tenancy::{TenantEntry, TenantSettings, name};

/// What is to be done with one entry.
pub(super) struct Step {
    /// The entry.
    pub(super) entry: TenantEntry,
    /// The tenant that it updates.
    pub(super) existing: Option<StoredTenant>,
    /// What will have happened.
    pub(super) outcome: Outcome,
    /// The keyed digest of the entry's text.
    pub(super) digest: Vec<u8>,
}

/// What has been found so far.
#[derive(Default)]
struct Findings {
    faults: Vec<Fault>,
    /// Names that earlier entries give up.
    freed: HashSet<(NameKind, String)>,
}

impl Services {
    /// What applying entries would do, in their order.
    ///
    /// # Errors
    /// [`Error::Conflict`] with all that stands against it, a line each.
    pub(super) async fn plan(&self, entries: Vec<TenantEntry>, recreate: bool) -> Result<Vec<Step>> {
        let mut steps = Vec::with_capacity(entries.len());
        let mut findings = Findings::default();
        for entry in entries {
            let step = self.step(entry, recreate).await?;
            if matches!(step.outcome, Outcome::Created | Outcome::Updated) {
                self.examine(&step, &mut findings).await?;
            }
            steps.push(step);
        }
        match findings.faults.as_slice() {
            [] => Ok(steps),
            faults => {
                let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
                Err(Error::Conflict(format!("nothing was applied\n{}", lines.join("\n"))))
            }
        }
    }

    /// What is to be done with an entry as the store is now.
    pub(super) async fn step(&self, entry: TenantEntry, recreate: bool) -> Result<Step> {
        let digest = self.text_digest(&entry).await?;
        let (existing, outcome) = match self.store.find_tenant_ever(&entry.tid).await? {
            Some(found) if found.status == Status::Deleted && !recreate => (None, Outcome::Tombstone),
            Some(found) if found.status == Status::Deleted => (None, Outcome::Created),
            None => (None, Outcome::Created),
            Some(found) if found.digest.as_deref() == Some(digest.as_slice()) => (None, Outcome::Unchanged),
            Some(found) => (Some(found), Outcome::Updated),
        };
        Ok(Step { entry, existing, outcome, digest })
    }

    async fn examine(&self, step: &Step, findings: &mut Findings) -> Result<()> {
        let entry = &step.entry;
        let mut fault = |key: &str, text: &str| {
            let (tenant, key) = (Some(entry.tid.to_string()), key.to_owned());
            findings.faults.push(Fault { tenant, key, text: text.to_owned(), line: None });
        };
        if let Some(existing) = &step.existing {
            let old: TenantSettings = serde_json::from_str(&existing.settings).map_err(Error::internal)?;
            if old.issuer != entry.settings.issuer {
                fault("issuer", "the issuer of a tenant can't be changed");
            }
            let wanted = names(&entry.tid, &entry.settings);
            findings.freed.extend(names(&entry.tid, &old).into_iter().filter(|name| !wanted.contains(name)));
        }
        for (key, kind, text) in keyed(&entry.settings) {
            let holder = self.store.find_tenant_by_name(kind, &text).await?;
            if holder.is_some_and(|holder| holder.tid != entry.tid) && !findings.freed.contains(&(kind, text)) {
                let (tenant, text) = (Some(entry.tid.to_string()), taken(kind).to_owned());
                findings.faults.push(Fault { tenant, key, text, line: None });
            }
        }
        Ok(())
    }
}

const fn taken(kind: NameKind) -> &'static str {
    match kind {
        NameKind::Tid => "belongs to another tenant",
        NameKind::Issuer => "it, or a near twin of it, belongs to another tenant",
        NameKind::ServiceKey => "the service API key belongs to another tenant",
    }
}

/// The names that lead to a tenant besides its id, each with the key that says it.
fn keyed(settings: &TenantSettings) -> Vec<(String, NameKind, String)> {
    let issuer = std::iter::once(("issuer".to_owned(), &settings.issuer));
    let aliases = settings.aliases.iter().enumerate().map(|(n, alias)| (format!("aliases[{n}]"), alias));
    let mut all: Vec<_> =
        issuer.chain(aliases).filter_map(|(key, text)| Some((key, NameKind::Issuer, name::issuer(text)?))).collect();
    let service_key = settings.management.service_api_key;
    all.extend(service_key.map(|key| ("management.service_api_key".to_owned(), NameKind::ServiceKey, key.to_string())));
    all
}
