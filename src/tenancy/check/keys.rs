//! The rules for keys: public sets of clients and assertion issuers, private ones of a tenant that migrates, certificates.

use serde_json::{Map, json};

use crate::crypto::jwk::{KeyFault, private_set, public_set};
use crate::crypto::saml::{SamlKey, SamlKeyFault};
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

/// Why `text` can't be the certificate of an issuer of SAML assertions.
pub(super) fn certificate(text: &str) -> Result<(), SamlKeyFault> {
    SamlKey::from_certificate_pem(text).map(|_| ())
}
