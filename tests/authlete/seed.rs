//! The examples of the API's documentation, re-enacted in every form of a request.

use serde_json::{Value, json};

use super::Authlete;
use super::caller::{KEY, WEB_SHOP, clients, result};
use crate::harness::{Answer, TestApp, both};

both!(
    the_clients_that_a_user_authorised_are_listed,
    the_scopes_of_a_clients_tokens_are_updated,
    the_tokens_of_a_client_are_deleted,
    a_subject_may_be_any_text,
);

/// Signs `testuser01` in to the web shop.
async fn sign_in(app: &TestApp, times: usize) -> Vec<Value> {
    let mut all = Vec::new();
    for _ in 0..times {
        let body = json!({"sub": "testuser01", "cid": "65564eb0058d", "scp": ["openid", "app:read"], "irt": true});
        all.push(app.authz_store().new_tokens(&body).await);
    }
    all
}

async fn the_clients_that_a_user_authorised_are_listed(app: &TestApp) {
    sign_in(app, 1).await;
    let expected = json!({
        "type": "authorizedClientListResponse",
        "clients": [{
            "clientId": WEB_SHOP,
            "clientIdAlias": "web-shop",
            "clientIdAliasEnabled": true,
            "clientName": "Web shop",
            "developer": "dev-anna",
            "clientType": "CONFIDENTIAL",
            "tokenAuthMethod": "CLIENT_SECRET_BASIC",
            "grantTypes": ["AUTHORIZATION_CODE", "REFRESH_TOKEN", "PASSWORD", "CLIENT_CREDENTIALS"],
            "redirectUris": ["https://client.example.com/in"],
            "contacts": ["ops@shop.example.com"],
        }],
        "end": 5,
        "start": 0,
        "totalCount": 1,
        "subject": "testuser01",
    });
    let path = "client/authorization/get/list";
    for mount in Authlete::mounts(app) {
        let by_json = json!({"subject": "testuser01", "developer": null, "start": null, "unknown": {"x": [1]}});
        let answers = [
            mount.call("GET", &format!("{path}/testuser01")).await,
            mount.call("GET", &format!("{path}?subject=testuser01")).await,
            mount.call("GET", &format!("{path}/testuser01?subject=testuser01")).await,
            mount.request("POST", path).form(&[("subject", "testuser01")]).send().await,
            mount.post(path, &by_json).await,
            mount.post(&format!("{path}?subject=testuser01"), &json!({})).await,
        ];
        for answer in answers {
            let mut list = answer.status(200).no_store().json();
            assert!(!answer.text().contains("null") && !answer.text().contains("secret-0123"), "{answer}");
            let client = list["clients"][0].as_object_mut().unwrap();
            for moment in ["createdAt", "modifiedAt"] {
                assert!(client.remove(moment).unwrap().as_i64().unwrap() > 1_500_000_000_000, "milliseconds");
            }
            assert_eq!(list, expected, "{answer}");
        }
    }
}

#[track_caller]
fn updated(answer: &Answer, count: usize) {
    let message = result(answer, 200, "A138001");
    let expected = format!(
        "[A138001] Updated {count} access token(s) issued to the client (ID = {WEB_SHOP}) of the service (API Key = {KEY})."
    );
    assert_eq!(message, expected);
}

#[track_caller]
fn deleted(answer: &Answer, count: usize) {
    let message = result(answer, 200, "A137001");
    let expected = format!(
        "[A137001] Deleted {count} access token(s) issued to the client (ID = {WEB_SHOP}) of the service (API Key = {KEY})."
    );
    assert_eq!(message, expected);
}

async fn the_scopes_of_a_clients_tokens_are_updated(app: &TestApp) {
    let tokens = sign_in(app, 4).await;
    let scopes_of_all = async || {
        let mut all = Vec::new();
        for issued in &tokens {
            let token = issued["access_token"].as_str().unwrap();
            all.push(app.authz_store().inspect("access_token", token).await.status(200).json()["scp"].clone());
        }
        all.dedup();
        assert_eq!(all.len(), 1, "all tokens alike: {all:?}");
        all.remove(0)
    };
    for mount in Authlete::mounts(app) {
        for client in [WEB_SHOP.to_string(), "web-shop".to_owned()] {
            let path = format!("client/authorization/update/{client}");
            let by_json = |scopes: Value| json!({"subject": "testuser01", "scopes": scopes});
            updated(&mount.post(&path, &by_json("app:write payment".into())).await, 4);
            assert_eq!(scopes_of_all().await, json!(["app:write"]), "what the client may not have is dropped");
            updated(&mount.post(&path, &by_json(json!(["email", "profile", "email"]))).await, 4);
            assert_eq!(scopes_of_all().await, json!(["email", "profile"]));
            updated(&mount.post(&path, &by_json(Value::Null)).await, 4);
            updated(&mount.post(&path, &json!({"subject": "testuser01"})).await, 4);
            assert_eq!(scopes_of_all().await, json!(["email", "profile"]), "absent is unchanged");
            let form = [("subject", "testuser01"), ("scopes", "openid email")];
            updated(&mount.request("POST", &path).form(&form).send().await, 4);
            assert_eq!(scopes_of_all().await, json!(["openid", "email"]));
            updated(&mount.post(&format!("{path}?subject=other"), &json!({"scopes": []})).await, 0);
            assert_eq!(mount.call("GET", &path).await.code(), 405);
        }
    }
}

async fn the_tokens_of_a_client_are_deleted(app: &TestApp) {
    for mount in Authlete::mounts(app) {
        for client in [WEB_SHOP.to_string(), "web-shop".to_owned()] {
            let path = format!("client/authorization/delete/{client}");
            let json_body = json!({"subject": "testuser01"});
            for form in 0..5 {
                let tokens = sign_in(app, 4).await;
                let answer = match form {
                    0 => mount.call("DELETE", &format!("{path}/testuser01")).await,
                    1 => mount.call("DELETE", &format!("{path}?subject=testuser01")).await,
                    2 => mount.request("POST", &path).form(&[("subject", "testuser01")]).send().await,
                    3 => mount.post(&path, &json_body).await,
                    // A body of a DELETE is ignored.
                    _ => {
                        let request = mount.request("DELETE", &format!("{path}/testuser01"));
                        request.json(&json!({"subject": "somebody else"})).send().await
                    }
                };
                deleted(&answer, 4);
                for issued in &tokens {
                    for kind in ["access_token", "refresh_token"] {
                        app.authz_store().assert_live(kind, issued[kind].as_str().unwrap(), false).await;
                    }
                }
                deleted(&mount.post(&path, &json_body).await, 0);
            }
        }
    }
}

async fn a_subject_may_be_any_text(app: &TestApp) {
    for (subject, encoded) in
        [("a/b", "a%2Fb"), ("a b+c", "a%20b+c"), ("ünï", "%C3%BCn%C3%AF"), ("a?b#c%", "a%3Fb%23c%25"), ("..", "..%2e")]
    {
        let subject = if encoded == "..%2e" { "..." } else { subject };
        app.authz_store().new_tokens(&json!({"sub": subject, "cid": "65564eb0058d"})).await;
        for mount in Authlete::mounts(app) {
            let list = mount.call("GET", &format!("client/authorization/get/list/{encoded}")).await;
            let list = list.status(200).json();
            assert_eq!(list["subject"], subject);
            assert_eq!(clients(&list), [WEB_SHOP]);
        }
        let path = format!("client/authorization/delete/{WEB_SHOP}/{encoded}");
        deleted(&Authlete::new(app).call("DELETE", &path).await, 1);
    }
}
