//! The family's objects (seed: sections 4.1 and 4.2) and their things.

use std::collections::BTreeMap;

use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::{AuthorizationView, CodeExtras, Encoding, Posted, Seconds, SubjectType, scope};
use crate::service::tokens::TokenSet;
use crate::service::tokens::inspect::TokenFacts;

/// A JSON object of any members.
type AnyObject = BTreeMap<String, Value>;

/// The access token encoding.
#[derive(Clone, Copy, Debug, Deserialize, Enum, PartialEq, Eq, Serialize)]
#[oai(rename = "AccessTokenEncoding")]
pub enum Ate {
    /// A signed, optionally encrypted JSON Web Token.
    #[serde(rename = "SELF_CONTAINED")]
    #[oai(rename = "SELF_CONTAINED")]
    SelfContained,
    /// A secure identifier, to be looked up by an inspection call.
    #[serde(rename = "IDENTIFIER")]
    #[oai(rename = "IDENTIFIER")]
    Identifier,
}

/// The access token subject type.
#[derive(Clone, Copy, Debug, Deserialize, Enum, PartialEq, Eq, Serialize)]
#[oai(rename = "AccessTokenSubjectType")]
pub enum Ats {
    /// The local subject.
    #[serde(rename = "PUBLIC")]
    #[oai(rename = "PUBLIC")]
    Public,
    /// A subject that differs per audience.
    #[serde(rename = "PAIRWISE")]
    #[oai(rename = "PAIRWISE")]
    Pairwise,
}

/// The authorised actor in impersonation and delegation cases.
#[derive(Clone, Debug, Deserialize, Object, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// The subject identifier of the actor.
    pub sub: String,
}

/// An OAuth 2.0 / OpenID Connect authorisation. `sub` and `cid` (and `act.sub`, where there is an actor) identify it; all
/// other members are optional.
#[derive(Debug, Deserialize, Object, Serialize)]
#[serde(deny_unknown_fields)]
#[oai(rename = "Authorization", example)]
pub struct AuthorizationObject {
    /// The subject (end-user) identifier, 1 to 255 bytes.
    pub sub: String,
    /// The authorised actor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
    /// The identifier of the authorised client, 1 to 255 bytes.
    pub cid: String,
    /// The authorised scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scp: Option<Vec<String>>,
    /// Scope values saved from previous authorisations; never part of a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scs: Option<Vec<String>>,
    /// The redirection URI of the request; shown by a pending code only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rur: Option<String>,
    /// Whether the authorisation is long-lived (stored). Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lng: Option<bool>,
    /// Whether a refresh token is issued. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub irt: Option<bool>,
    /// The refresh token. Ignored on input but for an import.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rft: Option<String>,
    /// When the refresh token was issued, in seconds since the epoch. Ignored on input but for an import.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rti: Option<i64>,
    /// The remaining lifetime of the refresh token in seconds, 0 for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtl: Option<i64>,
    /// The longest idle time of the refresh token in seconds, 0 for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtm: Option<i64>,
    /// Whether a refresh token is replaced at each use. Defaults to the tenant's setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtr: Option<bool>,
    /// The access token lifetime in seconds. Defaults to the tenant's setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub atl: Option<i64>,
    /// The access token encoding. Defaults to the tenant's setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ate: Option<Ate>,
    /// Whether a JWT access token is encrypted with the tenant's shared AES key. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub atc: Option<bool>,
    /// The access token subject type. Default `PUBLIC`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ats: Option<Ats>,
    /// The issuer identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// When the authorisation was issued, in seconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iat: Option<i64>,
    /// When the authorisation was last updated, in seconds since the epoch. Ignored on input but for an import.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uat: Option<i64>,
    /// The authorised audience.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aud: Option<Vec<String>>,
    /// The ID token to hand out with a code's tokens; shown by a pending code only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idt: Option<String>,
    /// Whether a refresh may mint an ID token. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idr: Option<bool>,
    /// The names of the consented claims, with optional RFC 5646 language tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clm: Option<Vec<String>>,
    /// The names of consented claims saved from previous authorisations; never part of a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cls: Option<Vec<String>>,
    /// The preferred claim locales, as RFC 5646 language tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cll: Option<Vec<String>>,
    /// Claims fulfilment data for the claims sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cld: Option<AnyObject>,
    /// Preset claims for the UserInfo endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uip: Option<AnyObject>,
    /// The PKCE code challenge; shown by a pending code only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cch: Option<String>,
    /// The PKCE code challenge method, `S256` or `plain`; shown by a pending code only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ccm: Option<String>,
    /// Authorisation data, included as the `dat` claim in access tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dat: Option<AnyObject>,
}

