//! `/token` and the authorisation store are two doors to one thing: what one makes, the other redeems, refreshes and revokes.

use serde_json::json;

use super::caller::{granted, shop, text};
use crate::harness::{TestApp, both};

both!(what_one_makes_the_other_takes, what_one_revokes_is_dead_in_the_other);

async fn what_one_makes_the_other_takes(app: &TestApp) {
    let (store, shop) = (app.authz_store(), shop(app));
    let body = json!({"sub": "alice", "cid": "65564eb0058d", "scp": ["app:read"], "lng": true, "irt": true});
    let code = store.new_code(&body).await;
    let here = granted(&shop.token(&[("grant_type", "authorization_code"), ("code", &code)]).await);
    store.assert_live("access_token", text(&here, "access_token"), true).await;
    let refresh = text(&here, "refresh_token");
    assert_eq!(store.record("alice", "65564eb0058d").await["rft"], refresh);
    let there = store.refresh(refresh).await.status(200).json();
    assert_eq!(there["token_type"], "Bearer");
    shop.assert_active(text(&there, "access_token"), true).await;
    store.exchange(&[("code", &code), ("client_id", "65564eb0058d")]).await.error(404, "invalid_code");
    // That was a replay, right in all else.
    store.assert_live("access_token", text(&here, "access_token"), false).await;
    let code = store.new_code(&body).await;
    store.exchange(&[("code", &code), ("client_id", "65564eb0058d")]).await.status(200);
    shop.token(&[("grant_type", "authorization_code"), ("code", &code)]).await.error(400, "invalid_grant");
}

async fn what_one_revokes_is_dead_in_the_other(app: &TestApp) {
    let (store, shop) = (app.authz_store(), shop(app));
    let stored = store.stored("alice", "65564eb0058d").await;
    shop.revoke(text(&stored, "refresh_token")).await;
    store.assert_live("access_token", text(&stored, "access_token"), false).await;
    store.assert_live("refresh_token", text(&stored, "refresh_token"), false).await;
    let sign_in = [("grant_type", "password"), ("username", "alice"), ("password", "secret-alice")];
    let transient = granted(&shop.token(&sign_in).await);
    store.assert_live("access_token", text(&transient, "access_token"), true).await;
    let pair = [("subject", "alice"), ("client_id", "65564eb0058d")];
    store.revoke_quietly(&pair).await.status(204);
    shop.assert_active(text(&transient, "access_token"), false).await;
    shop.assert_active(text(&transient, "refresh_token"), false).await;
    let own = granted(&shop.token(&[("grant_type", "client_credentials")]).await);
    store.revoke_quietly(&[("client_id", "65564eb0058d")]).await.status(204);
    shop.assert_active(text(&own, "access_token"), false).await;
}
