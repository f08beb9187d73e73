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

/// An authorisation as a caller posts it: what is absent takes a default.
#[derive(Clone, Debug, Default)]
pub struct Posted {
    /// `sub`.
    pub sub: String,
    /// `cid`.
    pub cid: String,
    /// `act.sub`.
    pub act: Option<String>,
    /// `lng`.
    pub lng: Option<bool>,
    /// `iss`.
    pub iss: Option<String>,
    /// `iat`.
    pub iat: Option<Seconds>,
    /// `uat`; honoured by an import only.
    pub uat: Option<Seconds>,
    /// `rft`; honoured by an import only.
    pub rft: Option<String>,
    /// `rti`; honoured by an import only.
    pub rti: Option<Seconds>,
    /// `scp`.
    pub scp: Option<Vec<String>>,
    /// `scs`.
    pub scs: Option<Vec<String>>,
    /// `irt`.
    pub irt: Option<bool>,
    /// `rtl`.
    pub rtl: Option<Seconds>,
    /// `rtm`.
    pub rtm: Option<Seconds>,
    /// `rtr`.
    pub rtr: Option<bool>,
    /// `atl`.
    pub atl: Option<Seconds>,
    /// `ate`.
    pub ate: Option<Encoding>,
    /// `atc`.
    pub atc: Option<bool>,
    /// `ats`.
    pub ats: Option<SubjectType>,
    /// `aud`.
    pub aud: Option<Vec<String>>,
    /// `idr`.
    pub idr: Option<bool>,
    /// `clm`.
    pub clm: Option<Vec<String>>,
    /// `cls`.
    pub cls: Option<Vec<String>>,
    /// `cll`.
    pub cll: Option<Vec<String>>,
    /// `cld`.
    pub cld: Option<Map<String, Value>>,
    /// `uip`.
    pub uip: Option<Map<String, Value>>,
    /// `dat`.
    pub dat: Option<Map<String, Value>>,
    /// `rur`, `idt`, `cch`, `ccm`.
    pub extras: CodeExtras,
}

/// What a tenant's settings say of the attributes that a caller leaves out.
#[derive(Clone, Copy, Debug)]
pub struct TermDefaults {
    /// `atl`.
    pub atl: Seconds,
    /// `ate`.
    pub ate: Encoding,
    /// `rtl`.
    pub rtl: Seconds,
    /// `rtm`.
    pub rtm: Seconds,
    /// `rtr`.
    pub rtr: bool,
}

impl Posted {
    /// The key it names.
    pub fn key(&self) -> AuthorizationKey {
        AuthorizationKey { sub: self.sub.clone(), act: self.act.clone(), cid: self.cid.clone() }
    }

    /// The terms, with every default filled in.
    pub fn into_terms(self, defaults: &TermDefaults) -> Terms {
        Terms {
            scp: self.scp,
            scs: self.scs,
            irt: self.irt.unwrap_or(false),
            rtl: self.rtl.unwrap_or(defaults.rtl),
            rtm: self.rtm.unwrap_or(defaults.rtm),
            rtr: self.rtr.unwrap_or(defaults.rtr),
            atl: self.atl.unwrap_or(defaults.atl),
            ate: self.ate.unwrap_or(defaults.ate),
            atc: self.atc.unwrap_or(false),
            ats: self.ats.unwrap_or_default(),
            aud: self.aud,
            idr: self.idr.unwrap_or(false),
            clm: self.clm,
            cls: self.cls,
            cll: self.cll,
            cld: self.cld,
            uip: self.uip,
            dat: self.dat,
        }
    }
}

/// The refresh token of an authorisation, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshShown {
    /// `rft`.
    pub text: String,
    /// `rti`.
    pub issued_at: Seconds,
    /// `rtl`: what remains of the lifetime, 0 for no limit.
    pub remaining: Seconds,
}

/// An authorisation as it is shown: a record, a pending code's, or what a token stands for.
#[derive(Clone, Debug)]
pub struct AuthorizationView {
    /// Its key.
    pub key: AuthorizationKey,
    /// `lng`.
    pub long_lived: bool,
    /// Its terms.
    pub terms: Terms,
    /// `iss`.
    pub iss: String,
    /// `iat`.
    pub iat: Seconds,
    /// `uat`.
    pub uat: Option<Seconds>,
    /// Its refresh token.
    pub refresh: Option<RefreshShown>,
    /// What only a pending code shows.
    pub extras: Option<CodeExtras>,
}
