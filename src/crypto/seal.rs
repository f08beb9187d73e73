//! Sealing: authenticated encryption of what is stored (AES-256-GCM), deterministic encryption of identifiers (AES-SIV,
//! RFC 5297), and the platform's master key at the root of both.

use std::fmt;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_siv::siv::Aes128Siv;
use zeroize::Zeroizing;

use super::secret::{b64url, hkdf, random, unb64url};

/// Bytes of a nonce before the ciphertext.
const NONCE: usize = 12;
/// What the key that seals is derived for.
const SEALING: &[u8] = b"tenure/master/seal";

/// An AES-256-GCM key. Nonces are random, so one key seals 2^32 messages at most (NIST SP 800-38D section 8.3): derive
/// one for each tenant and purpose.
#[derive(Clone)]
pub struct SealKey(Aes256Gcm);

impl SealKey {
    /// A key of 32 bytes.
    pub fn new(key: [u8; 32]) -> Self {
        let key = Zeroizing::new(key);
        Self(Aes256Gcm::new((&*key).into()))
    }

    /// Seals `plain`, bound to `aad`: 12 random bytes of nonce, ciphertext, 16 bytes of tag. A text of more than 64 GiB,
    /// which AES-GCM can't take, gives an empty result, which never opens.
    pub fn seal(&self, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let nonce = random::<NONCE>();
        let Ok(sealed) = self.0.encrypt((&nonce).into(), Payload { msg: plain, aad }) else {
            return Vec::new();
        };
        [nonce.as_slice(), &sealed].concat()
    }

    /// Opens what [`SealKey::seal`] made under the same key and `aad`; `None` for anything else.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        self.0.decrypt(nonce.into(), Payload { msg: sealed, aad }).ok().map(Zeroizing::new)
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The platform's master key: wraps the root secrets of all tenants. Without it a copy of the database is worth nothing.
#[derive(Clone)]
pub struct MasterKey {
    bytes: Zeroizing<[u8; 32]>,
    sealing: SealKey,
}

impl MasterKey {
    /// A key of 32 bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        let sealing = SealKey::new(hkdf(&bytes, SEALING));
        Self { bytes: Zeroizing::new(bytes), sealing }
    }

    /// A new random key.
    pub fn generate() -> Self {
        Self::new(random())
    }

