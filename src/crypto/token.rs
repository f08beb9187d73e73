//! The text of codes, identifier tokens and refresh tokens: a random id and a MAC over it.
//!
//! The store keeps the id, never the text: who has the database without the tenant's root secret has no token. Listing
//! recomputes the text. A forged, cut or foreign text dies at the MAC, before any query. What a text is (code, access token,
//! refresh token), its tenant and its generation are under the MAC, so that none passes for another.

use crate::crypto::seal::{SealKey, SivKey};
use crate::crypto::secret::{MacKey, b64url, hkdf, hmac, same, unb64url};
use crate::domain::{ChainId, CodeId, Epoch, GrantId, TenantId, TokenNumber};

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Code = 1,
    Access = 2,
    Refresh = 3,
}

/// Bytes of a MAC: 128 bits.
const MAC: usize = 16;

/// The keys that one version of a tenant's root secret yields.
pub struct TokenKeys {
    version: u8,
    tenant: TenantId,
    code: MacKey,
    access: MacKey,
    refresh: MacKey,
    foreign: [u8; 32],
    secret: [u8; 32],
    jti: SivKey,
    seal: SealKey,
}

/// A refresh token that was made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshText {
    /// Its chain.
    pub chain: ChainId,
    /// Its place in the chain.
    pub generation: i64,
}

/// Ids whose texts stand side by side in the order of texts: of one version of the root secret, with one first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The version.
    pub version: u8,
    /// The first byte.
    pub first: u8,
}

/// What a `jti` of ours says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jti {
    /// The grant that the token comes from.
    pub grant: GrantId,
    /// The token's number.
    pub number: TokenNumber,
    /// The epoch it was made under.
    pub epoch: Epoch,
}

impl TokenKeys {
    /// Derives the keys of a root secret (HKDF, RFC 5869), one per use.
    pub fn derive(tenant: TenantId, version: u8, root: &[u8; 32]) -> Self {
        let key = |info: &str| hkdf(root, format!("tenure/{info}").as_bytes());
        Self {
            version,
            tenant,
            code: MacKey::new(&key("code")),
            access: MacKey::new(&key("access")),
            refresh: MacKey::new(&key("refresh")),
            foreign: key("foreign"),
            secret: key("secret"),
            jti: SivKey::new(key("jti")),
            seal: SealKey::new(key("seal")),
        }
    }

    /// The version of the root secret.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// The text of a code.
    pub fn code(&self, id: CodeId) -> String {
        self.text(Kind::Code, &id.0, &[])
    }

    /// The text of an identifier token.
    pub fn access(&self, id: &[u8; 16]) -> String {
        self.text(Kind::Access, id, &[])
    }

    /// The text of a refresh token.
    pub fn refresh(&self, text: RefreshText) -> String {
        let generation = u32::try_from(text.generation).unwrap_or(u32::MAX);
        self.text(Kind::Refresh, &text.chain.0, &generation.to_be_bytes())
    }

    /// The keyed hash that an imported refresh token is found by.
    pub fn foreign_digest(&self, text: &str) -> [u8; 32] {
        hmac(&self.foreign, &[text.as_bytes()])
    }

    /// The keyed hash of a secret that the server made: as good as a slow hash, since there is nothing to guess.
    pub fn secret_digest(&self, secret: &str) -> [u8; 32] {
        hmac(&self.secret, &[secret.as_bytes()])
    }

    /// The `jti` of a JWT: names its grant and itself to us and says nothing to others, not even that two tokens are of
    /// one user.
    pub fn jti(&self, jti: Jti) -> String {
        let mut plain = [0; 32];
        plain[..16].copy_from_slice(&jti.grant.0);
        plain[16..24].copy_from_slice(&jti.number.0.to_be_bytes());
        plain[24..].copy_from_slice(&jti.epoch.to_be_bytes());
        let sealed = self.jti.seal(&plain, &self.tenant.0.to_be_bytes());
        b64url(&[&[self.version], sealed.as_slice()].concat())
    }

