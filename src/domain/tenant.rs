//! Names of a tenant.

use serde::{Deserialize, Serialize};

/// The internal number of a tenant: leads every key of the store and is never used again, so that a tenant that is
/// deleted and made anew under the same [`Tid`] shares nothing with the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TenantId(pub i64);

/// The public id of a tenant: the `Tenant-ID` header. One DNS label (RFC 1123 section 2.1): lower-case letters, digits and
/// hyphens, 1 to 63 characters, no hyphen at an end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Tid(String);

impl Tid {
    /// Parses a tenant id; `None` if it breaks the rule for DNS labels.
    pub fn parse(text: &str) -> Option<Self> {
        let ok = (1..=63).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        ok.then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Tid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Tid;

    #[test]
    fn a_tid_is_a_dns_label() {
        let longest = "a".repeat(63);
        for good in ["a", "acme", "a-b", "0", longest.as_str()] {
            assert!(Tid::parse(good).is_some(), "{good}");
        }
        let too_long = "a".repeat(64);
        for bad in ["", "A", "a_b", "-a", "a-", "..", "a.b", "é", too_long.as_str()] {
            assert!(Tid::parse(bad).is_none(), "{bad}");
        }
    }
}
