//! What a revocation can name.
//!
//! A revocation is one row: a selector and the tenant's epoch at which it was revoked. A grant, a record or a token carries
//! the epoch it was made under, and lives as long as none of its selectors was revoked at a later epoch. So one write kills
//! any number of tokens, in the store's order and not by a clock's.

use super::{AuthorizationId, AuthorizationKey, ChainId, GrantId, KeyMark, TokenNumber};

/// The revision of a tenant's revocations: each revocation takes the next one.
pub type Epoch = i64;

/// One thing that can be revoked as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Selector<'a> {
    /// All of the tenant.
    Tenant,
    /// All of a subject.
    Subject(&'a str),
    /// All of an actor.
    Actor(&'a str),
    /// All of a client.
    Client(&'a str),
    /// A subject at a client, whoever the actor.
    SubjectClient(&'a str, &'a str),
    /// A subject through an actor, whatever the client.
    SubjectActor(&'a str, &'a str),
    /// An actor at a client, whoever the subject.
    ActorClient(&'a str, &'a str),
    /// One key of the store: subject, actor (or none), client.
    Triple(&'a str, Option<&'a str>, &'a str),
    /// One authorisation, stored or transient.
    Authorization(AuthorizationId),
    /// The refresh tokens of one authorisation, and nothing else of it.
    RefreshTokensOf(AuthorizationId),
    /// One sign-in.
    Grant(GrantId),
    /// One refresh token chain with the access tokens issued from it.
    Chain(ChainId),
    /// One access token.
    Token(TokenNumber),
    /// All of a subject, while its user is disabled.
    SuspendedSubject(&'a str),
    /// All of a client, while it is disabled.
    SuspendedClient(&'a str),
    /// The registered JWTs that a key has signed.
    SignedBy(KeyMark),
}

impl<'a> Selector<'a> {
    /// The selectors that every token, code and record of an authorisation key obeys. `user` is false for a
    /// `client_credentials` token, which has no subject that a selector could match.
    pub fn of_key(key: &'a AuthorizationKey, user: bool) -> Vec<Self> {
        let (sub, act, cid) = (key.sub.as_str(), key.act.as_deref(), key.cid.as_str());
        let mut all = vec![Self::Tenant, Self::Client(cid), Self::SuspendedClient(cid)];
        if user {
            all.extend([Self::Subject(sub), Self::SubjectClient(sub, cid), Self::Triple(sub, act, cid)]);
            all.push(Self::SuspendedSubject(sub));
            if let Some(act) = act {
                all.extend([Self::Actor(act), Self::SubjectActor(sub, act), Self::ActorClient(act, cid)]);
            }
        }
        all
    }

    /// The subject, actor and client that a selector of whole authorisations names; `None` for the others.
    pub fn target(&self) -> Option<Target<'a>> {
        let (sub, act, cid) = match *self {
            Self::Tenant => (None, None, None),
            Self::Subject(sub) => (Some(sub), None, None),
            Self::Actor(act) => (None, Some(act), None),
            Self::Client(cid) => (None, None, Some(cid)),
            Self::SubjectClient(sub, cid) => (Some(sub), None, Some(cid)),
            Self::SubjectActor(sub, act) => (Some(sub), Some(act), None),
            Self::ActorClient(act, cid) => (None, Some(act), Some(cid)),
            Self::Triple(sub, act, cid) => (Some(sub), Some(act.unwrap_or_default()), Some(cid)),
            Self::Authorization(_) | Self::RefreshTokensOf(_) | Self::Grant(_) | Self::Chain(_) | Self::Token(_) => {
                return None;
            }
            Self::SuspendedSubject(_) | Self::SuspendedClient(_) | Self::SignedBy(_) => return None,
        };
        Some(Target { sub, act, cid })
    }

    /// The one thing of a subject and a client that a selector names; `None` for the others.
    pub fn thing(&self) -> Option<Thing> {
        match self {
            Self::Authorization(id) => Some(Thing::Authorization(*id)),
            Self::RefreshTokensOf(id) => Some(Thing::RefreshTokensOf(*id)),
            Self::Grant(id) => Some(Thing::Grant(*id)),
            Self::Chain(id) => Some(Thing::Chain(*id)),
            Self::SignedBy(key) => Some(Thing::SignedBy(*key)),
            Self::Tenant
            | Self::Subject(_)
            | Self::Actor(_)
            | Self::Client(_)
            | Self::SubjectClient(..)
            | Self::SubjectActor(..)
            | Self::ActorClient(..)
            | Self::Triple(..)
            | Self::Token(_)
            | Self::SuspendedSubject(_)
            | Self::SuspendedClient(_) => None,
        }
    }

    /// An unambiguous byte form, to be hashed.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        let mut text = |kind: u8, parts: &[&str]| {
            out.push(kind);
            for part in parts {
                out.extend((part.len() as u64).to_be_bytes());
                out.extend(part.as_bytes());
            }
        };
        match self {
            Self::Tenant => text(0, &[]),
            Self::Subject(sub) => text(1, &[sub]),
            Self::Actor(act) => text(2, &[act]),
            Self::Client(cid) => text(3, &[cid]),
            Self::SubjectClient(sub, cid) => text(4, &[sub, cid]),
            Self::SubjectActor(sub, act) => text(5, &[sub, act]),
            Self::ActorClient(act, cid) => text(6, &[act, cid]),
            Self::Triple(sub, act, cid) => text(7, &[sub, act.unwrap_or_default(), cid]),
            Self::Authorization(id) => out.extend([8].iter().chain(&id.0)),
            Self::RefreshTokensOf(id) => out.extend([9].iter().chain(&id.0)),
            Self::Grant(id) => out.extend([10].iter().chain(&id.0)),
            Self::Chain(id) => out.extend([11].iter().chain(&id.0)),
            Self::Token(number) => out.extend([12].iter().chain(&number.0.to_be_bytes())),
            Self::SuspendedSubject(sub) => text(13, &[sub]),
            Self::SuspendedClient(cid) => text(14, &[cid]),
            Self::SignedBy(key) => out.extend([15].iter().chain(&key.0)),
        }
        out
    }
}

/// What a selector of whole authorisations names. An actor of `""` means "has none".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Target<'a> {
    /// The subject, if it matters.
    pub sub: Option<&'a str>,
    /// The actor, if it matters.
    pub act: Option<&'a str>,
    /// The client, if it matters.
    pub cid: Option<&'a str>,
}

/// One thing that was revoked, of a subject and a client or of all, so that what it killed can be found and deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// [`Selector::Authorization`].
    Authorization(AuthorizationId),
    /// [`Selector::RefreshTokensOf`].
    RefreshTokensOf(AuthorizationId),
    /// [`Selector::Grant`].
    Grant(GrantId),
    /// [`Selector::Chain`].
    Chain(ChainId),
    /// [`Selector::SignedBy`].
    SignedBy(KeyMark),
}

impl Thing {
    /// The number of its kind, as the store has it: the byte of its selector.
    pub const fn kind(self) -> i16 {
        match self {
            Self::Authorization(_) => 8,
            Self::RefreshTokensOf(_) => 9,
            Self::Grant(_) => 10,
            Self::Chain(_) => 11,
            Self::SignedBy(_) => 15,
        }
    }

    /// Its identity.
    pub const fn id(self) -> [u8; 16] {
        match self {
            Self::Authorization(id) | Self::RefreshTokensOf(id) => id.0,
            Self::Grant(id) => id.0,
            Self::Chain(id) => id.0,
            Self::SignedBy(key) => key.0,
        }
    }
}
