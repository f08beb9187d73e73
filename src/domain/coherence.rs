//! What caches and the store agree on: which shard a thing falls into, and how changes are reported.
//!
//! A writer records, in its own transaction, the [`Shard`] of every cacheable thing it changed; a [`ChangeFeed`] tells a
//! replica which shards changed since it last asked. The numbers are stored and shared by replicas of several releases,
//! so neither the hash nor a [`Topic`]'s byte may ever change.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::{Result, Seconds, TenantId};

/// How many shards there are: every `u16`.
pub const SHARDS: usize = 1 << 16;

/// The tenant of things that belong to none yet, such as the name by which a tenant is found.
pub const NO_TENANT: TenantId = TenantId(0);

/// What kind of thing is cached: the whole list of what may be held in memory beyond one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// A tenant's row, settings and secrets.
    Tenant,
    /// A name under which a tenant is found; belongs to [`NO_TENANT`].
    TenantName,
    /// A client and its secret.
    Client,
    /// A user and the password.
    User,
    /// A tenant's signing and sealing keys.
    Keys,
    /// A trusted issuer of assertions.
    Issuer,
    /// A registered token.
    Token,
    /// A grant or an authorisation.
    Grant,
    /// The revocation of a selector.
    Revocation,
    /// A tenant's epoch, which every revocation carries forward.
    Epoch,
}

impl Topic {
    /// The byte that keeps equal keys of two topics apart.
    const fn byte(self) -> u8 {
        match self {
            Self::Tenant => b't',
            Self::TenantName => b'n',
            Self::Client => b'c',
            Self::User => b'u',
            Self::Keys => b'k',
            Self::Issuer => b'i',
            Self::Token => b'a',
            Self::Grant => b'g',
            Self::Revocation => b'r',
            Self::Epoch => b'e',
        }
    }
}

/// One of [`SHARDS`] groups of things that become stale together. Two things may share one: that costs a cache miss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shard(pub u16);

impl Shard {
    /// The shard of a thing: 64-bit FNV-1a over tenant, topic and key, folded to 16 bits. Not a secret and not collision-proof.
    pub fn of(tenant: TenantId, topic: Topic, key: &[u8]) -> Self {
        let head = tenant.0.to_be_bytes().into_iter().chain([topic.byte()]);
        let hash = fnv1a(head.chain(key.iter().copied())).to_be_bytes();
        let fold = |i: usize| hash[i] ^ hash[i + 2] ^ hash[i + 4] ^ hash[i + 6];
        Self(u16::from_be_bytes([fold(0), fold(1)]))
    }
}

fn fnv1a(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What changed since the previous poll of the same feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Shards of what was committed since; repetitions are harmless.
    pub shards: Vec<Shard>,
    /// The feed can't tell what changed (first poll, new connection, fail-over, restore): nothing cached may be used.
    pub flush: bool,
    /// The store's time at the poll, where it has one of its own.
    pub store_now: Option<Seconds>,
}

/// The future of one poll.
pub type Poll<'a> = Pin<Box<dyn Future<Output = Result<Changes>> + Send + 'a>>;

/// A source of changes: the store's log of them.
///
/// Contract: a poll reports every change committed before it *started* that no earlier successful poll of this feed
/// reported, or sets [`Changes::flush`]. A poll that fails or is dropped half-way reports nothing and loses nothing.
pub trait ChangeFeed: Send {
    /// Asks the store once.
    fn poll(&mut self) -> Poll<'_>;

    /// A cheaper look than a poll, for as long as nothing happens; `None` where the store offers none. Asked after a
    /// successful poll, and good until the next.
    fn quiet(&self) -> Option<Quiet> {
        None
    }
}

/// Tells, at any moment after a poll, whether nothing at all was committed between that poll's *start* and that moment.
/// A doubt is a no: then a poll finds out.
#[derive(Clone)]
pub struct Quiet(Arc<dyn Fn() -> bool + Send + Sync>);

impl Quiet {
    /// Looks by `look`, which must not block for longer than a read from memory.
    pub fn new(look: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(look))
    }

    /// Looks now.
    pub fn is_quiet(&self) -> bool {
        (self.0)()
    }
}

impl fmt::Debug for Quiet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Quiet")
    }
}

#[cfg(test)]
mod tests {
    use super::{Shard, Topic, fnv1a};
    use crate::domain::TenantId;

    /// The published test vectors of FNV-1a, 64 bits.
    #[test]
    fn the_hash_is_fnv1a() {
        assert_eq!(fnv1a("".bytes()), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a("a".bytes()), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a("foobar".bytes()), 0x8594_4171_f739_67e8);
    }

    /// The shard is FNV-1a of "\0\0\0\0\0\0\0\1" "cweb", worked out apart: replicas of all releases must agree.
    #[test]
    fn a_shard_never_moves() {
        assert_eq!(Shard::of(TenantId(1), Topic::Client, b"web"), Shard(0x683e));
    }

    #[test]
    fn tenant_topic_and_key_each_choose_the_shard() {
        let one = Shard::of(TenantId(1), Topic::Client, b"web");
        assert_ne!(one, Shard::of(TenantId(2), Topic::Client, b"web"));
        assert_ne!(one, Shard::of(TenantId(1), Topic::User, b"web"));
        assert_ne!(one, Shard::of(TenantId(1), Topic::Client, b"wec"));
    }
}
