//! Making, listing, changing and disabling tenants.

use serde_json::{Value, json};

use crate::harness::{TestApp, both, both_restarting, tenants};

both!(
    a_new_tenant_serves_at_once_on_every_replica,
    an_id_is_a_dns_label,
    an_issuer_is_refused_where_it_could_be_taken_for_another,
    all_faults_are_told_together,
    one_of_many_makes_a_tenant,
    tenants_are_listed_in_the_order_of_their_ids,
    what_is_shown_can_be_put_back,
    a_put_replaces_settings_and_keeps_secrets,
    an_issuer_stays,
    a_disabled_tenant_is_refused_on_every_replica,
    nothing_secret_is_shown,
    keys_by_url_are_refused,
    a_large_body_is_refused,
    there_is_no_platform_under_a_tenant,
);
both_restarting!(what_was_changed_by_api_survives_a_restart);

async fn a_new_tenant_serves_at_once_on_every_replica(app: &TestApp) {
    let replica = app.is_postgres().then(|| app.replica());
    let replica = match replica {
        Some(replica) => Some(replica.await),
        None => None,
    };
    let servers = [Some(app), replica.as_ref()];
    for server in servers.iter().flatten() {
        let unknown = server.request("GET", "/jwks.json").header("tenant-id", "fresh").send().await;
        unknown.error(400, "invalid_request");
    }
    let body = json!({
        "id": "fresh", "issuer": "https://fresh.example.com",
        "authz_store": {"api_token_sha256": [tenants::api_token_hash("fresh")]},
    });
    let made = app.platform().send("POST", "", &body).await;
    assert_eq!(made.status(201).header("location"), "/tenants/rest/v1/fresh");
    assert_eq!(made.json()["id"], "fresh");
    for server in servers.iter().flatten() {
        let keys = server.request("GET", "/jwks.json").header("issuer", "https://fresh.example.com").send().await;
        assert_eq!(keys.status(200).json()["keys"].as_array().unwrap().len(), 1);
        let store = server.authz_store().as_tenant("fresh");
        let tokens = store.stored("alice", "c1").await;
        store.assert_live("access_token", tokens["access_token"].as_str().unwrap(), true).await;
    }
}

async fn an_id_is_a_dns_label(app: &TestApp) {
    let long = "a".repeat(64);
    for bad in ["", "A", "a_b", "-a", "a-", "..", "a.b", "é", long.as_str()] {
        let body = json!({"id": bad, "issuer": "https://label.example.com"});
        assert!(app.platform().send("POST", "", &body).await.error(400, "invalid_request").contains("id: "), "{bad}");
    }
    for bad in [json!(1), json!(null), json!(["a"])] {
        let body = json!({"id": bad, "issuer": "https://label.example.com"});
        app.platform().send("POST", "", &body).await.error(400, "invalid_request");
    }
    let longest = "a".repeat(63);
    let body = json!({"id": longest, "issuer": "https://label.example.com"});
    app.platform().send("POST", "", &body).await.status(201);
    for path in ["/Acme", "/acme%20", "/nobody"] {
        app.platform().call("GET", path).await.error(404, "tenant_not_found");
    }
}

async fn an_issuer_is_refused_where_it_could_be_taken_for_another(app: &TestApp) {
    for bad in [
        "http://twin.example.com",
        "https://192.0.2.1",
        "https://[2001:db8::1]",
        "https://twin.example.com?x=1",
        "https://twin.example.com#x",
        "https://me@twin.example.com",
        "twin.example.com",
        "https://acme.example.com/token",
        "https://acme.example.com/jwks.json",
        "https://acme.example.com/Access-Tokens",
        "https://acme.example.com/iam/x",
        "",
    ] {
        let body = json!({"id": "twin", "issuer": bad});
        assert!(app.platform().send("POST", "", &body).await.error(400, "invalid_request").contains("issuer"), "{bad}");
    }
    for taken in [
        "https://acme.example.com",
        "https://acme.example.com/",
        "https://ACME.example.com",
        "https://acme.example.com:443",
        "https://login.acme.example.com",
    ] {
        let body = json!({"id": "twin", "issuer": taken});
        app.platform().send("POST", "", &body).await.error(409, "conflict");
        let body = json!({"id": "twin", "issuer": "https://twin.example.com", "aliases": [taken]});
        app.platform().send("POST", "", &body).await.error(409, "conflict");
    }
    let body = json!({"id": "twin", "issuer": "https://twin.example.com", "management": {"service_api_key": 21_653_835_348_762_i64}});
    app.platform().send("POST", "", &body).await.error(409, "conflict");
    app.platform().call("GET", "/twin").await.error(404, "tenant_not_found");
    let body = json!({"id": "twin", "issuer": "http://127.0.0.1:8080/twin"});
    app.platform().send("POST", "", &body).await.status(201);
}