    /// Reads 32 bytes of base64url, as an environment variable or a key file holds them; white space around them (the line
    /// end of a file) is ignored. `None` for anything else, and for the key of zeros.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(unb64url(text.trim_ascii())?);
        let key: [u8; 32] = bytes.as_slice().try_into().ok()?;
        (key != [0; 32]).then(|| Self::new(key))
    }

    /// The text that [`MasterKey::parse`] reads, for a key file.
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(b64url(self.bytes.as_slice()))
    }

    /// Seals `plain`, bound to `aad`; see [`SealKey::seal`].
    pub fn seal(&self, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        self.sealing.seal(aad, plain)
    }

    /// Opens what [`MasterKey::seal`] made; see [`SealKey::open`].
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.sealing.open(aad, sealed)
    }

    /// A key of the platform for the purpose that `info` names (HKDF).
    pub fn derive(&self, info: &[u8]) -> [u8; 32] {
        hkdf(&self.bytes, info)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// An AES-SIV key (AES-128 twice, as RFC 5297 has it): the same text under the same key always gives the same result, so
/// nothing random has to be stored, and two texts give results that nothing links.
#[derive(Clone)]
pub struct SivKey(Zeroizing<[u8; 32]>);

impl SivKey {
    /// A key of 32 bytes.
    pub fn new(key: [u8; 32]) -> Self {
        Self(Zeroizing::new(key))
    }

    /// Seals 32 bytes, bound to `ad`: 16 bytes of synthetic IV, which is the authenticator too, and the ciphertext.
    pub fn seal(&self, plain: &[u8; 32], ad: &[u8]) -> Vec<u8> {
        self.encrypt(plain, ad)
    }

    /// Opens what [`SivKey::seal`] made under the same key and `ad`; `None` for anything else.
    pub fn open(&self, sealed: &[u8], ad: &[u8]) -> Option<[u8; 32]> {
        let plain = Zeroizing::new(self.cipher().decrypt([ad], sealed).ok()?);
        plain.as_slice().try_into().ok()
    }

    /// Empty if there is too much to encrypt, which 32 bytes are not.
    fn encrypt(&self, plain: &[u8], ad: &[u8]) -> Vec<u8> {
        self.cipher().encrypt([ad], plain).unwrap_or_default()
    }

    fn cipher(&self) -> Aes128Siv {
        Aes128Siv::new((&*self.0).into())
    }
}

impl fmt::Debug for SivKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AAD: &[u8] = b"tenant 7";

    #[test]
    fn what_is_sealed_opens_only_as_it_was() {
        let key = SealKey::new([3; 32]);
        let sealed = key.seal(AAD, b"attack at dawn");
        assert_eq!(sealed.len(), 12 + 14 + 16);
        assert_eq!(key.open(AAD, &sealed).unwrap().as_slice(), b"attack at dawn");
        assert_ne!(sealed, key.seal(AAD, b"attack at dawn"));
        assert!(key.open(b"tenant 8", &sealed).is_none());
        assert!(SealKey::new([4; 32]).open(AAD, &sealed).is_none());
        for at in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[at] ^= 1;
            assert!(key.open(AAD, &bent).is_none(), "byte {at}");
            assert!(key.open(AAD, &sealed[..at]).is_none(), "first {at}");
        }
        assert!(key.open(AAD, &[]).is_none());
    }

    #[test]
    fn opens_the_published_vector() {
        // Test case 16 of the GCM specification: AES-256 with 20 bytes of associated data.
        let unhex = |text: &str| -> Vec<u8> {
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
        };
        let key: [u8; 32] =
            unhex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308").try_into().unwrap();
        let sealed = unhex(concat!(
            "cafebabefacedbaddecaf888",
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa",
            "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
            "76fc6ece0f4e1768cddf8853bb2d551b"
        ));
        let plain = unhex(concat!(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72",
            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
        ));
        let aad = unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        assert_eq!(*SealKey::new(key).open(&aad, &sealed).unwrap(), plain);
    }

    #[test]
    fn siv_is_that_of_rfc_5297() {
        // Appendix A.1: the key runs fffe…f0 f0f1…ff, the associated data 10…27, the text 11 22 … ee.
        let key: Vec<u8> = (0xf0..=0xff).rev().chain(0xf0..=0xff).collect();
        let siv = SivKey::new(key.try_into().unwrap());
        let plain: Vec<u8> = (1..=14).map(|digit| digit * 0x11).collect();
        let ad: Vec<u8> = (0x10..=0x27).collect();
        let expected: [u8; 30] = [
            0x85, 0x63, 0x2d, 0x07, 0xc6, 0xe8, 0xf3, 0x7f, 0x95, 0x0a, 0xcd, 0x32, 0x0a, 0x2e, 0xcc, 0x93, 0x40, 0xc0,
            0x2b, 0x96, 0x90, 0xc4, 0xdc, 0x04, 0xda, 0xef, 0x7f, 0x6a, 0xfe, 0x5c,
        ];
        assert_eq!(siv.encrypt(&plain, &ad), expected);
        assert_eq!(siv.open(&expected, &ad), None, "authentic, but not 32 bytes");
    }

    #[test]
    fn siv_is_deterministic_and_bound() {
        let (siv, plain) = (SivKey::new([9; 32]), [5; 32]);
        let sealed = siv.seal(&plain, AAD);
        assert_eq!((sealed.len(), &sealed), (48, &siv.seal(&plain, AAD)));
        assert_eq!(siv.open(&sealed, AAD), Some(plain));
        assert_eq!(siv.open(&sealed, b"tenant 8"), None);
        assert_eq!(siv.open(&sealed[..47], AAD), None);
        assert_eq!(siv.open(&[], AAD), None);
        assert_eq!(SivKey::new([8; 32]).open(&sealed, AAD), None);
    }

    #[test]
    fn a_master_key_is_32_bytes_of_base64url() {
        let key = MasterKey::generate();
        let again = MasterKey::parse(&format!("{}\n", key.expose().as_str())).unwrap();
        assert_eq!(again.open(AAD, &key.seal(AAD, b"root")).unwrap().as_slice(), b"root");
        assert_ne!(key.derive(b"a"), key.derive(b"b"));
        assert_eq!(format!("{key:?}{:?}{:?}", SealKey::new([1; 32]), SivKey::new([1; 32])), "*********");
        let zeros = b64url(&[0; 32]);
        for wrong in ["", "AAAA", zeros.as_str(), "not base64url!", &b64url(&[1; 31]), &b64url(&[1; 33])] {
            assert!(MasterKey::parse(wrong).is_none(), "{wrong:?}");
        }
    }
}
