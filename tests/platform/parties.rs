//! Clients and users of a tenant.

use serde_json::json;

use crate::harness::request::form;
use crate::harness::{TestApp, both};

both!(
    a_client_is_made_changed_and_deleted,
    a_secret_stays_until_another_is_given,
    a_disabled_client_is_dead_until_it_is_enabled,
    a_deleted_client_takes_its_tokens_along,
    a_user_is_made_changed_and_deleted,
    a_disabled_user_is_dead_until_enabled,
    names_in_paths_are_decoded_once,
    another_tenants_parties_are_unknown,
);

const SECRET: &str = "a-secret-of-a-client-0123456789";

async fn client_token(app: &TestApp, secret: &str) -> u16 {
    let fields = [("grant_type", "client_credentials"), ("client_id", "robot"), ("client_secret", secret)];
    let request = app.request("POST", "/token").header("tenant-id", "acme");
    request.body(crate::harness::request::FORM, form(&fields)).send().await.code()
}

fn robot() -> serde_json::Value {
    json!({
        "client_secret": SECRET, "auth_method": "client_secret_post", "grant_types": ["client_credentials"],
        "scope": "read write", "name": "Robot", "developer": "dev1",
    })
}

async fn a_client_is_made_changed_and_deleted(app: &TestApp) {
    let made = app.platform().send("PUT", "/acme/clients/robot", &robot()).await.status(201).json();
    assert_eq!((&made["client_id"], &made["scope"]), (&json!("robot"), &json!("read write")));
    assert!(made.get("client_secret").is_none());
    assert_eq!(app.platform().call("GET", "/acme/clients/robot").await.status(200).json(), made);
    assert_eq!(app.platform().send("PUT", "/acme/clients/robot", &made).await.status(200).json(), made);
    assert_eq!(client_token(app, SECRET).await, 200);
    for bad in [
        json!({"client_id": "other"}),
        json!({"auth_method": "private_key_jwt"}),
        json!({"auth_method": "magic"}),
        json!({"auth_method": "none", "client_secret": SECRET}),
        json!({"colour": 1}),
        json!({"alias": "123"}),
    ] {
        app.platform().send("PUT", "/acme/clients/robot", &bad).await.error(400, "invalid_request");
    }
    app.platform().call("DELETE", "/acme/clients/robot").await.status(204).empty();
    app.platform().call("DELETE", "/acme/clients/robot").await.error(404, "client_not_found");
    app.platform().call("GET", "/acme/clients/robot").await.error(404, "client_not_found");
    assert_eq!(client_token(app, SECRET).await, 401);
}

async fn a_secret_stays_until_another_is_given(app: &TestApp) {
    let without = json!({"auth_method": "client_secret_post"});
    app.platform().send("PUT", "/acme/clients/robot", &without).await.error(400, "invalid_request");
    app.platform().send("PUT", "/acme/clients/robot", &robot()).await.status(201);
    let mut body = robot();
    body.as_object_mut().unwrap().remove("client_secret");
    app.platform().send("PUT", "/acme/clients/robot", &body).await.status(200);
    assert_eq!(client_token(app, SECRET).await, 200);
    body["client_secret"] = json!("another-secret-of-a-client-0123");
    app.platform().send("PUT", "/acme/clients/robot", &body).await.status(200);
    assert_eq!(client_token(app, "another-secret-of-a-client-0123").await, 200);
    assert_eq!(client_token(app, SECRET).await, 200, "a replaced secret lives half an hour more");
    app.advance(30 * 60);
    assert_eq!(client_token(app, SECRET).await, 401);
}

async fn a_disabled_client_is_dead_until_it_is_enabled(app: &TestApp) {
    app.platform().send("PUT", "/acme/clients/robot", &robot()).await.status(201);
    let tokens = app.authz_store().stored("alice", "robot").await;
    let token = tokens["access_token"].as_str().unwrap();
    for (enabled, code) in [(false, 401), (true, 200)] {
        let mut body = robot();
        body["enabled"] = json!(enabled);
        app.platform().send("PUT", "/acme/clients/robot", &body).await.status(200);
        assert_eq!(client_token(app, SECRET).await, code);
        app.authz_store().assert_live("access_token", token, enabled).await;
    }
}

