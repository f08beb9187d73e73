//! Keys that nobody has: a signature of a client that does not exist is checked with one, so that the time tells nothing.

use std::sync::OnceLock;

use super::{JwsAlg, SigningKey, VerifyingKey};
use crate::crypto::jwk::PublicKey;
use crate::crypto::secret::random;

/// The decoy for an algorithm, made when it is first needed.
pub(super) fn decoy(alg: JwsAlg) -> Option<&'static VerifyingKey> {
    static DECOYS: OnceLock<Vec<VerifyingKey>> = OnceLock::new();
    let decoys =
        DECOYS.get_or_init(|| JwsAlg::ASYMMETRIC.into_iter().chain(JwsAlg::SYMMETRIC).filter_map(make).collect());
    decoys.iter().find(|key| key.alg() == alg)
}

fn make(alg: JwsAlg) -> Option<VerifyingKey> {
    match alg {
        JwsAlg::ES256 | JwsAlg::ES384 | JwsAlg::EdDSA => SigningKey::generate(alg).ok()?.verifying_key().ok(),
        JwsAlg::RS256 | JwsAlg::PS256 => VerifyingKey::new(&modulus(), alg, None).ok(),
        JwsAlg::HS256 | JwsAlg::HS384 | JwsAlg::HS512 => VerifyingKey::from_secret(alg, &random::<64>()).ok(),
    }
}

/// An odd number of 2048 bits. That it is no product of two primes costs a verifier nothing, and finding some would.
fn modulus() -> PublicKey {
    let mut n = random::<256>().to_vec();
    n[0] |= 0x80;
    n[255] |= 1;
    PublicKey::Rsa { n, e: vec![1, 0, 1] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_for_each_algorithm_and_it_accepts_nothing() {
        for alg in JwsAlg::ASYMMETRIC.into_iter().chain(JwsAlg::SYMMETRIC) {
            let decoy = decoy(alg).unwrap();
            assert_eq!(decoy.alg(), alg);
            assert!(!decoy.accepts(b"message", &[1; 64]) && !decoy.accepts(b"message", &[1; 256]), "{alg}");
        }
    }
}