async fn all_faults_are_told_together(app: &TestApp) {
    let before = app.db_rows().await;
    let body = json!({
        "id": "wrong", "issuer": "https://wrong.example.com", "colour": "blue",
        "access_token": {"lifetime": "long"}, "client": [{"client_id": "c", "auth_method": "none", "client_secret": "hunter2hunter2"}],
    });
    let told = app.platform().send("POST", "", &body).await.error(400, "invalid_request");
    for fault in ["colour", "access_token.lifetime", "client[0].client_secret"] {
        assert!(told.contains(fault), "{fault} in {told}");
    }
    assert!(!told.contains("hunter2"), "{told}");
    assert_eq!(app.db_rows().await, before);
}

async fn one_of_many_makes_a_tenant(app: &TestApp) {
    let bodies = (0..64).map(|_| json!({"id": "race", "issuer": "https://race.example.com"}));
    let answers = futures_util::future::join_all(
        bodies.map(|body| async move { app.platform().send("POST", "", &body).await.code() }),
    )
    .await;
    assert_eq!(answers.iter().filter(|code| **code == 201).count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|code| **code == 409).count(), 63, "{answers:?}");
    assert_eq!(app.platform().call("GET", "/race/keys").await.status(200).json().as_array().unwrap().len(), 1);
}

async fn tenants_are_listed_in_the_order_of_their_ids(app: &TestApp) {
    let (mut ids, mut after) = (Vec::new(), String::new());
    loop {
        let page = app.platform().call("GET", &format!("?limit=5&after={after}")).await.status(200).json();
        let page: Vec<String> = page.as_array().unwrap().iter().map(|t| t["id"].as_str().unwrap().to_owned()).collect();
        assert!(page.len() <= 5);
        let Some(last) = page.last() else { break };
        after.clone_from(last);
        ids.extend(page);
    }
    let mut sorted = ids.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(ids, sorted);
    assert!(["acme", "globex", "initech"].iter().all(|id| ids.iter().any(|found| found == id)), "{ids:?}");
    let all = app.platform().call("GET", "?limit=1000").await.status(200).json();
    assert_eq!(all.as_array().unwrap().len(), ids.len());
    for bad in ["limit=0", "limit=1001", "limit=-1", "limit=x"] {
        app.platform().call("GET", &format!("?{bad}")).await.error(400, "invalid_request");
    }
}

async fn what_is_shown_can_be_put_back(app: &TestApp) {
    let shown = app.platform().call("GET", "/acme").await.status(200).json();
    assert_eq!(shown["authz_store"]["api_token_sha256"][0], "cca68b8b…");
    let put = app.platform().send("PUT", "/acme", &shown).await;
    assert_eq!(put.status(200).json(), shown);
    app.authz_store().stored("alice", "c1").await;
    app.authz_store().with_token(tenants::ACME_SECOND_TOKEN).list("subjects").await;
}

async fn a_put_replaces_settings_and_keeps_secrets(app: &TestApp) {
    let body = json!({
        "issuer": "https://acme.example.com", "access_token": {"encoding": "IDENTIFIER", "lifetime": 77},
        "client": [{"client_id": "made", "auth_method": "none"}],
    });
    let put = app.platform().send("PUT", "/acme", &body).await.status(200).json();
    assert_eq!(put["access_token"]["lifetime"], 77);
    assert_eq!(put["aliases"], json!([]), "what is absent takes its default");
    assert_eq!(put["assertion_issuer"][0]["issuer"], "https://sts.example.org", "assertion issuers are upserted");
    app.platform().call("GET", "/acme/clients/made").await.status(200);
    app.platform().call("GET", "/acme/clients/65564eb0058d").await.status(200);
    let tokens = app.authz_store().new_tokens(&json!({"sub": "alice", "cid": "c1"})).await;
    assert_eq!(tokens["expires_in"], 77);
    assert!(!tokens["access_token"].as_str().unwrap().contains('.'));
    let body = json!({"issuer": "https://acme.example.com", "authz_store": {"api_token_sha256": []}});
    app.platform().send("PUT", "/acme", &body).await.status(200);
    app.authz_store().request("GET", "subjects").send().await.error(403, "web_api_disabled");
}

async fn an_issuer_stays(app: &TestApp) {
    app.platform().send("PUT", "/acme", &json!({"issuer": "https://other.example.com"})).await.error(409, "conflict");
    app.platform().send("PUT", "/acme", &json!({})).await.error(400, "invalid_request");
    let body = json!({"id": "globex", "issuer": "https://acme.example.com"});
    app.platform().send("PUT", "/acme", &body).await.error(400, "invalid_request");
    let body = json!({"issuer": "https://nobody.example.com"});
    app.platform().send("PUT", "/nobody", &body).await.error(404, "tenant_not_found");
}

