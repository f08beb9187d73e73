//! Who may call: a bearer token with `ROLE_ADMIN`, judged at each use.

use serde_json::json;

use super::Iam;
use super::caller::MOUNTS;
use crate::harness::{TestApp, both};

both!(
    without_a_good_token_there_is_nothing,
    the_role_is_judged_at_each_use,
    reading_and_deleting_are_two_scopes,
    what_is_forbidden_is_so_before_it_is_looked_for,
    a_client_that_an_operator_gave_the_scope_may_too,
);

const RESOURCES: [&str; 4] = ["access-tokens", "refresh-tokens", "access-tokens/1", "refresh-tokens/1"];

async fn without_a_good_token_there_is_nothing(app: &TestApp) {
    let iam = Iam::new(app).await;
    for mount in MOUNTS {
        for resource in RESOURCES {
            let none = iam.at(mount).with_token(None).get(resource).await;
            none.error(401, "unauthorized");
            assert!(none.header("www-authenticate").starts_with("Bearer"), "{none}");
            let invented = iam.at(mount).with_token(Some("invented")).get(resource).await;
            invented.error(401, "invalid_token");
            assert!(invented.header("www-authenticate").starts_with("Bearer"), "{invented}");
            // Another tenant's administrator is as unknown as an invention.
            let foreign = iam.at(mount).of_tenant("globex").get(resource).await;
            assert_eq!(foreign.fingerprint(), invented.fingerprint());
        }
    }
    iam.request("GET", &format!("access-tokens?access_token={}", iam.token())).send().await.status(200);
    let in_query = iam.with_token(None).get(&format!("access-tokens?access_token={}", iam.token())).await;
    in_query.error(401, "unauthorized");
}

async fn the_role_is_judged_at_each_use(app: &TestApp) {
    for (sub, scope) in
        [("alice", "iam:admin.read"), ("nobody", "iam:admin.read"), ("admin", "openid"), ("admin", "iam:admin")]
    {
        let body = json!({"sub": sub, "cid": "65564eb0058d", "scp": [scope]});
        let tokens = app.authz_store().new_tokens(&body).await;
        let iam = Iam::new(app).await.with_token(tokens["access_token"].as_str());
        iam.get("access-tokens").await.error(403, "access_denied");
    }
}

async fn reading_and_deleting_are_two_scopes(app: &TestApp) {
    let reader = Iam::with_scope(app, "iam:admin.read").await;
    reader.get("access-tokens").await.status(200);
    reader.delete("access-tokens/1").await.error(403, "access_denied");
    let writer = Iam::with_scope(app, "iam:admin.write").await;
    writer.get("access-tokens").await.error(403, "access_denied");
    writer.delete("access-tokens/1").await.status(404);
}

async fn what_is_forbidden_is_so_before_it_is_looked_for(app: &TestApp) {
    let reader = Iam::with_scope(app, "iam:admin.read").await;
    reader.delete("refresh-tokens/1").await.error(403, "access_denied");
    reader.delete("refresh-tokens/x").await.error(403, "access_denied");
    reader.get("access-tokens/1").await.status(404);
    reader.get("access-tokens/x").await.error(400, "invalid_request");
    reader.get("access-tokens/99999999999999999999").await.status(404);
}

async fn a_client_that_an_operator_gave_the_scope_may_too(app: &TestApp) {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "post-client"),
        ("client_secret", "post-client-secret-0123456789abcd"),
    ];
    let request = app.request("POST", "/token").header("tenant-id", "acme").form(&form);
    let token = request.send().await.status(200).json();
    let iam = Iam::new(app).await.with_token(token["access_token"].as_str());
    let page = iam.page("access-tokens", &[("clientId", "post-client")]).await;
    assert_eq!(page["totalResults"], 1);
    assert!(page["resources"][0].get("user").is_none(), "nobody stands behind it: {page}");
    assert_eq!(iam.page("access-tokens", &[("userId", "post-client")]).await["totalResults"], 0);
}
