//! `kill -9` in the middle of writes, a few times: what was acknowledged stands (F-1, F-2). The long form is
//! `tests/peers/crash.py` itself.

use crate::harness::{peers, postgres};

/// So many kills of a server; on PostgreSQL, every second one takes the database along.
const KILLS: &str = "3";

async fn kill(more: &[&str]) {
    let arguments = [&[env!("CARGO_BIN_EXE_tenure"), "--rounds", KILLS, "--seconds", "1"], more].concat();
    let Some(said) = peers::check("crash.py", &arguments).await else { return };
    println!("{said}");
    let counted = said.lines().last().unwrap_or_default();
    let acknowledged: u32 = counted.split(' ').nth(2).unwrap().parse().unwrap();
    assert!(counted.starts_with(&format!("{KILLS} kills, ")) && acknowledged > 0, "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_on_sqlite() {
    kill(&[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_on_postgres() {
    let Some(programs) = postgres::programs() else { return };
    // Where they really are, all of them.
    let initdb = programs.join("initdb").canonicalize().unwrap();
    kill(&["--postgres", initdb.parent().unwrap().to_str().unwrap()]).await;
}
