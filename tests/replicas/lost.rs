//! A write that waited for another one undoes nothing of it: what was acknowledged first stands, on another replica too.

use serde_json::{Value, json};

use super::holds::Held;
use super::replicas;
use crate::harness::{Answer, TestApp, jwt};
use crate::oauth::caller::{client, granted, refused, register, shop, text};

/// A client that registered itself at acme.
struct Own {
    id: String,
    secret: String,
    token: String,
}

impl Own {
    async fn register(app: &TestApp) -> Self {
        let made = register(app, "acme", &metadata()).await;
        let [id, secret, token] =
            ["client_id", "client_secret", "registration_access_token"].map(|member| text(&made, member).to_owned());
        Self { id, secret, token }
    }

    async fn held(&self, app: &TestApp) -> Held {
        Held::rows(app, "client", &format!("client_id = '{}'", self.id)).await
    }

    /// The client's own update, which replaces its secret.
    async fn update(&self, app: &TestApp) -> Answer {
        let mut body = metadata();
        body["client_id"] = json!(self.id);
        body["client_name"] = json!("Shop, renamed by itself");
        let request = app.request("PUT", &format!("/clients/{}", self.id)).header("tenant-id", "acme");
        request.bearer(&self.token).json(&body).send().await
    }

    async fn delete(&self, app: &TestApp) -> Answer {
        let request = app.request("DELETE", &format!("/clients/{}", self.id)).header("tenant-id", "acme");
        request.bearer(&self.token).send().await
    }

    /// An operator's call.
    async fn operate(&self, app: &TestApp, method: &str, body: Option<&Value>) -> Answer {
        let path = format!("/acme/clients/{}", self.id);
        match body {
            Some(body) => app.platform().send(method, &path, body).await,
            None => app.platform().call(method, &path).await,
        }
    }

    /// What an operator reads, and may write back with a change.
    async fn shown(&self, app: &TestApp) -> Value {
        self.operate(app, "GET", None).await.status(200).json()
    }

    async fn sign_in(&self, app: &TestApp, secret: &str) -> Answer {
        client(app, "acme", &self.id, secret).token(&[("grant_type", "client_credentials")]).await
    }
}

