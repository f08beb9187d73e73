//! What is wrong with a tenants file or a body of the platform API: always all of it, never just the first.

use std::fmt;

/// One thing that is wrong. It names the key and never echoes a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The `id` of the tenant, or its position in the file where it has none.
    pub tenant: Option<String>,
    /// The key, with its path inside the tenant: `client[0].auth_method`. Empty: the entry as a whole.
    pub key: String,
    /// What is wrong.
    pub text: String,
    /// The line in the file, from 1.
    pub line: Option<usize>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if let Some(tenant) = &self.tenant {
            write!(f, "tenant {tenant}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.text)
    }
}

/// Gathers faults of one entry.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) tenant: Option<String>,
    pub(super) list: Vec<Fault>,
}

impl Faults {
    pub(super) fn add(&mut self, key: impl Into<String>, text: impl Into<String>) {
        self.list.push(Fault { tenant: self.tenant.clone(), key: key.into(), text: text.into(), line: None });
    }

    /// Adds a fault unless `good`.
    pub(super) fn check(&mut self, good: bool, key: impl Into<String>, text: impl Into<String>) {
        if !good {
            self.add(key, text);
        }
    }

    /// Adds the reason that a check of one value came back with.
    pub(super) fn take(&mut self, key: impl Into<String>, outcome: Result<(), impl fmt::Display>) {
        if let Err(text) = outcome {
            self.add(key, text.to_string());
        }
    }

    /// Whether one of `keys` under `at` is already known to be bad, so that what follows from it need not be said.
    pub(super) fn has(&self, at: &str, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.list.iter().any(|fault| fault.key == join(at, key)))
    }

    /// The value if nothing is wrong with it.
    pub(super) fn or<T>(self, value: T) -> Result<T, Vec<Fault>> {
        if self.list.is_empty() { Ok(value) } else { Err(self.list) }
    }
}

/// The path of `key` in the table at `at`.
pub(super) fn join(at: &str, key: &str) -> String {
    if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") }
}
