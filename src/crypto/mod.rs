//! Where secrets are handled: randomness, hashing, sealing, keys, signatures, passwords.
//!
//! Nothing here touches the store or the wire, and no type of a foreign crypto library is part of a public signature.
//! What fails because of foreign input fails with a small enum the caller translates ([`jwt::JwtFault`],
//! [`jwk::KeyFault`]); what fails because of us is [`crate::domain::Error::Internal`].

pub mod jwk;
pub mod jwt;
pub mod password;
pub mod saml;
pub mod seal;
pub mod secret;
pub mod selector;
pub mod token;

#[cfg(test)]
mod vectors;
