//! The claims of JWT access tokens (RFC 9068, and the profile of the authorisation store).

use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::{Seconds, Snapshot, scope};
use crate::tenancy::settings::TokenProfile;

/// `typ` of a JWT access token (RFC 9068 section 2.1).
pub(super) const ACCESS_TOKEN_TYPE: &str = "at+jwt";

#[derive(Serialize)]
struct Actor<'a> {
    sub: &'a str,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a [String],
    iat: Seconds,
    exp: Seconds,
    jti: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scp: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Actor<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clm: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cll: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cld: Option<&'a Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uip: Option<&'a Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dat: Option<&'a Map<String, Value>>,
}

/// What the claims are made of.
pub(super) struct Source<'a> {
    pub(super) profile: TokenProfile,
    pub(super) snapshot: &'a Snapshot,
    pub(super) scope: Option<&'a [String]>,
    pub(super) client_id: &'a str,
    pub(super) actor: Option<&'a str>,
    pub(super) jti: &'a str,
    pub(super) iat: Seconds,
    pub(super) exp: Seconds,
}

/// The payload of a JWT access token. Consent memory (`scs`, `cls`) has no way in.
pub(super) fn payload(source: &Source<'_>) -> serde_json::Result<Vec<u8>> {
    let snapshot = source.snapshot;
    // The issuer where none is named (RFC 9068 section 3).
    let issuer = [snapshot.iss.clone()];
    let ours = source.profile == TokenProfile::C2id;
    serde_json::to_vec(&Claims {
        iss: &snapshot.iss,
        sub: &snapshot.sub,
        aud: snapshot.aud.as_deref().unwrap_or(&issuer),
        iat: source.iat,
        exp: source.exp,
        jti: source.jti,
        client_id: (!ours).then_some(source.client_id),
        scope: source.scope.filter(|_| !ours).map(scope::join),
        cid: ours.then_some(source.client_id),
        scp: source.scope.filter(|_| ours),
        act: source.actor.map(|sub| Actor { sub }),
        clm: snapshot.clm.as_deref(),
        cll: snapshot.cll.as_deref(),
        cld: snapshot.cld.as_ref(),
        uip: snapshot.uip.as_ref(),
        dat: snapshot.dat.as_ref(),
    })
}

/// What a verified payload says, whichever profile it has.
pub(super) struct ReadClaims {
    pub(super) snapshot: Snapshot,
    pub(super) scope: Option<Vec<String>>,
    pub(super) client_id: Option<String>,
    pub(super) actor: Option<String>,
}

/// Reads the claims of a verified JWT access token; `None` if one has a wrong type.
pub(super) fn read(payload: &Map<String, Value>) -> Option<ReadClaims> {
    let text = |name: &str| payload.get(name).map_or(Some(None), |v| v.as_str().map(|s| Some(s.to_owned())));
    let texts = |name: &str| payload.get(name).map_or(Some(None), |v| strings(v).map(Some));
    let object = |name: &str| payload.get(name).and_then(Value::as_object).cloned();
    let scope = match text("scope")? {
        Some(joined) => scope::parse(&joined),
        None => texts("scp")?,
    };
    Some(ReadClaims {
        snapshot: Snapshot {
            sub: text("sub")??,
            iss: text("iss")??,
            aud: payload.get("aud").and_then(|v| v.as_str().map(|s| vec![s.to_owned()]).or_else(|| strings(v))),
            clm: texts("clm")?,
            cll: texts("cll")?,
            cld: object("cld"),
            uip: object("uip"),
            dat: object("dat"),
        },
        scope,
        client_id: text("client_id")?.or(text("cid")?),
        actor: payload.get("act").and_then(|act| act.get("sub")).and_then(Value::as_str).map(str::to_owned),
    })
}

fn strings(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|v| v.as_str().map(str::to_owned)).collect()
}
