//! What was revoked or has expired is deleted in the background, and nothing else is.

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use serde_json::json;

use super::Iam;
use crate::harness::database::connect;
use crate::harness::{TestApp, both};

both!(
    what_was_revoked_is_deleted_once_nobody_reads_it,
    what_has_expired_is_deleted,
    a_code_is_remembered_while_what_came_from_it_lives,
    a_grant_lives_as_long_as_its_refresh_token,
    old_changes_are_removed_from_their_log,
);

const TABLES: [&str; 4] = ["authorization_record", "authorization_grant", "refresh_token", "access_token"];

async fn what_was_revoked_is_deleted_once_nobody_reads_it(app: &TestApp) {
    let store = app.authz_store();
    for n in 0..30 {
        store.stored("doomed-subject", &format!("client-{n}")).await;
        store.stored("kept-subject", &format!("client-{n}")).await;
    }
    store.revoke(&[("subject", "doomed-subject")]).await.status(200);
    app.tidy().await;
    for table in TABLES {
        assert_eq!(app.rows_with(table, "doomed-subject").await, 30, "{table}: the answer may be streaming");
    }
    app.advance(60);
    let again = store.stored("doomed-subject", "client-1").await;
    app.tidy().await;
    for table in TABLES {
        assert_eq!(app.rows_with(table, "doomed-subject").await, 1, "{table}: what was made after it");
        assert_eq!(app.rows_with(table, "kept-subject").await, 30, "{table}");
    }
    store.assert_live("access_token", again["access_token"].as_str().unwrap(), true).await;
    store.refresh(again["refresh_token"].as_str().unwrap()).await.status(200);
}

async fn what_has_expired_is_deleted(app: &TestApp) {
    let store = app.authz_store();
    for n in 0..600 {
        let body = json!({"sub": "transient-user", "cid": "web", "atl": 60, "irt": n % 2 == 0, "rtl": 120});
        store.new_tokens(&body).await;
    }
    store.new_code(&json!({"sub": "transient-user", "cid": "web"})).await;
    let kept = store.new_tokens(&json!({"sub": "transient-user", "cid": "web", "atl": 6000, "irt": true})).await;
    app.advance(61);
    app.tidy().await;
    assert_eq!(app.rows_with("access_token", "transient-user").await, 1);
    assert_eq!(app.rows_with("authorization_code", "transient-user").await, 0);
    assert_eq!(app.rows_with("refresh_token", "transient-user").await, 301);
    assert_eq!(app.rows_with("authorization_grant", "transient-user").await, 301);
    app.advance(60);
    app.tidy().await;
    assert_eq!(app.rows_with("refresh_token", "transient-user").await, 1);
    assert_eq!(app.rows_with("authorization_grant", "transient-user").await, 1);
    store.assert_live("access_token", kept["access_token"].as_str().unwrap(), true).await;
    store.refresh(kept["refresh_token"].as_str().unwrap()).await.status(200);
}

async fn a_code_is_remembered_while_what_came_from_it_lives(app: &TestApp) {
    let store = app.authz_store();
    let code = store.new_code(&json!({"sub": "alice", "cid": "web", "irt": true, "atl": 60})).await;
    let fields = [("code", code.as_str()), ("client_id", "web")];
    let tokens = store.exchange(&fields).await.status(200).json();
    for _ in 0..3 {
        app.advance(7 * 86_400);
        app.tidy().await;
    }
    let refresh = tokens["refresh_token"].as_str().unwrap();
    store.assert_live("refresh_token", refresh, true).await;
    store.exchange(&fields).await.error(404, "invalid_code");
    store.assert_live("refresh_token", refresh, false).await;
    // Once that is purged, the code may be forgotten too.
    for _ in 0..2 {
        app.advance(2 * 86_400);
        app.tidy().await;
    }
    assert_eq!(app.rows_with("authorization_code", "web").await, 0);
    assert_eq!(app.rows_with("authorization_grant", "web").await, 0);
    assert_eq!(app.rows_with("refresh_token", "web").await, 0);
    assert_eq!(app.rows_with("revocation", "web").await, 0, "nothing obeys it any more");
}