async fn a_deleted_client_takes_its_tokens_along(app: &TestApp) {
    app.platform().send("PUT", "/acme/clients/robot", &robot()).await.status(201);
    let tokens = app.authz_store().stored("alice", "robot").await;
    app.platform().call("DELETE", "/acme/clients/robot").await.status(204);
    app.platform().send("PUT", "/acme/clients/robot", &robot()).await.status(201);
    for kind in ["access_token", "refresh_token"] {
        app.authz_store().assert_live(kind, tokens[kind].as_str().unwrap(), false).await;
    }
}

async fn a_user_is_made_changed_and_deleted(app: &TestApp) {
    let made =
        app.platform().send("PUT", "/acme/users/carol", &json!({"password": "correct horse", "sub": "s-carol"})).await;
    let made = made.status(201).json();
    assert_eq!((&made["sub"], &made["admin"], &made["enabled"]), (&json!("s-carol"), &json!(false), &json!(true)));
    assert!(made.get("password").is_none());
    assert_eq!(app.platform().send("PUT", "/acme/users/carol", &made).await.status(200).json(), made);
    let twin = json!({"password": "correct horse", "sub": "s-carol"});
    app.platform().send("PUT", "/acme/users/dora", &twin).await.error(409, "conflict");
    app.platform().send("PUT", "/acme/users/carol", &json!({"password": ""})).await.error(400, "invalid_request");
    let tokens = app.authz_store().stored("s-carol", "c1").await;
    app.platform().call("DELETE", "/acme/users/carol").await.status(204);
    app.platform().call("GET", "/acme/users/carol").await.error(404, "user_not_found");
    app.platform().call("DELETE", "/acme/users/carol").await.error(404, "user_not_found");
    app.authz_store().assert_live("access_token", tokens["access_token"].as_str().unwrap(), false).await;
}

async fn a_disabled_user_is_dead_until_enabled(app: &TestApp) {
    let tokens = app.authz_store().stored("carol", "c1").await;
    for enabled in [false, true] {
        app.platform()
            .send("PUT", "/acme/users/carol", &json!({"password": "correct horse", "enabled": enabled}))
            .await;
        app.authz_store().assert_live("refresh_token", tokens["refresh_token"].as_str().unwrap(), enabled).await;
    }
}

async fn names_in_paths_are_decoded_once(app: &TestApp) {
    for (path, name) in [("a%2Fb", "a/b"), ("a%20b", "a b"), ("%C3%A9", "é"), ("100%25", "100%")] {
        let made =
            app.platform().send("PUT", &format!("/acme/users/{path}"), &json!({"password": "correct horse"})).await;
        assert_eq!(made.status(201).json()["username"], name);
        app.platform().call("GET", &format!("/acme/users/{path}")).await.status(200);
    }
    for bad in ["%ff", "%zz", "%00"] {
        let answer =
            app.platform().send("PUT", &format!("/acme/users/{bad}"), &json!({"password": "correct horse"})).await;
        answer.error(400, "invalid_request");
    }
}

async fn another_tenants_parties_are_unknown(app: &TestApp) {
    app.platform().send("PUT", "/acme/clients/robot", &robot()).await.status(201);
    app.platform().send("PUT", "/acme/users/carol", &json!({"password": "correct horse"})).await.status(201);
    for (path, code) in [("clients/robot", "client_not_found"), ("users/carol", "user_not_found")] {
        for method in ["GET", "DELETE"] {
            app.platform().call(method, &format!("/globex/{path}")).await.error(404, code);
        }
        app.platform().call("GET", &format!("/nobody/{path}")).await.error(404, "tenant_not_found");
    }
}
