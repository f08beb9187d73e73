//! The store's writer: what happens to writes that are committed together.

use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use tenure::domain::coherence::Shard;
use tenure::domain::{
    AccessToken, AuthorizationId, AuthorizationKey, Chain, ChainId, Code, CodeId, CodeState, Error, GrantId, NEVER,
    TenantId, TokenKind, TokenNumber,
};
use tenure::store::revocations::{Revocation, epoch_shard};
use tenure::store::{Claim, Options, Step, Store, migrate};

use crate::harness::postgres::{Database, server};

const TENANT: TenantId = TenantId(7);

/// A store, and what it told the caches.
struct Opened {
    store: Store,
    told: Arc<Mutex<Vec<Shard>>>,
    _folder: Option<tempfile::TempDir>,
    _database: Option<Database>,
}

impl Opened {
    async fn at(url: &str, folder: Option<tempfile::TempDir>, database: Option<Database>) -> Self {
        let options = Options::new(url);
        migrate(&options).await.unwrap();
        let told: Arc<Mutex<Vec<Shard>>> = Arc::default();
        let listener = Arc::clone(&told);
        let after_commit = Arc::new(move |shards: &[Shard]| listener.lock().unwrap().extend(shards));
        let store = Store::open(&options, after_commit).await.unwrap();
        Self { store, told, _folder: folder, _database: database }
    }

    async fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("tenure.db").display());
        Self::at(&url, Some(folder), None).await
    }

    async fn on_postgres() -> Option<Self> {
        let database = server()?.fresh_database().await;
        let url = database.url.clone();
        Some(Self::at(&url, None, Some(database)).await)
    }

    /// Carries the epoch forward by a number, unless it is odd: then it fails, having done so.
    async fn leap(&self, by: i64) -> Result<(), Error> {
        let leap = self.store.write(TENANT, by, |rows, by| {
            Box::pin(async move {
                rows.touch(Shard(u16::try_from(*by).unwrap()));
                rows.leap_epoch(*by).await?;
                if by % 2 == 0 { Ok(()) } else { Err(Error::invalid("odd")) }
            })
        });
        leap.await
    }

    async fn insert(&self, number: i64) -> Result<(), Error> {
        self.store.write(TENANT, token(number), |rows, token| Box::pin(rows.insert_access_token(token))).await
    }

    async fn is_there(&self, number: i64) -> bool {
        self.store.tenant(TENANT).find_access_token(TokenNumber(number)).await.unwrap().is_some()
    }
}

fn token(number: i64) -> AccessToken {
    AccessToken {
        number: TokenNumber(number),
        kind: TokenKind::Jwt,
        id: None,
        ver: 1,
        grant: GrantId([1; 16]),
        authorization: AuthorizationId([2; 16]),
        chain: None,
        key: AuthorizationKey { sub: "alice".into(), act: None, cid: "shop".into() },
        user: true,
        epoch: 0,
        issued_at: 1_000,
        expires_at: 2_000,
        scope: None,
        snapshot: None,
        sealed: None,
        signed_by: None,
        id_token: None,
    }
}

macro_rules! on_both {
    ($($name:ident)*) => { $(
        mod $name {
            #[tokio::test]
            async fn on_sqlite() {
                super::$name(&super::Opened::on_sqlite().await).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                if let Some(opened) = super::Opened::on_postgres().await {
                    super::$name(&opened).await;
                }
            }
        }
    )* };
}

on_both! {
    a_failing_write_is_undone_alone
    a_write_sees_what_another_of_its_batch_inserted
    a_row_that_can_not_be_inserted_fails_alone
    many_rows_are_inserted_whole
    a_panic_costs_the_write_that_panics
    a_code_that_was_changed_meanwhile_has_one_winner
    the_codes_of_a_batch_are_taken_together
    a_code_is_not_taken_for_a_write_that_fails
    the_chains_of_a_batch_are_taken_together
    reads_that_come_together_find_what_is_there
}