/// The example of the specification (section 4.1).
impl poem_openapi::types::Example for AuthorizationObject {
    fn example() -> Self {
        let texts = |values: &[&str]| Some(values.iter().map(|v| (*v).to_owned()).collect());
        Self {
            sub: "alice".into(),
            cid: "65564eb0058d".into(),
            scp: texts(&["openid", "email", "app:write"]),
            lng: Some(true),
            irt: Some(true),
            atl: Some(3600),
            clm: texts(&["name", "email", "email_verified"]),
            ..Self::bare()
        }
    }
}

impl AuthorizationObject {
    fn bare() -> Self {
        Self {
            sub: String::new(),
            act: None,
            cid: String::new(),
            scp: None,
            scs: None,
            rur: None,
            lng: None,
            irt: None,
            rft: None,
            rti: None,
            rtl: None,
            rtm: None,
            rtr: None,
            atl: None,
            ate: None,
            atc: None,
            ats: None,
            iss: None,
            iat: None,
            uat: None,
            aud: None,
            idt: None,
            idr: None,
            clm: None,
            cls: None,
            cll: None,
            cld: None,
            uip: None,
            cch: None,
            ccm: None,
            dat: None,
        }
    }
}

impl From<AuthorizationObject> for Posted {
    fn from(object: AuthorizationObject) -> Self {
        let map = |object: Option<AnyObject>| object.map(|members| members.into_iter().collect::<Map<_, _>>());
        Self {
            sub: object.sub,
            cid: object.cid,
            act: object.act.map(|act| act.sub),
            lng: object.lng,
            iss: object.iss,
            iat: object.iat,
            uat: object.uat,
            rft: object.rft,
            rti: object.rti,
            scp: object.scp.map(scope::unique),
            scs: object.scs,
            irt: object.irt,
            rtl: object.rtl,
            rtm: object.rtm,
            rtr: object.rtr,
            atl: object.atl,
            ate: object.ate.map(|ate| match ate {
                Ate::SelfContained => Encoding::SelfContained,
                Ate::Identifier => Encoding::Identifier,
            }),
            atc: object.atc,
            ats: object.ats.map(|ats| match ats {
                Ats::Public => SubjectType::Public,
                Ats::Pairwise => SubjectType::Pairwise,
            }),
            aud: object.aud,
            idr: object.idr,
            clm: object.clm,
            cls: object.cls,
            cll: object.cll,
            cld: map(object.cld),
            uip: map(object.uip),
            dat: map(object.dat),
            extras: CodeExtras { rur: object.rur, idt: object.idt, cch: object.cch, ccm: object.ccm },
        }
    }
}

impl From<AuthorizationView> for AuthorizationObject {
    fn from(view: AuthorizationView) -> Self {
        let map = |object: Option<Map<String, Value>>| object.map(|members| members.into_iter().collect());
        let terms = view.terms;
        let extras = view.extras.unwrap_or_default();
        let remaining = view.refresh.as_ref().map_or(terms.rtl, |refresh| refresh.remaining);
        Self {
            sub: view.key.sub,
            act: view.key.act.map(|sub| Actor { sub }),
            cid: view.key.cid,
            scp: terms.scp,
            scs: terms.scs,
            rur: extras.rur,
            lng: Some(view.long_lived),
            irt: Some(terms.irt),
            rti: view.refresh.as_ref().map(|refresh| refresh.issued_at),
            rft: view.refresh.map(|refresh| refresh.text),
            rtl: Some(remaining),
            rtm: Some(terms.rtm),
            rtr: Some(terms.rtr),
            atl: Some(terms.atl),
            ate: Some(match terms.ate {
                Encoding::SelfContained => Ate::SelfContained,
                Encoding::Identifier => Ate::Identifier,
            }),
            atc: Some(terms.atc),
            ats: Some(match terms.ats {
                SubjectType::Public => Ats::Public,
                SubjectType::Pairwise => Ats::Pairwise,
            }),
            iss: Some(view.iss),
            iat: Some(view.iat),
            uat: view.uat,
            aud: terms.aud,
            idt: extras.idt,
            idr: Some(terms.idr),
            clm: terms.clm,
            cls: terms.cls,
            cll: terms.cll,
            cld: map(terms.cld),
            uip: map(terms.uip),
            cch: extras.cch,
            ccm: extras.ccm,
            dat: map(terms.dat),
        }
    }
}

