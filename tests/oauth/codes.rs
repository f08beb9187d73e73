//! The authorisation code grant at `/token` (rows CG).

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::caller::{Caller, bare, granted, refused, shop, text};
use crate::harness::jwt::{shaped, verified};
use crate::harness::{Answer, TestApp, both};

both!(
    a_code_works_once_and_its_replay_kills_what_came_from_it,
    a_wrong_request_burns_the_code_and_kills_nothing_else,
    of_many_that_race_one_wins,
    a_code_lives_a_minute,
    the_verifier_of_rfc_7636_works_for_a_public_client,
    an_id_token_is_minted_or_passed_through,
    a_code_dies_with_its_authorisation,
);

const REDIRECT: &str = "https://client.example.com/in";

fn body() -> Value {
    json!({"sub": "alice", "cid": "65564eb0058d", "scp": ["app:read"], "lng": true, "irt": true, "rur": REDIRECT})
}

async fn exchange(client: &Caller<'_>, code: &str) -> Answer {
    client.token(&[("grant_type", "authorization_code"), ("code", code), ("redirect_uri", REDIRECT)]).await
}

async fn a_code_works_once_and_its_replay_kills_what_came_from_it(app: &TestApp) {
    let (store, shop) = (app.authz_store(), shop(app));
    let earlier = store.new_tokens(&json!({"sub": "alice", "cid": "65564eb0058d", "scp": ["app:read"]})).await;
    let code = store.new_code(&body()).await;
    let tokens = granted(&exchange(&shop, &code).await);
    assert_eq!(tokens["scope"], "app:read");
    shop.assert_active(text(&tokens, "access_token"), true).await;
    let said = exchange(&shop, &code).await.error(400, "invalid_grant");
    assert_eq!(said, "Bad request: Invalid or expired authorization code");
    shop.assert_active(text(&tokens, "access_token"), false).await;
    shop.assert_active(text(&tokens, "refresh_token"), false).await;
    shop.assert_active(text(&earlier, "access_token"), true).await;
}

async fn a_wrong_request_burns_the_code_and_kills_nothing_else(app: &TestApp) {
    let (store, shop) = (app.authz_store(), shop(app));
    let wrong: [&[(&str, &str)]; 3] = [
        &[],
        &[("redirect_uri", "https://client.example.com/in/")],
        &[("redirect_uri", REDIRECT), ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")],
    ];
    for fields in wrong {
        let code = store.new_code(&body()).await;
        let request = [&[("grant_type", "authorization_code"), ("code", code.as_str())], fields].concat();
        shop.token(&request).await.error(400, "invalid_grant");
        exchange(&shop, &code).await.error(400, "invalid_grant");
    }
    // Before the client is authenticated, and under another tenant, the code is untouched.
    let code = store.new_code(&body()).await;
    let before = app.db_rows().await;
    let fields = [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", REDIRECT)];
    refused(&bare(app, "acme", "/token", &fields).await);
    exchange(&super::caller::other_shop(app), &code).await.error(400, "invalid_grant");
    assert_eq!(app.db_rows().await, before);
    let tokens = granted(&exchange(&shop, &code).await);
    // A replay that is wrong in anything changes nothing.
    shop.token(&[fields[0], fields[1]]).await.error(400, "invalid_grant");
    bare(app, "acme", "/token", &[&fields[..], &[("client_id", "mobile-app")]].concat())
        .await
        .error(400, "invalid_grant");
    shop.assert_active(text(&tokens, "access_token"), true).await;
}

async fn of_many_that_race_one_wins(app: &TestApp) {
    let shop = shop(app);
    let code = app.authz_store().new_code(&body()).await;
    let answers = join_all((0..16).map(|_| exchange(&shop, &code))).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.code() == 200);
    assert_eq!(won.len(), 1);
    for answer in lost {
        answer.error(400, "invalid_grant");
    }
    shop.assert_active(text(&won[0].json(), "access_token"), false).await;
}

async fn a_code_lives_a_minute(app: &TestApp) {
    let (store, shop) = (app.authz_store(), shop(app));
    let [young, old] = [store.new_code(&body()).await, store.new_code(&body()).await];
    app.advance(59);
    granted(&exchange(&shop, &young).await);
    app.advance(1);
    exchange(&shop, &old).await.error(400, "invalid_grant");
}

async fn the_verifier_of_rfc_7636_works_for_a_public_client(app: &TestApp) {
    let store = app.authz_store();
    let mut body = json!({"sub": "alice", "cid": "mobile-app", "scp": ["openid"], "rur": "com.example.app://auth",
        "cch": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "ccm": "S256"});
    let code = store.new_code(&body).await;
    let fields = |code| {
        [
            ("grant_type", "authorization_code"),
            ("client_id", "mobile-app"),
            ("redirect_uri", "com.example.app://auth"),
            ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            ("code", code),
        ]
    };
    granted(&bare(app, "acme", "/token", &fields(&code)).await);
    // Without PKCE a public client gets nothing.
    body.as_object_mut().unwrap().retain(|name, _| name != "cch" && name != "ccm");
    let code = store.new_code(&body).await;
    let plain: Vec<_> = fields(&code).into_iter().filter(|(name, _)| *name != "code_verifier").collect();
    bare(app, "acme", "/token", &plain).await.error(400, "invalid_grant");
}

async fn an_id_token_is_minted_or_passed_through(app: &TestApp) {
    let (store, shop) = (app.authz_store(), shop(app));
    let mut body = body();
    assert!(granted(&exchange(&shop, &store.new_code(&body).await).await).get("id_token").is_none());
    body["scp"] = json!(["openid"]);
    let tokens = granted(&exchange(&shop, &store.new_code(&body).await).await);
    let jwt = verified(app, "acme", text(&tokens, "id_token")).await;
    let expected = json!({"iss": "https://acme.example.com", "sub": "alice", "aud": "65564eb0058d",
        "iat": app.now(), "exp": app.now() + 600});
    assert_eq!(jwt.claims, expected);
    let given = shaped(&json!({"sub": "alice", "auth_time": 5}));
    body["idt"] = json!(given);
    let tokens = granted(&exchange(&shop, &store.new_code(&body).await).await);
    assert_eq!(tokens["id_token"], given);
}

async fn a_code_dies_with_its_authorisation(app: &TestApp) {
    let (store, shop) = (app.authz_store(), shop(app));
    let code = store.new_code(&body()).await;
    store.revoke_quietly(&[("subject", "alice")]).await.status(204);
    exchange(&shop, &code).await.error(400, "invalid_grant");
    let gone = json!({"sub": "gone", "cid": "shop", "scp": ["app:read"]});
    let tokens = store.as_tenant("federated").new_tokens(&gone).await;
    let client = super::caller::client(app, "federated", "shop", "federated-shop-secret-0123456789ab");
    client.assert_active(text(&tokens, "access_token"), false).await;
}