async fn a_failing_write_is_undone_alone(opened: &Opened) {
    let outcomes = join_all([2, 3, 4, 5, 6].map(|by| opened.leap(by))).await;
    let failed: Vec<bool> = outcomes.iter().map(|outcome| matches!(outcome, Err(Error::InvalidRequest(_)))).collect();
    assert_eq!(failed, [false, true, false, true, false]);
    let before = opened.store.tenant(TENANT).epoch().await.unwrap();
    assert_eq!(before, 2 + 4 + 6);
    let mut told: Vec<u16> = opened.told.lock().unwrap().iter().map(|shard| shard.0).collect();
    told.sort_unstable();
    // Each that stands moved the epoch, too.
    told.retain(|shard| *shard != epoch_shard(TENANT).0);
    assert_eq!(told, [2, 4, 6], "nobody is told of what was undone");
}

async fn a_write_sees_what_another_of_its_batch_inserted(opened: &Opened) {
    let insert = opened.insert(11);
    let look = opened.store.write(TENANT, TokenNumber(11), |rows, number| {
        Box::pin(async move { Ok(rows.find_access_token(*number).await?.is_some()) })
    });
    let delete =
        opened.store.write(TENANT, TokenNumber(11), |rows, number| Box::pin(rows.delete_access_token(*number)));
    let (inserted, seen, deleted) = tokio::join!(biased; insert, look, delete);
    inserted.unwrap();
    assert!(seen.unwrap());
    assert!(deleted.unwrap());
    assert!(!opened.is_there(11).await);
}

async fn a_row_that_can_not_be_inserted_fails_alone(opened: &Opened) {
    let outcomes = join_all([21, 22, 21, 23].map(|number| opened.insert(number))).await;
    let stands: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(stands.iter().filter(|stands| **stands).count(), 3, "{outcomes:?}");
    assert!(stands[1] && stands[3] && stands[0] != stands[2]);
    for number in [21, 22, 23] {
        assert!(opened.is_there(number).await);
    }
}

async fn many_rows_are_inserted_whole(opened: &Opened) {
    let numbers = 100..300;
    for outcome in join_all(numbers.clone().map(|number| opened.insert(number))).await {
        outcome.unwrap();
    }
    for number in numbers {
        assert!(opened.is_there(number).await, "{number}");
    }
}

/// Whether it is alone in its batch or with others, in the first writing task or another, whatever it had done.
async fn a_panic_costs_the_write_that_panics(opened: &Opened) {
    for round in 0..4 {
        let panics = |number| {
            opened.store.write(TENANT, token(number), |rows, token| {
                Box::pin(async move {
                    rows.insert_access_token(token).await?;
                    assert!(token.number.0 < 0, "as this test wants it");
                    Ok(())
                })
            })
        };
        let (first, panicked, last) =
            tokio::join!(opened.insert(1_000 + round), panics(2_000 + round), opened.insert(3_000 + round));
        first.unwrap();
        last.unwrap();
        assert!(matches!(panicked, Err(Error::Internal(_))), "{panicked:?}");
        assert!(matches!(panics(4_000 + round).await, Err(Error::Internal(_))));
        assert!(!opened.is_there(2_000 + round).await && !opened.is_there(4_000 + round).await);
        assert!(opened.is_there(1_000 + round).await && opened.is_there(3_000 + round).await);
    }
}

/// Two that read one code, with a change of what it carries in between: the later one takes it.
async fn a_code_that_was_changed_meanwhile_has_one_winner(opened: &Opened) {
    opened.with_codes(1..=4).await;
    for id in 1..=4 {
        let now_sealed = vec![100 + id];
        let change = opened.store.write(TENANT, (CodeId([id; 16]), now_sealed.clone()), |rows, (id, sealed)| {
            Box::pin(rows.set_code_snapshot(*id, sealed))
        });
        change.await.unwrap();
        let later = Code { sealed: now_sealed, ..code(id) };
        let won = join_all([code(id), later].map(|read| opened.redeem(TENANT, read, false))).await;
        assert_eq!(won.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [false, true]);
    }
}

const NOW: i64 = 1_000;

fn key() -> AuthorizationKey {
    AuthorizationKey { sub: "alice".into(), act: None, cid: "shop".into() }
}

fn code(id: u8) -> Code {
    Code {
        id: CodeId([id; 16]),
        ver: 1,
        grant: GrantId([id; 16]),
        authorization: AuthorizationId([id; 16]),
        stored: false,
        key: key(),
        epoch: 0,
        expires_at: NOW + 60,
        state: CodeState::Pending,
        sealed: vec![id, 1, 2, 3],
    }
}

