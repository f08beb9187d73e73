//! Passwords: Argon2id as PHC strings (RFC 9106), with the work bounded so that a flood of sign-ins can't starve the rest.

mod turns;

use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};

use super::secret::{Secret, random};
use crate::domain::{Error, Result, TenantId};
use turns::{Turn, Turns};

/// Memory in KiB, passes and lanes of a new hash: the least that OWASP advises.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// The most a hash that was brought may cost: memory in KiB, passes, lanes.
const MAX_COST: (u32, u32, u32) = (64 * 1024, 10, 4);
/// The longest password, in bytes.
const MAX_PASSWORD: usize = 1024;
/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_millis(500);

/// Told of each request that is turned away.
pub type OnShed = Box<dyn Fn() + Send + Sync>;

/// Hashes and verifies passwords on threads of their own, some at a time, some waiting, and the rest refused. Tenants take
/// turns: one that asks much waits longer, and not the others.
pub struct Passwords {
    turns: Turns,
    on_shed: OnShed,
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passwords").field("turns", &self.turns).finish_non_exhaustive()
    }
}

impl Passwords {
    /// At most `permits` at work (one at least), and `queue` more that wait half a second for their turn.
    pub fn new(permits: usize, queue: usize, on_shed: OnShed) -> Self {
        Self { turns: Turns::new(permits.max(1), queue), on_shed }
    }

    /// How many are at work, and how many wait for their turn.
    pub fn load(&self) -> (usize, usize) {
        self.turns.load()
    }

    /// Hashes a password to a PHC string with a salt of its own.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] for a password that is empty, over 1 KiB or holds NUL; [`Error::Unavailable`] where too many
    /// are waiting.
    pub async fn hash(&self, tenant: TenantId, password: &Secret) -> Result<String> {
        if password.is_empty() || !is_acceptable(password) {
            return Err(Error::invalid("Bad request: Illegal password"));
        }
        let password = password.clone();
        self.work(tenant, move || {
            let salt = random::<16>();
            let hash = hasher()?.hash_password_with_salt(password.expose().as_bytes(), &salt);
            hash.map(|phc| phc.to_string()).map_err(Error::internal)
        })
        .await
    }

    /// Whether the password is the one of the PHC string. Without one (there is no such user) the same work is done for
    /// nothing, so that the time tells nothing. A password that [`Passwords::hash`] refuses is wrong.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where too many are waiting; [`Error::Internal`] for a string that [`is_phc`] refuses.
    pub async fn verify(&self, tenant: TenantId, password: &Secret, phc: Option<&str>) -> Result<bool> {
        if !is_acceptable(password) {
            return Ok(false);
        }
        let (password, phc) = (password.clone(), phc.map(str::to_owned));
        self.work(tenant, move || {
            let Some(phc) = phc else { return waste(&password).map(|()| false) };
            let hash = parse(&phc).ok_or_else(|| Error::internal("a stored password hash can't be read"))?;
            Ok(hasher()?.verify_password(password.expose().as_bytes(), &hash).is_ok())
        })
        .await
    }

    /// Runs `task` on a blocking thread. Its turn goes with it: a request that goes away leaves its work counted.
    async fn work<T: Send + 'static>(
        &self,
        tenant: TenantId,
        task: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let turn = self.turn(tenant).await?;
        let work = tokio::task::spawn_blocking(move || {
            let outcome = task();
            drop(turn);
            outcome
        });
        work.await.map_err(Error::internal)?
    }

    async fn turn(&self, tenant: TenantId) -> Result<Turn> {
        let turn = self.turns.take(tenant, PATIENCE).await;
        turn.ok_or_else(|| {
            (self.on_shed)();
            Error::Unavailable("too many passwords are being checked".to_owned())
        })
    }
}

/// Whether a PHC string is one that [`Passwords::verify`] takes: Argon2id version 19 with salt and hash, at most 64 MiB, 10
/// passes and 4 lanes.
pub fn is_phc(phc: &str) -> bool {
    parse(phc).is_some()
}

/// Whether a PHC string was made with other costs than new ones are, and the password is due for a new hash.
pub fn is_outdated(phc: &str) -> bool {
    parse(phc).and_then(|hash| cost(&hash)) != Some(COST)
}

fn is_acceptable(password: &Secret) -> bool {
    password.expose().len() <= MAX_PASSWORD && !password.expose().contains('\0')
}

