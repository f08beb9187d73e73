//! A signing key that was taken out at once takes its JWTs off the lists.

use serde_json::{Value, json};

use super::Iam;
use super::caller::ids;
use crate::harness::{TestApp, both, jwt};

both!(what_a_dropped_key_signed_is_not_listed, a_key_that_is_named_takes_only_its_own);

async fn issue(app: &TestApp, subject: &str, encoding: &str) -> Value {
    let body = json!({"sub": subject, "cid": "65564eb0058d", "atl": 6000, "irt": true, "ate": encoding});
    app.authz_store().new_tokens(&body).await
}

fn kid(tokens: &Value) -> String {
    jwt::unverified(tokens["access_token"].as_str().unwrap()).header["kid"].as_str().unwrap().to_owned()
}

async fn drop_key(app: &TestApp, query: &str) {
    app.platform().call("POST", &format!("/acme/keys/rotate?emergency=true{query}")).await.status(200);
}

fn values(tokens: &[Value]) -> Vec<&str> {
    let mut values: Vec<_> = tokens.iter().map(|token| token["value"].as_str().unwrap()).collect();
    values.sort_unstable();
    values
}

async fn what_a_dropped_key_signed_is_not_listed(app: &TestApp) {
    let stolen = issue(app, "alice", "SELF_CONTAINED").await;
    let opaque = issue(app, "alice", "IDENTIFIER").await;
    let before = Iam::new(app).await;
    let id = before.id_of("access-tokens", stolen["access_token"].as_str().unwrap()).await;
    drop_key(app, "").await;
    let iam = Iam::new(app).await;
    let fresh = issue(app, "alice", "SELF_CONTAINED").await;
    let mut left = [&opaque, &fresh].map(|tokens| tokens["access_token"].as_str().unwrap());
    left.sort_unstable();
    for tidied in [false, true] {
        if tidied {
            app.advance(60);
            app.tidy().await;
        }
        let listed = iam.all("access-tokens", &[("userId", "alice")]).await;
        assert_eq!(values(&listed), left, "tidied: {tidied}");
        let counted = iam.page("access-tokens", &[("userId", "alice"), ("count", "0")]).await;
        assert_eq!(counted["totalResults"], 2, "tidied: {tidied}");
        iam.get(&format!("access-tokens/{id}")).await.status(404);
        assert_eq!(iam.all("refresh-tokens", &[("userId", "alice")]).await.len(), 3, "refresh tokens live on");
    }
    iam.delete(&format!("access-tokens/{id}")).await.status(404);
    for tokens in [&stolen, &opaque, &fresh] {
        let refresh = tokens["refresh_token"].as_str().unwrap();
        app.authz_store().refresh(refresh).await.status(200);
    }
    assert_eq!(iam.all("access-tokens", &[("userId", "alice")]).await.len(), 5);
}

async fn a_key_that_is_named_takes_only_its_own(app: &TestApp) {
    let iam_before = Iam::new(app).await;
    let old = issue(app, "alice", "SELF_CONTAINED").await;
    app.platform().call("POST", "/acme/keys/rotate").await.status(200);
    app.advance(600);
    let iam = Iam::new(app).await;
    let new = issue(app, "alice", "SELF_CONTAINED").await;
    assert_ne!(kid(&old), kid(&new));
    assert_eq!(ids(&iam_before.all("access-tokens", &[]).await).len(), 2);
    drop_key(app, &format!("&kid={}", kid(&old))).await;
    assert_eq!(values(&iam.all("access-tokens", &[]).await), [new["access_token"].as_str().unwrap()]);
    iam_before.get("access-tokens").await.status(401);
}