impl Opened {
    async fn with_codes(&self, ids: std::ops::RangeInclusive<u8>) {
        for id in ids {
            self.store.write(TENANT, code(id), |rows, code| Box::pin(rows.insert_code(code))).await.unwrap();
        }
    }

    async fn state(&self, id: u8) -> CodeState {
        self.store.tenant(TENANT).find_code(CodeId([id; 16])).await.unwrap().unwrap().state
    }

    /// Redeems a code as it was read, and fails if `fails`, having done so.
    async fn redeem(&self, tenant: TenantId, read: Code, fails: bool) -> Result<bool, Error> {
        let killers = vec![[read.id.0[0]; 16]];
        let claim = Claim::Code { code: read.clone(), killers: killers.clone(), now: NOW };
        let redeem =
            self.store.write_claiming(tenant, claim, (read, killers, fails), |rows, (read, killers, fails)| {
                Box::pin(async move {
                    let won = rows.redeem_code(read, killers, NOW).await?;
                    if *fails { Err(Error::invalid("it fails")) } else { Ok(won) }
                })
            });
        redeem.await
    }
}

async fn the_codes_of_a_batch_are_taken_together(opened: &Opened) {
    opened.with_codes(1..=6).await;
    let revoke = opened.store.write(TENANT, (), |rows, ()| {
        let selector = [3; 16];
        let revocation = Revocation { selector, target: None, thing: None, at: NOW, expires_at: NEVER };
        Box::pin(async move { rows.revoke(&revocation).await })
    });
    assert_eq!(revoke.await.unwrap().epoch, 1);
    let changed = Code { sealed: vec![9], ..code(4) };
    let of_the_revocations_time = Code { epoch: 1, ..code(5) };
    let late = Code { sealed: code(5).sealed, ..code(6) };
    let asked = [
        (TENANT, code(1)),
        (TENANT, code(2)),
        (TENANT, code(1)),
        (TENANT, code(3)),
        (TENANT, changed),
        (TENANT, of_the_revocations_time),
        (TENANT, late),
        (TENANT, code(77)),
        (TenantId(8), code(2)),
    ];
    let won = join_all(asked.map(|(tenant, code)| opened.redeem(tenant, code, false))).await;
    let won: Vec<bool> = won.into_iter().map(Result::unwrap).collect();
    assert!(won[0] != won[2], "one of two takes a code: {won:?}");
    assert!(won[1], "a pending code is taken");
    assert!(!won[3], "a revoked one is not");
    assert!(!won[4], "nor one that carries something else by now");
    assert!(won[5], "one that was made later than the revocation is taken");
    assert!(!won[6], "what another code carries is not what this one carries");
    assert!(!won[7], "a code that isn't there is not taken");
    assert!(!won[8], "nor another tenant's");
    let mut states = Vec::new();
    for id in 1..=6 {
        states.push(opened.state(id).await);
    }
    let (used, pending) = (CodeState::Consumed, CodeState::Pending);
    assert_eq!(states, [used, used, pending, pending, used, pending]);
    // Another moment: nothing that expires until then is taken.
    let expired = Code { expires_at: NOW, ..code(7) };
    opened.store.write(TENANT, expired.clone(), |rows, code| Box::pin(rows.insert_code(code))).await.unwrap();
    let won = join_all([expired, code(6)].map(|code| opened.redeem(TENANT, code, false))).await;
    assert_eq!(won.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [false, true]);
}

async fn a_code_is_not_taken_for_a_write_that_fails(opened: &Opened) {
    opened.with_codes(1..=3).await;
    let won =
        join_all([(1, false), (2, true), (3, false)].map(|(id, fails)| opened.redeem(TENANT, code(id), fails))).await;
    assert!(matches!(won[..], [Ok(true), Err(Error::InvalidRequest(_)), Ok(true)]), "{won:?}");
    assert_eq!(opened.state(2).await, CodeState::Pending);
    assert_eq!((opened.state(1).await, opened.state(3).await), (CodeState::Consumed, CodeState::Consumed));
}