async fn a_disabled_tenant_is_refused_on_every_replica(app: &TestApp) {
    let replica = if app.is_postgres() { Some(app.replica().await) } else { None };
    let tokens = app.authz_store().stored("alice", "c1").await;
    assert_eq!(app.platform().call("POST", "/acme/disable").await.status(200).json()["enabled"], false);
    for server in [Some(app), replica.as_ref()].into_iter().flatten() {
        server.request("GET", "/jwks.json").header("tenant-id", "acme").send().await.error(403, "tenant_disabled");
        server.authz_store().request("GET", "subjects").send().await.error(403, "tenant_disabled");
    }
    app.platform().call("GET", "/acme").await.status(200);
    assert_eq!(app.platform().call("POST", "/acme/enable").await.status(200).json()["enabled"], true);
    for server in [Some(app), replica.as_ref()].into_iter().flatten() {
        server.authz_store().assert_live("access_token", tokens["access_token"].as_str().unwrap(), true).await;
    }
    app.platform().call("POST", "/nobody/disable").await.error(404, "tenant_not_found");
}

async fn nothing_secret_is_shown(app: &TestApp) {
    let body = json!({
        "id": "secretive", "issuer": "https://secretive.example.com",
        "password_hook": {"url": "https://hook.example.com", "token": "canary-hook-token"},
        "keys": {"jwks": {"keys": [{"kty": "oct", "kid": "atc", "k": tenants::VAULT_KEY}]}},
        "client": [{"client_id": "c", "client_secret": "canary-client-secret"}],
        "user": [{"username": "u", "password": "canary-password"}],
        "authz_store": {"api_token_sha256": [tenants::api_token_hash("secretive")]},
    });
    let mut seen = app.platform().send("POST", "", &body).await.status(201).text();
    for path in [
        "/secretive",
        "/secretive/keys",
        "/secretive/clients/c",
        "/secretive/users/u",
        "/secretive/audit",
        "?limit=1000",
    ] {
        seen += &app.platform().call("GET", path).await.status(200).text();
    }
    for secret in ["canary", tenants::VAULT_KEY, "\"d\"", "argon2", &tenants::api_token_hash("secretive")[8..]] {
        assert!(!seen.contains(secret), "{secret} is shown");
    }
}

async fn keys_by_url_are_refused(app: &TestApp) {
    for at in
        ["http://127.0.0.1/jwks", "http://169.254.169.254/", "https://[::1]/", "gopher://x", "https://keys.example.com"]
    {
        let body = json!({"auth_method": "private_key_jwt", "jwks_uri": at});
        app.platform().send("PUT", "/acme/clients/by-url", &body).await.error(400, "invalid_request");
        let body = json!({
            "id": "by-url", "issuer": "https://by-url.example.com",
            "assertion_issuer": [{"type": "jwt", "issuer": "https://x.example.com", "jwks_uri": at}],
        });
        app.platform().send("POST", "", &body).await.error(400, "invalid_request");
    }
}

async fn a_large_body_is_refused(app: &TestApp) {
    let filler =
        |size: usize| json!({"id": "big", "issuer": "https://big.example.com", "metadata": {"x": "y".repeat(size)}});
    app.platform().send("POST", "", &filler(1024 * 1024)).await.error(413, "invalid_request");
    app.platform().send("POST", "", &filler(900 * 1024)).await.status(201);
}

async fn there_is_no_platform_under_a_tenant(app: &TestApp) {
    let request = app.request("GET", "/t/acme/tenants/rest/v1").bearer(tenants::PLATFORM_TOKEN);
    request.send().await.status(404);
    // A tenant in the headers is of no concern here.
    app.platform().request("GET", "/globex").header("tenant-id", "acme").send().await.status(200);
}

async fn what_was_changed_by_api_survives_a_restart(app: TestApp) {
    let body = json!({"issuer": "https://acme.example.com", "access_token": {"lifetime": 99}});
    app.platform().send("PUT", "/acme", &body).await.status(200);
    app.platform().call("DELETE", "/globex").await.status(204);
    let app = app.restarted().await;
    let shown: Value = app.platform().call("GET", "/acme").await.status(200).json();
    assert_eq!(
        shown["access_token"]["lifetime"], 99,
        "the text of the file has not changed, so it is not applied again"
    );
    app.platform().call("GET", "/globex").await.error(404, "tenant_not_found");
}