fn metadata() -> Value {
    json!({"client_name": "Shop", "scope": "app:read", "grant_types": ["client_credentials"]})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_disabled_stays_so_whatever_it_sends() {
    let Some(apps) = replicas(2).await else { return };
    let own = Own::register(&apps[0]).await;
    let held_token = text(&granted(&own.sign_in(&apps[1], &own.secret).await), "access_token").to_owned();
    let mut disabled = own.shown(&apps[0]).await;
    disabled["enabled"] = json!(false);
    let disable = own.operate(&apps[0], "PUT", Some(&disabled));
    let (first, second) = own.held(&apps[0]).await.race(disable, own.update(&apps[1])).await;
    first.status(200);
    second.error(401, "invalid_token");
    for app in &apps {
        assert_eq!(own.shown(app).await, disabled, "nothing of it was changed");
        app.authz_store().assert_live("access_token", &held_token, false).await;
        refused(&own.sign_in(app, &own.secret).await);
    }
    // Nor does its end by its own hand lift the suspension.
    let (first, second) = {
        let mut enabled = disabled.clone();
        enabled["enabled"] = json!(true);
        own.operate(&apps[0], "PUT", Some(&enabled)).await.status(200);
        let disable = own.operate(&apps[0], "PUT", Some(&disabled));
        own.held(&apps[0]).await.race(disable, own.delete(&apps[1])).await
    };
    first.status(200);
    second.error(401, "invalid_token");
    assert_eq!(own.shown(&apps[1]).await, disabled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_deleted_does_not_write_itself_again() {
    let Some(apps) = replicas(2).await else { return };
    let own = Own::register(&apps[0]).await;
    let delete = own.operate(&apps[0], "DELETE", None);
    let (first, second) = own.held(&apps[0]).await.race(delete, own.update(&apps[1])).await;
    first.status(204);
    second.error(401, "invalid_token");
    for app in &apps {
        own.operate(app, "GET", None).await.error(404, "client_not_found");
        refused(&own.sign_in(app, &own.secret).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_operator_settled_of_a_client_is_left_alone_by_its_own_update() {
    let Some(apps) = replicas(2).await else { return };
    let own = Own::register(&apps[0]).await;
    let mut settled = own.shown(&apps[0]).await;
    settled["developer"] = json!("dev1");
    settled["origins"] = json!(["https://shop.example.com"]);
    settled["introspection"] = json!(true);
    let settle = own.operate(&apps[0], "PUT", Some(&settled));
    let (first, second) = own.held(&apps[0]).await.race(settle, own.update(&apps[1])).await;
    first.status(200);
    second.status(200);
    let shown = own.shown(&apps[0]).await;
    for member in ["developer", "origins", "introspection"] {
        assert_eq!(shown[member], settled[member], "{member}");
    }
    assert_eq!(shown["name"], "Shop, renamed by itself");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_a_client_replaced_is_not_brought_back_by_an_operator() {
    let Some(apps) = replicas(2).await else { return };
    let own = Own::register(&apps[0]).await;
    let mut developed = own.shown(&apps[0]).await;
    developed["developer"] = json!("dev1");
    let develop = own.operate(&apps[1], "PUT", Some(&developed));
    let (first, second) = own.held(&apps[0]).await.race(own.update(&apps[0]), develop).await;
    let secret = text(&first.status(200).json(), "client_secret").to_owned();
    second.status(200);
    granted(&own.sign_in(&apps[1], &secret).await);
    apps[0].advance(30 * 60);
    granted(&own.sign_in(&apps[0], &secret).await);
    refused(&own.sign_in(&apps[1], &own.secret).await);
    // A secret that an operator names is in force, though it was so when the request came, and then another was.
    let mut named = developed.clone();
    named["client_secret"] = json!(secret);
    let name = own.operate(&apps[1], "PUT", Some(&named));
    let (first, second) = own.held(&apps[0]).await.race(own.update(&apps[0]), name).await;
    first.status(200);
    second.status(200);
    apps[0].advance(30 * 60);
    granted(&own.sign_in(&apps[0], &secret).await);
    refused(&own.sign_in(&apps[1], text(&first.json(), "client_secret")).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_was_replaced_is_not_brought_back() {
    let Some(apps) = replicas(2).await else { return };
    let put = async |app: &TestApp, body: Value| app.platform().send("PUT", "/acme/users/carol", &body).await;
    let sign_in = async |app: &TestApp, password: &str| {
        let fields = [("grant_type", "password"), ("username", "carol"), ("password", password)];
        shop(app).token(&fields).await
    };
    put(&apps[0], json!({"password": "the leaked one"})).await.status(201);
    let held = Held::rows(&apps[0], "end_user", "username = 'carol'").await;
    let replace = put(&apps[0], json!({"password": "the new one"}));
    let (first, second) = held.race(replace, put(&apps[1], json!({"sub": "s-carol"}))).await;
    first.status(200);
    second.status(200);
    sign_in(&apps[1], "the leaked one").await.error(400, "invalid_grant");
    granted(&sign_in(&apps[0], "the new one").await);
    // A user that is deleted meanwhile is made anew, and has nothing of the one before.
    let held = Held::rows(&apps[0], "end_user", "username = 'carol'").await;
    let platform = apps[0].platform();
    let delete = platform.call("DELETE", "/acme/users/carol");
    let (first, second) = held.race(delete, put(&apps[1], json!({"sub": "s-carol"}))).await;
    first.status(204);
    second.status(201);
    sign_in(&apps[0], "the new one").await.error(400, "invalid_grant");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_an_emergency_destroyed_stays_so() {
    let Some(apps) = replicas(2).await else { return };
    let store = apps[0].authz_store();
    let stolen = store.new_tokens(&json!({"sub": "alice", "cid": "c1", "atl": 6000, "ate": "SELF_CONTAINED"})).await;
    let stolen = text(&stolen, "access_token");
    let kid = jwt::unverified(stolen).header["kid"].as_str().unwrap().to_owned();
    apps[0].platform().call("POST", "/acme/keys/rotate").await.status(200);
    let held = Held::rows(&apps[0], "signing_key", &format!("kid = '{kid}'")).await;
    let (platform, path) = (apps[0].platform(), format!("/acme/keys/rotate?emergency=true&kid={kid}"));
    let upkeep = async {
        held.waiters(1).await;
        // The key stops signing, and the upkeep of the other replica works out how long it verifies.
        apps[0].advance(600);
        tokio::join!(apps[1].look_after_tenants(), async {
            held.waiters(2).await;
            held.release().await;
        });
    };
    let (destroyed, ()) = tokio::join!(platform.call("POST", &path), upkeep);
    destroyed.status(200);
    for app in &apps {
        app.look_after_tenants().await;
        let keys = app.platform().call("GET", "/acme/keys").await.status(200).text();
        assert!(!keys.contains(&kid), "{keys}");
        let set = app.request("GET", "/jwks.json").header("tenant-id", "acme").send().await.status(200).text();
        assert!(!set.contains(&kid), "{set}");
        app.authz_store().assert_live("access_token", stolen, false).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_counts_though_the_record_is_updated_meanwhile() {
    let Some(apps) = replicas(2).await else { return };
    let stores = [apps[0].authz_store().as_tenant("limits"), apps[1].authz_store().as_tenant("limits")];
    let update = |idle: i64| json!({"sub": "alice", "cid": "c1", "scp": ["read"], "irt": true, "rtm": idle});
    let tokens = stores[0].stored("alice", "c1").await;
    let refresh = text(&tokens, "refresh_token");
    // The update waits for the refresh: the idle time of 300 s counts from the refresh on.
    apps[0].advance(200);
    let held = Held::rows(&apps[0], "refresh_token", "sub = 'alice'").await;
    let (first, second) = held.race(stores[0].refresh(refresh), stores[1].put(&update(300))).await;
    first.status(200);
    second.status(204);
    apps[0].advance(200);
    apps[0].tidy().await;
    stores[1].refresh(refresh).await.status(200);
    // The refresh waits for the update: its idle time is the update's.
    apps[0].advance(100);
    let held = Held::rows(&apps[0], "refresh_token", "sub = 'alice'").await;
    let (first, second) = held.race(stores[1].put(&update(500)), stores[0].refresh(refresh)).await;
    first.status(204);
    second.status(200);
    apps[0].advance(400);
    apps[0].tidy().await;
    stores[1].refresh(refresh).await.status(200);
}

/// A tenant's settings with another lifetime, as an operator writes back what he reads; with a token of the hook, or without.
async fn hooked(app: &TestApp, lifetime: i64, token: Option<&str>) -> Answer {
    let mut body = app.platform().call("GET", "/hooked").await.status(200).json();
    body["access_token"]["lifetime"] = json!(lifetime);
    if let Some(token) = token {
        body["password_hook"]["token"] = json!(token);
    }
    app.platform().send("PUT", "/hooked", &body).await
}

/// What an absent member keeps is what the change before has left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_of_a_tenant_that_was_just_replaced_is_not_brought_back() {
    let Some(apps) = replicas(2).await else { return };
    hooked(&apps[0], 600, Some("an-old-token-of-the-hook")).await.status(200);
    let held = Held::rows(&apps[0], "tenant", "tid = 'hooked'").await;
    let right = hooked(&apps[0], 700, Some("hook-token-0123456789"));
    let (first, second) = held.race(right, hooked(&apps[1], 800, None)).await;
    first.status(200);
    assert_eq!(second.status(200).json()["access_token"]["lifetime"], 800);
    for app in &apps {
        let caller = client(app, "hooked", "shop", "hooked-shop-secret-0123456789abcde");
        let token = caller.token(&[("grant_type", "password"), ("username", "echo"), ("password", "x")]).await;
        assert_eq!(granted(&token)["expires_in"], 800);
    }
}