fn chain(id: u8, expires_at: i64, max_idle: i64) -> Chain {
    Chain {
        id: ChainId([id; 16]),
        number: id.into(),
        grant: GrantId([id; 16]),
        authorization: AuthorizationId([id; 16]),
        stored: false,
        key: key(),
        epoch: 0,
        ver: 1,
        generation: 4,
        rotated_at: None,
        current_used: false,
        issued_at: NOW - 10,
        expires_at,
        max_idle,
        used_at: NOW - 10,
        scope: "read".into(),
        foreign: None,
    }
}

impl Opened {
    async fn step(&self, read: Chain, step: Step) -> bool {
        let claim = Claim::Chain { chain: read.clone(), step, now: NOW };
        let taken = self.store.write_claiming(TENANT, claim, (read, step), |rows, (read, step)| {
            Box::pin(async move {
                match step {
                    Step::Hold => rows.hold_chain(read).await,
                    Step::Use => rows.use_chain(read, NOW).await,
                    Step::Rotate => rows.rotate_chain(read, NOW).await,
                }
            })
        });
        taken.await.unwrap()
    }
}

async fn the_chains_of_a_batch_are_taken_together(opened: &Opened) {
    // Ends and idle times: neither, both, the end first, idle only.
    let made = [chain(1, NEVER, 0), chain(2, NOW + 500, 100), chain(3, NOW + 50, 100), chain(4, NEVER, 100)];
    for chain in made.clone() {
        opened.store.write(TENANT, chain, |rows, chain| Box::pin(rows.insert_chain(chain, None))).await.unwrap();
    }
    let [one, two, three, four] = made;
    let stale = Chain { generation: 3, ..four.clone() };
    let rescoped = Chain { scope: "write".into(), ..four.clone() };
    let asked = [
        (one.clone(), Step::Rotate),
        (one.clone(), Step::Rotate),
        (two.clone(), Step::Rotate),
        (three.clone(), Step::Use),
        (four.clone(), Step::Hold),
        (four.clone(), Step::Hold),
        (stale, Step::Hold),
        (rescoped, Step::Use),
    ];
    let taken = join_all(asked.map(|(chain, step)| opened.step(chain, step))).await;
    assert!(taken[0] != taken[1], "one of two rotates: {taken:?}");
    assert_eq!(taken[2..], [true, true, true, true, false, false]);
    let rows = opened.store.tenant(TENANT);
    for (before, step) in [(one, Step::Rotate), (two, Step::Rotate), (three, Step::Use), (four, Step::Hold)] {
        let expected = match step {
            Step::Hold => before,
            Step::Use => Chain { current_used: true, used_at: NOW, ..before },
            Step::Rotate => Chain { generation: 5, rotated_at: Some(NOW), used_at: NOW, ..before },
        };
        let after = rows.find_chain(expected.id).await.unwrap().unwrap();
        assert_eq!(format!("{after:?}"), format!("{expected:?}"));
        // The deadline is a column of its own, by which lists leave out what is over.
        let end = expected.deadline();
        let until = rows.list_chains_of(expected.authorization, end.saturating_sub(1)).await.unwrap();
        let from = rows.list_chains_of(expected.authorization, end).await.unwrap();
        assert_eq!((until.len(), from.len()), (1, 0), "{expected:?}");
    }
}

async fn reads_that_come_together_find_what_is_there(opened: &Opened) {
    for number in (1..=150).step_by(2) {
        opened.insert(number).await.unwrap();
    }
    let mut numbers: Vec<i64> = (1..=150).collect();
    numbers.extend([7, 7, 8]);
    let found = join_all(numbers.iter().map(|number| async {
        let row = opened.store.tenant(TENANT).find_access_token(TokenNumber(*number)).await.unwrap();
        row.map(|row| row.number.0)
    }));
    let elsewhere = async { opened.store.tenant(TenantId(8)).find_access_token(TokenNumber(7)).await.unwrap() };
    let (found, elsewhere) = tokio::join!(found, elsewhere);
    let expected: Vec<_> = numbers.iter().map(|number| (number % 2 == 1).then_some(*number)).collect();
    assert_eq!(found, expected);
    assert!(elsewhere.is_none(), "another tenant's row is nobody's business");
}
