//! The refresh token grant at `/token` (rows RF).

use serde_json::json;

use super::caller::{bare, granted, shop, text};
use crate::harness::{TestApp, both};

both!(a_refresh_may_narrow_and_never_widens, a_refresh_token_is_its_clients_alone, a_rotated_token_is_a_replay);

fn fields(token: &str) -> [(&str, &str); 2] {
    [("grant_type", "refresh_token"), ("refresh_token", token)]
}

async fn a_refresh_may_narrow_and_never_widens(app: &TestApp) {
    let (store, shop) = (app.authz_store(), shop(app));
    let body = json!({"sub": "alice", "cid": "65564eb0058d", "scp": ["app:read", "email"], "lng": true, "irt": true});
    let tokens = store.new_tokens(&body).await;
    let refresh = fields(text(&tokens, "refresh_token"));
    let before = app.db_rows().await;
    for scope in ["app:read app:write", "app:write", "x y\"z"] {
        shop.token(&[refresh[0], refresh[1], ("scope", scope)]).await.error(400, "invalid_scope");
    }
    assert_eq!(app.db_rows().await, before, "nothing was used");
    assert_eq!(granted(&shop.token(&[refresh[0], refresh[1], ("scope", "email")]).await)["scope"], "email");
    let whole = granted(&shop.token(&refresh).await);
    assert_eq!(whole["scope"], "app:read email");
    let empty = granted(&shop.token(&[refresh[0], refresh[1], ("scope", "")]).await);
    assert_eq!(empty["scope"], "app:read email", "an empty parameter is none");
    shop.assert_active(text(&tokens, "access_token"), true).await;
    shop.assert_active(text(&whole, "access_token"), true).await;
}

async fn a_refresh_token_is_its_clients_alone(app: &TestApp) {
    let (store, shop) = (app.authz_store(), shop(app));
    let tokens = store.stored("alice", "65564eb0058d").await;
    let refresh = fields(text(&tokens, "refresh_token"));
    let other = [refresh[0], refresh[1], ("client_id", "mobile-app")];
    bare(app, "acme", "/token", &other).await.error(400, "invalid_grant");
    super::caller::other_shop(app).token(&refresh).await.error(400, "invalid_grant");
    for wrong in ["x", "", "a.b.c"] {
        let code = if wrong.is_empty() { "invalid_request" } else { "invalid_grant" };
        shop.token(&fields(wrong)).await.error(400, code);
    }
    granted(&shop.token(&refresh).await);
    let access = text(&tokens, "access_token");
    shop.token(&fields(access)).await.error(400, "invalid_grant");
    store.revoke_quietly(&[("subject", "alice"), ("client_id", "65564eb0058d")]).await.status(204);
    shop.token(&refresh).await.error(400, "invalid_grant");
}

async fn a_rotated_token_is_a_replay(app: &TestApp) {
    let (store, shop) = (app.authz_store(), shop(app));
    let body =
        json!({"sub": "alice", "cid": "65564eb0058d", "scp": ["app:read"], "lng": true, "irt": true, "rtr": true});
    let first = text(&store.new_tokens(&body).await, "refresh_token").to_owned();
    let next = granted(&shop.token(&fields(&first)).await);
    let second = text(&next, "refresh_token").to_owned();
    assert_ne!(first, second);
    app.advance(9);
    assert_eq!(granted(&shop.token(&fields(&first)).await)["refresh_token"], second, "within the grace");
    let third = granted(&shop.token(&fields(&second)).await);
    shop.token(&fields(&first)).await.error(400, "invalid_grant");
    shop.token(&fields(text(&third, "refresh_token"))).await.error(400, "invalid_grant");
    shop.assert_active(text(&third, "access_token"), false).await;
}
