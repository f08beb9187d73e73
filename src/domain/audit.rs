//! The audit trail: administrative acts and security events of a tenant; who did what, when, in which request.

use serde_json::{Map, Value};

use super::Seconds;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal),* $(,)?) => {
        /// What happened. The list is closed, so that a reader can filter by it and a metric may count it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum AuditKind {
            $($(#[$doc])* $name,)*
        }

        impl AuditKind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name in the store, in the API and in the log.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

kinds! {
    /// A tenant was made.
    TenantCreated = "tenant_created",
    /// A tenant's settings were changed.
    TenantUpdated = "tenant_updated",
    /// A tenant was enabled.
    TenantEnabled = "tenant_enabled",
    /// A tenant was disabled.
    TenantDisabled = "tenant_disabled",
    /// A tenant was deleted and its secrets destroyed; stands in the platform's own trail.
    TenantDeleted = "tenant_deleted",
    /// A client was made.
    ClientCreated = "client_created",
    /// A client was changed.
    ClientUpdated = "client_updated",
    /// A client was deleted, with all that was issued to it.
    ClientDeleted = "client_deleted",
    /// A user was made.
    UserCreated = "user_created",
    /// A user was changed.
    UserUpdated = "user_updated",
    /// A user was deleted, with all that was issued for it.
    UserDeleted = "user_deleted",
    /// A new signing key was published, to sign later.
    KeyPublished = "key_published",
    /// A signing key was taken out at once, in an emergency.
    KeyDropped = "key_dropped",
    /// A signing key was destroyed: the last token signed with it has expired.
    KeyRetired = "key_retired",
    /// Something that may be used once was presented again.
    ReplayDetected = "replay_detected",
    /// Live codes or tokens were shown to an administrator.
    SecretsShown = "secrets_shown",
    /// Sign-ins of a client or user are refused for a while: too many have failed.
    SignInsLocked = "sign_ins_locked",
    /// Everything was revoked after a restore of the database.
    RestoreFinalized = "restore_finalized",
}

impl AuditKind {
    /// The kind of a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }
}

/// Bytes of an entry's id: the time, a number that counts up within a process, and chance. Ids are in the order of time.
pub type AuditId = [u8; 16];

/// An entry of the trail.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// Its id.
    pub id: AuditId,
    /// When it happened.
    pub at: Seconds,
    /// What happened.
    pub kind: AuditKind,
    /// Who did it.
    pub actor: String,
    /// In which request.
    pub request_id: String,
    /// To whom or what; never a secret.
    pub detail: Map<String, Value>,
}

/// Which entries are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of this kind only.
    pub kind: Option<AuditKind>,
    /// Not before this moment.
    pub from: Seconds,
    /// Before this moment.
    pub to: Seconds,
}

#[cfg(test)]
mod tests {
    use super::AuditKind;

    #[test]
    fn a_kind_is_read_back_from_its_name() {
        for kind in AuditKind::ALL {
            assert_eq!(AuditKind::parse(kind.as_str()), Some(*kind));
        }
        assert_eq!(AuditKind::parse("tenant"), None);
    }
}