    /// Seals something that belongs to a row named by `place`.
    pub fn seal(&self, place: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut sealed = vec![self.version];
        sealed.extend(self.seal.seal(&[&self.tenant.0.to_be_bytes(), place].concat(), plain));
        sealed
    }

    fn mac_key(&self, kind: Kind) -> &MacKey {
        match kind {
            Kind::Code => &self.code,
            Kind::Access => &self.access,
            Kind::Refresh => &self.refresh,
        }
    }

    fn mac(&self, kind: Kind, body: &[u8]) -> [u8; MAC] {
        let full = self.mac_key(kind).mac(&[&self.tenant.0.to_be_bytes(), body]);
        let mut mac = [0; MAC];
        mac.copy_from_slice(&full[..MAC]);
        mac
    }

    fn text(&self, kind: Kind, id: &[u8; 16], tail: &[u8]) -> String {
        let mut bytes = Vec::with_capacity(40);
        bytes.extend([self.version, kind as u8]);
        bytes.extend(id);
        bytes.extend(tail);
        let mac = self.mac(kind, &bytes);
        bytes.extend(mac);
        b64url(&bytes)
    }

    /// The id and what follows it, if the text is of this kind and its MAC is right.
    fn check(&self, kind: Kind, bytes: &[u8]) -> Option<([u8; 16], Vec<u8>)> {
        let (body, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC)?)?;
        if body.get(1) != Some(&(kind as u8)) || !same(&self.mac(kind, body), mac) {
            return None;
        }
        Some((body.get(2..18)?.try_into().ok()?, body[18..].to_vec()))
    }
}

impl std::fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenKeys(version {}, ***)", self.version)
    }
}

/// The keys of all versions of a tenant's root secret, the newest first.
#[derive(Debug)]
pub struct TokenKeyRing(Vec<TokenKeys>);

impl TokenKeyRing {
    /// A ring; `None` without any key.
    pub fn new(mut keys: Vec<TokenKeys>) -> Option<Self> {
        keys.sort_by_key(|k| std::cmp::Reverse(k.version));
        (!keys.is_empty()).then_some(Self(keys))
    }

    /// The keys that make.
    pub fn newest(&self) -> &TokenKeys {
        &self.0[0]
    }

    /// The keys of a version.
    pub fn version(&self, version: u8) -> Option<&TokenKeys> {
        self.0.iter().find(|k| k.version == version)
    }

    /// All, newest first.
    pub fn iter(&self) -> impl Iterator<Item = &TokenKeys> {
        self.0.iter()
    }

    /// The stretches of ids of codes, in the order of the bytes of their texts.
    pub fn code_stretches(&self) -> Vec<Stretch> {
        self.stretches(Kind::Code)
    }

    /// The stretches of ids of refresh tokens, in the order of the bytes of their texts.
    pub fn refresh_stretches(&self) -> Vec<Stretch> {
        self.stretches(Kind::Refresh)
    }

    /// Base64url doesn't keep the order of bytes, but its first four characters are version, kind and the first byte of the id.
    fn stretches(&self, kind: Kind) -> Vec<Stretch> {
        let firsts = |version: u8| (0..=u8::MAX).map(move |first| Stretch { version, first });
        let mut all: Vec<Stretch> = self.0.iter().flat_map(|keys| firsts(keys.version)).collect();
        all.sort_by_cached_key(|stretch| b64url(&[stretch.version, kind as u8, stretch.first]));
        all
    }

    /// Reads a code.
    pub fn read_code(&self, text: &str) -> Option<CodeId> {
        let (id, tail) = self.read(Kind::Code, text, 34)?;
        tail.is_empty().then_some(CodeId(id))
    }

    /// Reads an identifier token.
    pub fn read_access(&self, text: &str) -> Option<[u8; 16]> {
        let (id, tail) = self.read(Kind::Access, text, 34)?;
        tail.is_empty().then_some(id)
    }

    /// Reads a refresh token that was made here.
    pub fn read_refresh(&self, text: &str) -> Option<RefreshText> {
        let (id, tail) = self.read(Kind::Refresh, text, 38)?;
        let generation = u32::from_be_bytes(tail.try_into().ok()?);
        Some(RefreshText { chain: ChainId(id), generation: generation.into() })
    }

