//! Codes, access tokens and refresh tokens: what the store remembers of each. The bearer text is in none of them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{AuthorizationId, AuthorizationKey, Epoch, NEVER, Seconds, Terms};

/// The identity of a grant: one sign-in (or assertion, or import) from which tokens come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GrantId(pub [u8; 16]);

impl GrantId {
    /// The grant of a token without a user: its client answers for it alone.
    pub const CLIENT: Self = Self([0; 16]);
}

/// The identity of a refresh token chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChainId(pub [u8; 16]);

/// The identity of an authorisation code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CodeId(pub [u8; 16]);

/// The number of an access or ID token in its tenant, at most 2^53 - 1 and random, so that it tells nothing of volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenNumber(pub i64);

impl TokenNumber {
    /// The largest number: what a JSON reader holds exactly.
    pub const MAX: i64 = (1 << 53) - 1;

    /// The number of an identifier: its first 53 bits. Never 0.
    pub fn of(id: &[u8; 16]) -> Self {
        let mut head = [0; 8];
        head.copy_from_slice(&id[..8]);
        Self(i64::try_from(u64::from_be_bytes(head) >> 11).unwrap_or(Self::MAX).max(1))
    }
}

/// One sign-in.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// Its identity.
    pub id: GrantId,
    /// The authorisation it belongs to. A transient grant is an authorisation of its own.
    pub authorization: AuthorizationId,
    /// Whose it is.
    pub key: AuthorizationKey,
    /// The epoch it was made under.
    pub epoch: Epoch,
    /// The refresh token chain that was issued with it.
    pub chain: Option<ChainId>,
    /// The terms of a transient grant; `None`: those of the stored record.
    pub transient: Option<Terms>,
    /// `iss` of the authorisation.
    pub iss: String,
    /// `iat` of the authorisation.
    pub iat: Seconds,
    /// `auth_time`, `acr`, `amr` of the first ID token, for those that a refresh mints (`OpenID` Connect Core section 12.2).
    pub authentication: Option<Map<String, Value>>,
    /// When the last of its tokens will have expired.
    pub expires_at: Seconds,
}

/// A refresh token chain: the tokens of one chain differ in their generation only, so that a successor is derived and
/// never stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// Its identity.
    pub id: ChainId,
    /// Its number in the tenant, for the token management API.
    pub number: i64,
    /// The grant that made it.
    pub grant: GrantId,
    /// The authorisation it belongs to.
    pub authorization: AuthorizationId,
    /// Whether that authorisation is a stored record.
    pub stored: bool,
    /// Whose it is.
    pub key: AuthorizationKey,
    /// The epoch it was made under.
    pub epoch: Epoch,
    /// The version of the root secret that its text is made with.
    pub ver: u8,
    /// The generation of the current token.
    pub generation: i64,
    /// When the previous generation was retired.
    pub rotated_at: Option<Seconds>,
    /// Whether the current generation was used since.
    pub current_used: bool,
    /// `rti`: when it was issued.
    pub issued_at: Seconds,
    /// `rti` + `rtl`, or [`NEVER`].
    pub expires_at: Seconds,
    /// `rtm`, 0 for no limit.
    pub max_idle: Seconds,
    /// When it was last used.
    pub used_at: Seconds,
    /// The scope that the management API shows.
    pub scope: String,
    /// The sealed text of an imported token.
    pub foreign: Option<Vec<u8>>,
}

impl Chain {
    /// When it dies if it isn't used: the earlier of its lifetime's and its idle time's end.
    pub fn deadline(&self) -> Seconds {
        let idle = if self.max_idle == 0 { NEVER } else { self.used_at.saturating_add(self.max_idle) };
        self.expires_at.min(idle)
    }

    /// The chain as a use leaves it.
    #[must_use]
    pub fn used(self, now: Seconds) -> Self {
        Self { used_at: now, ..self }
    }
}

/// Where an authorisation code is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeState {
    /// Waiting to be exchanged.
    Pending,
    /// Exchanged.
    Consumed,
    /// Presented wrongly, and void since.
    Burnt,
}

/// An authorisation code.
#[derive(Clone, Debug, PartialEq)]
pub struct Code {
    /// Its identity.
    pub id: CodeId,
    /// The version of the root secret that its text is made with.
    pub ver: u8,
    /// The grant that its exchange will make.
    pub grant: GrantId,
    /// The stored authorisation, or the transient one to be.
    pub authorization: AuthorizationId,
    /// Whether the authorisation is stored.
    pub stored: bool,
    /// Whose it is.
    pub key: AuthorizationKey,
    /// The epoch it was made under.
    pub epoch: Epoch,
    /// When it expires.
    pub expires_at: Seconds,
    /// Where it is in its life.
    pub state: CodeState,
    /// The sealed snapshot of what was posted.
    pub sealed: Vec<u8>,
}

/// What kind of row an access token's is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// An identifier token: the row is the token.
    Identifier,
    /// A registered JWT.
    Jwt,
    /// A registered ID token; shares the numbers of access tokens.
    IdToken,
}

/// A registered access token.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessToken {
    /// Its number.
    pub number: TokenNumber,
    /// What kind it is.
    pub kind: TokenKind,
    /// The random id of an identifier token.
    pub id: Option<[u8; 16]>,
    /// The version of the root secret of an identifier token.
    pub ver: u8,
    /// The grant it comes from.
    pub grant: GrantId,
    /// The authorisation it belongs to.
    pub authorization: AuthorizationId,
    /// The chain that was issued with it or that it was refreshed from.
    pub chain: Option<ChainId>,
    /// Whose it is.
    pub key: AuthorizationKey,
    /// False for `client_credentials`: no user stands behind it.
    pub user: bool,
    /// The epoch it was made under.
    pub epoch: Epoch,
    /// When it was issued.
    pub issued_at: Seconds,
    /// When it expires.
    pub expires_at: Seconds,
    /// The scope in force, which management may replace.
    pub scope: Option<Vec<String>>,
    /// What it grants, of an identifier token.
    pub snapshot: Option<Snapshot>,
    /// The sealed text of a JWT, so that it can be listed.
    pub sealed: Option<Vec<u8>>,
    /// The ID token that was issued with it.
    pub id_token: Option<TokenNumber>,
    /// The key that signed it, of a JWT.
    pub signed_by: Option<KeyMark>,
}

/// A short name of a signing key: a hash of its `kid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyMark(pub [u8; 16]);

/// What an identifier token grants, from its issue on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The subject that is shown: the local one or a pairwise one.
    pub sub: String,
    /// `iss`.
    pub iss: String,
    /// `aud`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aud: Option<Vec<String>>,
    /// `clm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clm: Option<Vec<String>>,
    /// `cll`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cll: Option<Vec<String>>,
    /// `cld`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cld: Option<Map<String, Value>>,
    /// `uip`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uip: Option<Map<String, Value>>,
    /// `dat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dat: Option<Map<String, Value>>,
}