async fn a_grant_lives_as_long_as_its_refresh_token(app: &TestApp) {
    let iam = Iam::new(app).await;
    let store = app.authz_store();
    let mut body = json!({"sub": "alice", "cid": "web", "lng": true, "irt": true, "rtl": 1000, "atl": 60});
    let tokens = store.new_tokens(&body).await;
    app.advance(900);
    // The refresh token gets another thousand seconds.
    body["rtl"] = 1000.into();
    store.put(&body).await.status(204);
    app.advance(900);
    app.tidy().await;
    let refreshed = store.refresh(tokens["refresh_token"].as_str().unwrap()).await.status(200).json();
    store.assert_live("access_token", refreshed["access_token"].as_str().unwrap(), true).await;
    assert_eq!(iam.all("refresh-tokens", &[]).await.len(), 1);
}

/// The log's times are the database's own.
async fn old_changes_are_removed_from_their_log(app: &TestApp) {
    let store = app.authz_store();
    for subject in ["alice", "bob"] {
        store.revoke(&[("subject", subject)]).await.status(200);
    }
    let db = connect(app.database_url()).await;
    let count = async || {
        let sql = "SELECT COUNT(*) FROM change_log";
        let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap().unwrap();
        row.try_get_by_index::<i64>(0).unwrap()
    };
    app.tidy().await;
    assert!(count().await >= 2, "a replica that was silent for a minute reads what it missed");
    // On PostgreSQL, the oldest transaction that runs on the whole server keeps them.
    let begun = std::time::Instant::now();
    while count().await > 0 {
        assert!(begun.elapsed().as_secs() < 120, "{} are left", count().await);
        db.execute_unprepared("UPDATE change_log SET at = at - 3600").await.unwrap();
        app.tidy().await;
    }
    db.close().await.unwrap();
    let tokens = store.stored("alice", "web").await;
    store.assert_live("access_token", tokens["access_token"].as_str().unwrap(), true).await;
    store.revoke(&[("subject", "alice")]).await.status(200);
    store.assert_live("access_token", tokens["access_token"].as_str().unwrap(), false).await;
}

/// PostgreSQL takes a table that has just grown for the small one that it was, and plans accordingly. The upkeep has to get
/// through all the same: a statement has five seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_just_come_is_tidied_up_too() {
    let Some(app) = TestApp::postgres().await else { return };
    let store = app.authz_store();
    store.new_tokens(&json!({"sub": "transient-user", "cid": "web", "atl": 60, "irt": true, "rtl": 120})).await;
    store.new_code(&json!({"sub": "transient-user", "cid": "web"})).await;
    let db = connect(app.database_url()).await;
    let copy = |table: &str, changes: &str| {
        format!(
            "ALTER TABLE {table} SET (autovacuum_enabled = off); ANALYZE {table};
            INSERT INTO {table} SELECT (jsonb_populate_record(NULL::{table}, to_jsonb(t) || jsonb_build_object({changes}))).*
            FROM generate_series(1, 1600) AS n CROSS JOIN (SELECT * FROM {table} WHERE sub = 'transient-user' LIMIT 1) AS t;"
        )
    };
    let id = |of: &str| format!("'\\x' || md5('{of}' || n)");
    let (grant, chain, code) = (id("grant"), id("chain"), id("code"));
    let until = "CASE WHEN n % 2 = 0 THEN t.expires_at + 10000 ELSE t.expires_at END";
    for sql in [
        copy("access_token", "'number', t.number + n"),
        copy("authorization_grant", &format!("'id', {grant}, 'chain_id', {chain}")),
        copy(
            "refresh_token",
            &format!(
                "'id', {chain}, 'number', t.number + n, 'grant_id', {grant}, 'expires_at', {until}, 'deadline', {until}"
            ),
        ),
        copy("authorization_code", &format!("'id', {code}, 'grant_id', {grant}, 'state', n % 4 / 2")),
    ] {
        db.execute_unprepared(&sql).await.unwrap();
    }
    app.advance(121);
    app.tidy().await;
    for (table, left) in [
        ("access_token", 0),
        ("refresh_token", 800),
        ("authorization_grant", 800),
        // Half of the consumed ones have a grant that is left.
        ("authorization_code", 400),
    ] {
        let sql = format!("SELECT COUNT(*) FROM {table} WHERE sub = 'transient-user'");
        let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap().unwrap();
        assert_eq!(row.try_get_by_index::<i64>(0).unwrap(), left, "{table}");
    }
    db.close().await.unwrap();
}
