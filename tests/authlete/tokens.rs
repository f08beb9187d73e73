//! What clients of this API call besides: clients, and issued tokens.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Authlete;
use super::caller::{WEB_SHOP, clients, result};
use crate::harness::{NOW, TestApp, both};

both!(
    clients_are_listed_and_shown_without_secrets,
    issued_tokens_are_listed_by_hash,
    a_token_is_revoked_by_itself_or_its_hash,
    all_of_a_client_or_a_user_is_revoked,
);

fn hash(token: &Value) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_str().unwrap()))
}

async fn clients_are_listed_and_shown_without_secrets(app: &TestApp) {
    for api in Authlete::mounts(app) {
        let all = api.call("GET", "client/get/list?end=100").await.status(200).no_store().json();
        let numbers = clients(&all);
        assert_eq!((numbers.len(), numbers.is_sorted()), (5, true), "{numbers:?}");
        assert_eq!((&all["start"], &all["end"], &all["totalCount"]), (&json!(0), &json!(100), &json!(5)));
        let page = api.call("GET", "client/get/list?start=1&end=3").await.status(200).json();
        assert_eq!(clients(&page), numbers[1..3]);
        assert_eq!(page["totalCount"], 5);
        let annas = api.call("GET", "client/get/list?developer=dev-anna").await.status(200).json();
        assert_eq!(clients(&annas), [WEB_SHOP]);
        for name in [WEB_SHOP.to_string(), "web-shop".to_owned()] {
            let shown = api.call("GET", &format!("client/get/{name}")).await;
            assert_eq!(shown.status(200).json()["clientId"], WEB_SHOP);
            for leak in ["secret-0", "null", "jwks", "argon2"] {
                assert!(!shown.text().contains(leak), "{leak}: {shown}");
            }
        }
        result(&api.call("GET", "client/get/4711").await, 404, "A001212");
        assert_eq!(api.call("GET", "client/get/list?end=x").await.code(), 400);
    }
}

async fn issued_tokens_are_listed_by_hash(app: &TestApp) {
    let store = app.authz_store();
    let body = json!({"sub": "alice", "cid": "65564eb0058d", "scp": ["openid"], "atl": 60, "irt": true, "rtl": 600});
    let first = store.new_tokens(&body).await;
    store.new_tokens(&json!({"sub": "alice", "cid": "mobile-app", "atl": 70})).await;
    store.new_tokens(&json!({"sub": "bob", "cid": "65564eb0058d", "atl": 80})).await;
    for api in Authlete::mounts(app) {
        for (query, total) in [
            ("", 3),
            ("?subject=alice", 2),
            ("?clientIdentifier=web-shop", 2),
            ("?clientIdentifier=17566160603766&subject=bob", 1),
            ("?subject=nobody", 0),
        ] {
            let list = api.call("GET", &format!("auth/token/get/list{query}")).await.status(200).no_store().json();
            assert_eq!(list["totalCount"], total, "{query}");
            assert_eq!(list["accessTokens"].as_array().unwrap().len(), total, "{query}");
        }
        let one = api.call("GET", "auth/token/get/list?subject=alice&end=1").await.status(200).json();
        let expected = json!({
            "accessTokenHash": hash(&first["access_token"]),
            "accessTokenExpiresAt": (NOW + 60) * 1000,
            "refreshTokenHash": hash(&first["refresh_token"]),
            "refreshTokenExpiresAt": (NOW + 600) * 1000,
            "createdAt": NOW * 1000,
            "clientId": WEB_SHOP,
            "subject": "alice",
            "scopes": ["openid"],
        });
        assert_eq!(one["accessTokens"], json!([expected]));
        result(&api.call("GET", "auth/token/get/list?clientIdentifier=4711").await, 404, "A001212");
    }
}

async fn a_token_is_revoked_by_itself_or_its_hash(app: &TestApp) {
    let store = app.authz_store();
    for api in Authlete::mounts(app) {
        for encoding in ["SELF_CONTAINED", "IDENTIFIER"] {
            for hashed in [false, true] {
                let body = json!({"sub": "alice", "cid": "web", "ate": encoding, "irt": true});
                let issued = store.new_tokens(&body).await;
                let name = |kind: &str| if hashed { hash(&issued[kind]).into() } else { issued[kind].clone() };
                let text = |kind: &str| issued[kind].as_str().unwrap().to_owned();
                let revoke = async |member: &str, kind: &str| {
                    let answer = api.post("auth/token/revoke", &json!({member: name(kind)})).await;
                    assert_eq!(answer.status(200).json()["resultCode"], "A363001");
                    answer.json()["count"].clone()
                };
                assert_eq!(revoke("accessTokenIdentifier", "access_token").await, 1);
                assert_eq!(revoke("accessTokenIdentifier", "access_token").await, 0);
                store.assert_live("access_token", &text("access_token"), false).await;
                store.assert_live("refresh_token", &text("refresh_token"), true).await;
                assert_eq!(revoke("refreshTokenIdentifier", "refresh_token").await, 1);
                assert_eq!(revoke("refreshTokenIdentifier", "refresh_token").await, 0);
                store.assert_live("refresh_token", &text("refresh_token"), false).await;
            }
        }
    }
}

async fn all_of_a_client_or_a_user_is_revoked(app: &TestApp) {
    let (api, store) = (Authlete::new(app), app.authz_store());
    let issue = async |sub: &str, cid: &str| {
        let issued = store.new_tokens(&json!({"sub": sub, "cid": cid})).await;
        issued["access_token"].as_str().unwrap().to_owned()
    };
    let tokens = [
        issue("alice", "65564eb0058d").await,
        issue("alice", "mobile-app").await,
        issue("bob", "65564eb0058d").await,
        issue("carol", "65564eb0058d").await,
    ];
    for (body, count, live) in [
        (json!({"subject": "alice", "clientIdentifier": "mobile-app"}), 404, [true, true, true, true]),
        (json!({"subject": "alice", "clientIdentifier": "17566160603767"}), 1, [true, false, true, true]),
        (json!({"subject": "bob"}), 1, [true, false, false, true]),
        (json!({"clientIdentifier": "web-shop", "accessTokenIdentifier": null}), 2, [false, false, false, false]),
    ] {
        let answer = api.post("auth/token/revoke", &body).await;
        if count == 404 {
            result(&answer, 404, "A001212");
        } else {
            assert_eq!(answer.status(200).json()["count"], count, "{answer}");
        }
        for (token, live) in tokens.iter().zip(live) {
            store.assert_live("access_token", token, live).await;
        }
    }
    result(&api.post("auth/token/revoke", &json!({"subject": ""})).await, 400, "A001201");
}