/// What an access token stands for: the claims that it carries, under the short names of an authorisation.
#[derive(Debug, Object, Serialize)]
#[oai(rename = "AccessTokenAuthorization")]
pub struct AccessTokenObject {
    /// The subject that the token shows.
    sub: String,
    /// The authorised actor.
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Actor>,
    /// The client.
    cid: String,
    /// The scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    scp: Option<Vec<String>>,
    /// The issuer.
    iss: String,
    /// When the token was issued, in seconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    /// When the token expires, in seconds since the epoch.
    exp: i64,
    /// The audience.
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<Vec<String>>,
    /// The names of the consented claims.
    #[serde(skip_serializing_if = "Option::is_none")]
    clm: Option<Vec<String>>,
    /// The preferred claim locales.
    #[serde(skip_serializing_if = "Option::is_none")]
    cll: Option<Vec<String>>,
    /// Claims fulfilment data.
    #[serde(skip_serializing_if = "Option::is_none")]
    cld: Option<AnyObject>,
    /// Preset UserInfo claims.
    #[serde(skip_serializing_if = "Option::is_none")]
    uip: Option<AnyObject>,
    /// Authorisation data.
    #[serde(skip_serializing_if = "Option::is_none")]
    dat: Option<AnyObject>,
}

impl From<&TokenFacts> for AccessTokenObject {
    fn from(facts: &TokenFacts) -> Self {
        let map = |object: &Option<Map<String, Value>>| {
            object.as_ref().map(|members| members.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
        };
        let shown = &facts.snapshot;
        Self {
            sub: shown.sub.clone(),
            act: facts.key.act.clone().map(|sub| Actor { sub }),
            cid: facts.key.cid.clone(),
            scp: facts.scope.clone().filter(|values| !values.is_empty()),
            iss: shown.iss.clone(),
            iat: facts.iat,
            exp: facts.exp,
            aud: shown.aud.clone(),
            clm: shown.clm.clone(),
            cll: shown.cll.clone(),
            cld: map(&shown.cld),
            uip: map(&shown.uip),
            dat: map(&shown.dat),
        }
    }
}

/// An access token response (RFC 6749 section 5.1).
#[derive(Object, Serialize)]
#[oai(rename = "TokenResponse", example)]
pub struct TokenObject {
    /// The access token, self-contained or identifier-based depending on `ate`.
    access_token: String,
    /// Always `Bearer`.
    token_type: String,
    /// The access token lifetime in seconds.
    expires_in: Seconds,
    /// The refresh token.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// What remains of the refresh token's lifetime in seconds, where it is limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token_expires_in: Option<Seconds>,
    /// The ID token.
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    /// The authorised scope, if there is any.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

impl std::fmt::Debug for TokenObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenObject(***)")
    }
}

/// The example of the specification (section 4.2).
impl poem_openapi::types::Example for TokenObject {
    fn example() -> Self {
        Self {
            access_token: "b15b843981cf".into(),
            token_type: "Bearer".into(),
            expires_in: 3600,
            refresh_token: Some("YWxpY2U.NjU1NjRlYjAwNThk._W--XjP0UDZDiDYPkd4E_Q".into()),
            refresh_token_expires_in: None,
            id_token: None,
            scope: Some("openid email profile app:write".into()),
        }
    }
}

impl From<TokenSet> for TokenObject {
    fn from(tokens: TokenSet) -> Self {
        Self {
            access_token: tokens.access_token,
            token_type: "Bearer".into(),
            expires_in: tokens.expires_in,
            refresh_token: tokens.refresh_token,
            refresh_token_expires_in: tokens.refresh_token_expires_in,
            id_token: tokens.id_token,
            scope: tokens.scope.filter(|values| !values.is_empty()).as_deref().map(scope::join),
        }
    }
}
