//! JSON Web Tokens in compact serialisation alone (RFC 7515, 7516, 7519), read strictly.
//!
//! A foreign token is [`parse`]d without trust, then [`Unverified::verify`] checks it against a key that the caller chose
//! from what is registered, never from the token. `crit`, `zip`, repeated JSON members, non-canonical base64url and texts
//! longer than [`MAX_TOKEN`] are refused, and dates are read as plain numbers ([`numeric_date`]), whatever they hold.

mod alg;
mod decoy;
mod encrypt;
mod json;
mod parse;
mod sign;
mod verify;

pub use alg::JwsAlg;
pub use encrypt::{ContentKey, is_encrypted};
pub use json::object;
pub use parse::{Jwt, JwtFault, MAX_TOKEN, Unverified, audience, numeric_date, parse, text};
pub use sign::SigningKey;
pub use verify::VerifyingKey;

#[cfg(test)]
mod tests;