fn parse(phc: &str) -> Option<PasswordHash> {
    let hash = PasswordHash::new(phc).ok()?;
    let (memory, passes, lanes) = cost(&hash)?;
    let known = hash.algorithm.as_str() == "argon2id" && hash.version == Some(19);
    let bounded = memory <= MAX_COST.0 && passes <= MAX_COST.1 && lanes <= MAX_COST.2;
    (known && bounded && hash.salt.is_some() && hash.hash.is_some()).then_some(hash)
}

fn cost(hash: &PasswordHash) -> Option<(u32, u32, u32)> {
    let params = Params::try_from(hash).ok()?;
    Some((params.m_cost(), params.t_cost(), params.p_cost()))
}

fn hasher() -> Result<Argon2<'static>> {
    let params = Params::new(COST.0, COST.1, COST.2, None).map_err(Error::internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// As much work as a verification, for nobody.
fn waste(password: &Secret) -> Result<()> {
    let mut unused = [0; 32];
    hasher()?.hash_password_into(password.expose().as_bytes(), &random::<16>(), &mut unused).map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const T: TenantId = TenantId(1);

    fn passwords(permits: usize, queue: usize) -> Passwords {
        Passwords::new(permits, queue, Box::new(|| {}))
    }

    /// From the tests of the Argon2 reference program: `password`, salt `somesalt`, 2 passes over 64 MiB in one lane.
    const REFERENCE: &str = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

    #[tokio::test]
    async fn the_reference_hash_verifies() {
        let passwords = passwords(1, 1);
        assert!(passwords.verify(T, &"password".into(), Some(REFERENCE)).await.unwrap());
        assert!(!passwords.verify(T, &"Password".into(), Some(REFERENCE)).await.unwrap());
        assert!(is_phc(REFERENCE) && is_outdated(REFERENCE));
    }

    #[tokio::test]
    async fn a_new_hash_is_salted_and_verifies() {
        let (passwords, password) = (passwords(2, 2), Secret::new("pässword"));
        let phc = passwords.hash(T, &password).await.unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert_ne!(phc, passwords.hash(T, &password).await.unwrap());
        assert!(passwords.verify(T, &password, Some(&phc)).await.unwrap());
        assert!(!passwords.verify(T, &"other".into(), Some(&phc)).await.unwrap());
        assert!(!passwords.verify(T, &password, None).await.unwrap());
        assert!(is_phc(&phc) && !is_outdated(&phc));
    }

    #[tokio::test]
    async fn absurd_passwords_are_refused_before_any_work() {
        let passwords = passwords(1, 0);
        let _held = passwords.turn(T).await.unwrap();
        let (long, nul) = (Secret::new("x".repeat(1025)), Secret::new("a\0b"));
        for absurd in [&long, &nul] {
            assert!(matches!(passwords.hash(T, absurd).await, Err(Error::InvalidRequest(_))));
            assert!(!passwords.verify(T, absurd, None).await.unwrap());
        }
        assert!(matches!(passwords.hash(T, &Secret::default()).await, Err(Error::InvalidRequest(_))));
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let shed = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&shed);
        let passwords = Passwords::new(
            1,
            0,
            Box::new(move || {
                count.fetch_add(1, Ordering::Relaxed);
            }),
        );
        let held = passwords.turn(T).await.unwrap();
        assert!(matches!(passwords.verify(T, &"password".into(), None).await, Err(Error::Unavailable(_))));
        assert_eq!(shed.load(Ordering::Relaxed), 1);
        drop(held);
        assert!(!passwords.verify(T, &"password".into(), None).await.unwrap());
    }

    #[tokio::test]
    async fn who_has_a_place_in_the_queue_gets_its_turn() {
        let passwords = passwords(1, 1);
        let held = passwords.turn(T).await.unwrap();
        // `join!` polls in order: the first takes the only place, so the second finds none.
        let (waiting, refused) = tokio::join!(passwords.turn(T), async {
            let refused = passwords.turn(T).await;
            drop(held);
            refused
        });
        assert!(waiting.is_ok() && matches!(refused, Err(Error::Unavailable(_))));
    }

    #[test]
    fn hashes_that_cost_too_much_or_are_no_argon2id_are_refused() {
        for wrong in [
            "",
            "password",
            "$2b$12$abcdefghijklmnopqrstuuJ6QmJzCmjDQ2v1Jt0nMHo0RZsAxE6iK",
            "$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=16$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=1048576,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=19456,t=99,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ",
        ] {
            assert!(!is_phc(wrong), "{wrong}");
        }
    }
}
