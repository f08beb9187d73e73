//! The store's writer: what happens to writes that are committed together.

use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use tenure::domain::coherence::Shard;
use tenure::domain::{
    AccessToken, AuthorizationId, AuthorizationKey, Error, GrantId, TenantId, TokenKind, TokenNumber,
};
use tenure::store::revocations::epoch_shard;
use tenure::store::{Options, Store, migrate};

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
