//! The rules for keys: public sets of clients and assertion issuers, private ones of a tenant that migrates, certificates.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, json};

use crate::crypto::jwk::{KeyFault, private_set, public_set};
use crate::crypto::secret::Secret;
use crate::tenancy::entry::JwkSet;

/// Why `set` can't be a client's or an issuer's public keys.
pub(super) fn public(set: &JwkSet) -> Result<(), KeyFault> {
    public_set(&Map::from_iter([("keys".to_owned(), json!(set.keys))])).map(|_| ())
}

/// Why the JSON text of a private set can't be a tenant's keys.
pub(super) fn private(text: &Secret) -> Result<(), KeyFault> {
    private_set(text.expose()).map(|_| ())
}

/// Why `text` can't be a certificate: one PEM block (RFC 7468) that holds DER.
pub(super) fn certificate(text: &str) -> Result<(), &'static str> {
    let body = text
        .trim()
        .strip_prefix("-----BEGIN CERTIFICATE-----")
        .and_then(|rest| rest.strip_suffix("-----END CERTIFICATE-----"))
        .ok_or("not one certificate in PEM form")?;
    let base64: String = body.split_ascii_whitespace().collect();
    match STANDARD.decode(base64) {
        Ok(der) if der.first() == Some(&0x30) => Ok(()),
        Ok(_) | Err(_) => Err("not one certificate in PEM form"),
    }
}