    /// Reads a `jti` of ours.
    pub fn read_jti(&self, text: &str) -> Option<Jti> {
        let bytes = unb64url(text)?;
        let (version, sealed) = bytes.split_first()?;
        let keys = self.version(*version)?;
        let plain = keys.jti.open(sealed, &keys.tenant.0.to_be_bytes())?;
        Some(Jti {
            grant: GrantId(plain[..16].try_into().ok()?),
            number: TokenNumber(i64::from_be_bytes(plain[16..24].try_into().ok()?)),
            epoch: i64::from_be_bytes(plain[24..].try_into().ok()?),
        })
    }

    /// Opens what [`TokenKeys::seal`] sealed for the same place.
    pub fn open(&self, place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (version, sealed) = sealed.split_first()?;
        let keys = self.version(*version)?;
        keys.seal.open(&[&keys.tenant.0.to_be_bytes(), place].concat(), sealed).map(|plain| plain.to_vec())
    }

    fn read(&self, kind: Kind, text: &str, length: usize) -> Option<([u8; 16], Vec<u8>)> {
        // Base64url of `length` bytes: the length is exact before anything is decoded.
        if text.len() != (length * 4).div_ceil(3) {
            return None;
        }
        let bytes = unb64url(text)?;
        self.version(*bytes.first()?)?.check(kind, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(tenant: i64, version: u8) -> TokenKeyRing {
        TokenKeyRing::new(vec![TokenKeys::derive(TenantId(tenant), version, &[7; 32])]).unwrap()
    }

    #[test]
    fn a_text_is_read_as_what_it_is_and_as_nothing_else() {
        let ring = ring(1, 1);
        let code = ring.newest().code(CodeId([1; 16]));
        let access = ring.newest().access(&[1; 16]);
        let refresh = ring.newest().refresh(RefreshText { chain: ChainId([1; 16]), generation: 5 });
        assert_eq!(ring.read_code(&code), Some(CodeId([1; 16])));
        assert_eq!(ring.read_access(&access), Some([1; 16]));
        assert_eq!(ring.read_refresh(&refresh), Some(RefreshText { chain: ChainId([1; 16]), generation: 5 }));
        assert_eq!(ring.read_access(&code), None);
        assert_eq!(ring.read_code(&access), None);
        assert_eq!(ring.read_refresh(&access), None);
    }

    #[test]
    fn a_changed_cut_or_foreign_text_is_refused() {
        let ours = ring(1, 1);
        let text = ours.newest().access(&[9; 16]);
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(ours.read_access(std::str::from_utf8(&changed).unwrap()), None, "byte {at}");
        }
        assert_eq!(ours.read_access(&text[..text.len() - 1]), None);
        assert_eq!(ours.read_access(&format!("{text}A")), None);
        assert_eq!(ring(2, 1).read_access(&text), None, "another tenant");
        assert_eq!(ring(1, 2).read_access(&text), None, "another version");
    }

    #[test]
    fn a_jti_names_its_grant_to_us_only() {
        let ours = ring(1, 1);
        let jti = Jti { grant: GrantId([3; 16]), number: TokenNumber(42), epoch: 7 };
        let text = ours.newest().jti(jti);
        assert_eq!(ours.read_jti(&text), Some(jti));
        assert_eq!(ring(2, 1).read_jti(&text), None);
        let other = ours.newest().jti(Jti { number: TokenNumber(43), ..jti });
        let shared = text.bytes().zip(other.bytes()).skip(2).take_while(|(a, b)| a == b).count();
        assert!(shared < 8, "two tokens of one grant look alike");
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_only() {
        let ours = ring(1, 1);
        let sealed = ours.newest().seal(b"code:1", b"secret");
        assert_eq!(ours.open(b"code:1", &sealed).as_deref(), Some(b"secret".as_slice()));
        assert_eq!(ours.open(b"code:2", &sealed), None);
        assert_eq!(ring(2, 1).open(b"code:1", &sealed), None);
    }
}
