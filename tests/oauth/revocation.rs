//! `/token/revoke` (rows TR; seed 003).

use serde_json::json;

use super::caller::{bare, client, granted, refused, shop, text};
use crate::harness::{TestApp, both};

both!(
    a_token_takes_with_it_all_that_the_client_holds_for_the_user,
    a_retired_refresh_token_still_stands_for_its_grant,
    what_is_no_token_of_the_client_is_left_alone,
    a_request_must_hold_one_token,
    a_revoked_token_is_dead_on_the_other_replica,
);

async fn a_token_takes_with_it_all_that_the_client_holds_for_the_user(app: &TestApp) {
    let (store, shop) = (app.authz_store(), shop(app));
    for (kind, hint) in [
        ("access_token", None),
        ("access_token", Some("access_token")),
        ("refresh_token", Some("refresh_token")),
        ("refresh_token", Some("access_token")),
        ("refresh_token", Some("unknown")),
    ] {
        let stored = store.stored("alice", "65564eb0058d").await;
        let transient = store.new_tokens(&json!({"sub": "alice", "cid": "65564eb0058d"})).await;
        let opaque = store.new_tokens(&json!({"sub": "alice", "cid": "65564eb0058d", "ate": "IDENTIFIER"})).await;
        let others = [store.stored("bob", "65564eb0058d").await, store.stored("alice", "mobile-app").await];
        let mut fields = vec![("token", text(&stored, kind))];
        fields.extend(hint.map(|hint| ("token_type_hint", hint)));
        shop.post("/token/revoke", &fields).await.status(200).no_store().empty();
        for tokens in [&stored, &transient, &opaque] {
            shop.assert_active(text(tokens, "access_token"), false).await;
        }
        shop.assert_active(text(&stored, "refresh_token"), false).await;
        store.find(&[("subject", "alice"), ("client_id", "65564eb0058d")]).await.error(404, "authz_not_found");
        for tokens in &others {
            shop.assert_active(text(tokens, "access_token"), true).await;
        }
        // Once more: nothing to be found, and nothing said of it.
        shop.post("/token/revoke", &fields).await.status(200).empty();
    }
}

async fn a_retired_refresh_token_still_stands_for_its_grant(app: &TestApp) {
    let (store, shop) = (app.authz_store(), shop(app));
    for later in [0, 3_600] {
        let body = json!({"sub": "alice", "cid": "65564eb0058d", "lng": true, "irt": true, "rtr": true, "atl": 7_200});
        let first = store.new_tokens(&body).await;
        let retired = text(&first, "refresh_token");
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", retired)];
        let second = granted(&shop.token(&refresh).await);
        assert_ne!(second["refresh_token"], first["refresh_token"]);
        app.advance(later);
        // Another client's request changes nothing.
        bare(app, "acme", "/token/revoke", &[("client_id", "mobile-app"), ("token", retired)])
            .await
            .status(200)
            .empty();
        shop.assert_active(text(&second, "access_token"), true).await;
        shop.revoke(retired).await;
        for token in [&first["access_token"], &second["access_token"], &second["refresh_token"]] {
            shop.assert_active(token.as_str().unwrap(), false).await;
        }
        let fields = [("grant_type", "refresh_token"), ("refresh_token", text(&second, "refresh_token"))];
        shop.token(&fields).await.error(400, "invalid_grant");
        store.find(&[("subject", "alice"), ("client_id", "65564eb0058d")]).await.error(404, "authz_not_found");
    }
}

async fn what_is_no_token_of_the_client_is_left_alone(app: &TestApp) {
    let (store, shop) = (app.authz_store(), shop(app));
    let foreign = store.stored("alice", "mobile-app").await;
    let code = store.new_code(&json!({"sub": "alice", "cid": "65564eb0058d"})).await;
    let before = app.db_rows().await;
    for token in [text(&foreign, "access_token"), text(&foreign, "refresh_token"), &code, "x", "a.b.c"] {
        shop.revoke(token).await;
    }
    super::caller::other_shop(app).revoke(text(&foreign, "access_token")).await;
    assert_eq!(app.db_rows().await, before);
    shop.assert_active(text(&foreign, "access_token"), true).await;
    let public = [("client_id", "mobile-app"), ("token", text(&foreign, "refresh_token"))];
    bare(app, "acme", "/token/revoke", &public).await.status(200).empty();
    shop.assert_active(text(&foreign, "access_token"), false).await;
}

async fn a_request_must_hold_one_token(app: &TestApp) {
    let shop = shop(app);
    for fields in [&[][..], &[("token", "")], &[("token", "a"), ("token", "b")], &[("access_token", "a")]] {
        shop.post("/token/revoke", fields).await.error(400, "invalid_request");
    }
    let wrong = client(app, "acme", "65564eb0058d", "wrong");
    refused(&wrong.post("/token/revoke", &[("token", "x")]).await);
    app.request("GET", "/token/revoke?token=x").header("tenant-id", "acme").send().await.error(405, "invalid_request");
}

async fn a_revoked_token_is_dead_on_the_other_replica(app: &TestApp) {
    if !app.is_postgres() {
        return;
    }
    let replica = app.replica().await;
    let (here, there) = (shop(app), shop(&replica));
    for _ in 0..20 {
        let body = granted(&here.token(&[("grant_type", "client_credentials")]).await);
        let token = text(&body, "access_token");
        there.assert_active(token, true).await;
        here.revoke(token).await;
        there.assert_active(token, false).await;
    }
}
