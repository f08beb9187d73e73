//! The authorisation of the store (seed: authorisation store API, section 4.1).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ChainId, Epoch, Seconds};

/// The internal identity of an authorisation: new for each record that is created, kept when it is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AuthorizationId(pub [u8; 16]);

/// What identifies an authorisation: subject, actor if any, client.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AuthorizationKey {
    /// `sub`.
    pub sub: String,
    /// `act.sub`.
    pub act: Option<String>,
    /// `cid`.
    pub cid: String,
}

/// How an access token is encoded (`ate`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// A signed, optionally encrypted JWT.
    #[default]
    #[serde(rename = "SELF_CONTAINED")]
    SelfContained,
    /// A secure identifier that is looked up.
    #[serde(rename = "IDENTIFIER")]
    Identifier,
}

/// Which subject an access token shows (`ats`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SubjectType {
    /// The local subject.
    #[default]
    #[serde(rename = "PUBLIC")]
    Public,
    /// A subject that differs per audience (`OpenID` Connect Core section 8.1).
    #[serde(rename = "PAIRWISE")]
    Pairwise,
}

/// What was authorised, with every default filled in: the attributes of the seed under their names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    /// `scp`, the authorised scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scp: Option<Vec<String>>,
    /// `scs`, scope remembered from earlier consent; never reaches a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scs: Option<Vec<String>>,
    /// `irt`, whether refresh tokens are issued.
    #[serde(default)]
    pub irt: bool,
    /// `rtl`, the lifetime of a refresh token in seconds, 0 for no limit.
    #[serde(default)]
    pub rtl: Seconds,
    /// `rtm`, its longest idle time in seconds, 0 for no limit.
    #[serde(default)]
    pub rtm: Seconds,
    /// `rtr`, whether a refresh token is replaced at each use.
    #[serde(default)]
    pub rtr: bool,
    /// `atl`, the lifetime of an access token in seconds.
    pub atl: Seconds,
    /// `ate`, its encoding.
    #[serde(default)]
    pub ate: Encoding,
    /// `atc`, whether a JWT is encrypted.
    #[serde(default)]
    pub atc: bool,
    /// `ats`, the subject type of an access token.
    #[serde(default)]
    pub ats: SubjectType,
    /// `aud`, the audience.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aud: Option<Vec<String>>,
    /// `idr`, whether a refresh may mint an ID token.
    #[serde(default)]
    pub idr: bool,
    /// `clm`, names of consented claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clm: Option<Vec<String>>,
    /// `cls`, names of claims remembered from earlier consent; never reaches a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cls: Option<Vec<String>>,
    /// `cll`, preferred claim locales (RFC 5646).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cll: Option<Vec<String>>,
    /// `cld`, claims fulfilment data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cld: Option<Map<String, Value>>,
    /// `uip`, preset `UserInfo` claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uip: Option<Map<String, Value>>,
    /// `dat`, authorisation data, the `dat` claim of access tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dat: Option<Map<String, Value>>,
}

/// A stored, long-lived authorisation.
#[derive(Clone, Debug, PartialEq)]
pub struct Authorization {
    /// Its identity.
    pub id: AuthorizationId,
    /// Its key.
    pub key: AuthorizationKey,
    /// The epoch it was last written under.
    pub epoch: Epoch,
    /// Its newest refresh token chain.
    pub newest_chain: Option<ChainId>,
    /// `iss` as given, else the tenant's issuer.
    pub iss: String,
    /// `iat`.
    pub iat: Seconds,
    /// `uat`, set by an update.
    pub uat: Option<Seconds>,
    /// What was authorised.
    pub terms: Terms,
}

/// What a caller posts beside the terms of a new authorisation; no authorisation shows it (seed: `rur`, `idt`, `cch`, `ccm`).
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CodeExtras {
    /// `rur`, the redirection URI of the authorisation request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rur: Option<String>,
    /// `idt`, the ID token to hand out with the code's tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idt: Option<String>,
    /// `cch`, the PKCE code challenge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cch: Option<String>,
    /// `ccm`, the PKCE code challenge method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ccm: Option<String>,
}

impl std::fmt::Debug for CodeExtras {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CodeExtras(***)")
    }
}
