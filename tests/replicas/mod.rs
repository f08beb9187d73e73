//! Several replicas on one PostgreSQL database: what may happen once happens once, what is acknowledged on one holds on all.
//!
//! `TENURE_TEST_SCALE=250` makes the long form of the tests that count: 10 000 codes with 64 racers each, 100 000 checks.

mod changes;
mod commits;
mod cuts;
mod holds;
mod kills;
mod lost;
mod overlaps;
mod proxy;
mod races;
mod restarts;
mod staleness;
mod starts;
mod stops;

use crate::harness::TestApp;
use crate::oauth::caller::shop;

/// How many times the short form of a test.
fn scale() -> usize {
    std::env::var("TENURE_TEST_SCALE").map_or(1, |text| text.parse().expect("TENURE_TEST_SCALE is a number"))
}

/// `count` replicas on a database of their own; `None`, loudly, without PostgreSQL.
async fn replicas(count: usize) -> Option<Vec<TestApp>> {
    let mut all = vec![TestApp::postgres().await?];
    while all.len() < count {
        all.push(all[0].replica().await);
    }
    Some(all)
}

/// Has every replica know the secret of acme's shop, whose slow hash would be waited for in a crowd.
async fn warm(apps: &[TestApp]) {
    for app in apps {
        while shop(app).token(&[("grant_type", "client_credentials")]).await.code() == 503 {}
    }
}
