//! The examples of the API's documentation, re-enacted.

use serde_json::{Value, json};

use super::Iam;
use super::caller::MOUNTS;
use crate::harness::{TestApp, both, both_restarting};

both!(
    an_access_token_is_listed_shown_and_revoked,
    a_refresh_token_is_listed_shown_and_revoked,
    what_is_unknown_or_unlimited_is_left_out,
    an_id_token_answers_at_its_link_and_is_not_listed,
    a_tenant_may_hide_the_values,
);

both_restarting!(links_begin_with_the_public_url,);

const SCOPES: [&str; 5] = ["openid", "phone", "email", "address", "profile"];

fn sign_in() -> Value {
    json!({"sub": "alice", "cid": "65564eb0058d", "scp": SCOPES, "irt": true, "rtl": 7200, "atl": 3600})
}

fn client() -> Value {
    json!({
        "id": 17_566_160_603_766_i64,
        "clientId": "65564eb0058d",
        "contacts": ["ops@shop.example.com"],
        "ref": "https://acme.example.com/api/clients/17566160603766",
    })
}

fn user() -> Value {
    json!({
        "id": "e1eb758b-b73c-4761-bfff-adc793da409c",
        "userName": "alice",
        "ref": "https://acme.example.com/scim/Users/e1eb758b-b73c-4761-bfff-adc793da409c",
    })
}

fn not_found(id: i64) -> Value {
    json!({"error": format!("Token with id = {id} not found")})
}

async fn an_access_token_is_listed_shown_and_revoked(app: &TestApp) {
    let iam = Iam::new(app).await;
    for encoding in ["SELF_CONTAINED", "IDENTIFIER"] {
        let mut body = sign_in();
        body["ate"] = encoding.into();
        let issued = app.authz_store().new_tokens(&body).await;
        let text = issued["access_token"].as_str().unwrap();
        for mount in MOUNTS {
            let page = iam.at(mount).page("access-tokens", &[("userId", "alice")]).await;
            let id = page["resources"][0]["id"].as_i64().unwrap();
            assert!((1..1 << 53).contains(&id), "{id}");
            let token = json!({
                "id": id,
                "value": text,
                "scopes": SCOPES,
                "expiration": "2027-01-15T09:00:00+0000",
                "client": client(),
                "user": user(),
            });
            let expected = json!({"totalResults": 1, "itemsPerPage": 1, "startIndex": 1, "resources": [token]});
            assert_eq!(page, expected, "{encoding} at {mount:?}");
            let shown = iam.at(mount).get(&format!("access-tokens/{id}")).await.status(200).no_store().json();
            assert_eq!(shown, token);
        }
        let id = iam.id_of("access-tokens", text).await;
        iam.delete(&format!("access-tokens/{id}")).await.status(204).empty();
        app.authz_store().assert_live("access_token", text, false).await;
        app.authz_store().assert_live("refresh_token", issued["refresh_token"].as_str().unwrap(), true).await;
        assert_eq!(iam.get(&format!("access-tokens/{id}")).await.status(404).no_store().json(), not_found(id));
        assert!(iam.all("access-tokens", &[]).await.is_empty());
    }
}

async fn a_refresh_token_is_listed_shown_and_revoked(app: &TestApp) {
    let iam = Iam::new(app).await;
    for mount in MOUNTS {
        let iam = iam.at(mount);
        let issued = app.authz_store().new_tokens(&sign_in()).await;
        let text = issued["refresh_token"].as_str().unwrap();
        let page = iam.page("refresh-tokens", &[]).await;
        let id = page["resources"][0]["id"].as_i64().unwrap();
        let token = json!({
            "id": id,
            "value": text,
            "scopes": SCOPES,
            "expiration": "2027-01-15T10:00:00+0000",
            "client": client(),
            "user": user(),
        });
        let expected = json!({"totalResults": 1, "itemsPerPage": 1, "startIndex": 1, "resources": [token]});
        assert_eq!(page, expected);
        assert_eq!(iam.get(&format!("refresh-tokens/{id}")).await.status(200).json(), token);
        iam.delete(&format!("refresh-tokens/{id}")).await.status(204).empty();
        app.authz_store().assert_live("refresh_token", text, false).await;
        assert_eq!(iam.get(&format!("refresh-tokens/{id}")).await.status(404).json(), not_found(id));
        assert_eq!(iam.page("refresh-tokens", &[]).await["totalResults"], 0);
    }
}

async fn what_is_unknown_or_unlimited_is_left_out(app: &TestApp) {
    let iam = Iam::new(app).await;
    app.authz_store().new_tokens(&json!({"sub": "nobody", "cid": "elsewhere", "irt": true})).await;
    let access = iam.all("access-tokens", &[]).await.remove(0);
    assert_eq!(access["user"], json!({"id": "nobody", "userName": "nobody"}));
    assert_eq!(access["client"], json!({"clientId": "elsewhere"}));
    let refresh = iam.all("refresh-tokens", &[]).await.remove(0);
    let mut members: Vec<&String> = refresh.as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(members, ["client", "id", "user", "value"], "no null, no empty list, no expiration: {refresh}");
}

async fn an_id_token_answers_at_its_link_and_is_not_listed(app: &TestApp) {
    let iam = Iam::new(app).await;
    let mut body = sign_in();
    body["idt"] = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.".into();
    app.authz_store().new_tokens(&body).await;
    let listed = iam.all("access-tokens", &[]).await;
    assert_eq!(listed.len(), 1);
    let token = &listed[0];
    let id = token["idToken"]["id"].as_i64().unwrap();
    assert_eq!(token["idToken"]["ref"], format!("https://acme.example.com/access-tokens/{id}"));
    assert_ne!(token["id"], id);
    let shown = iam.get(&format!("access-tokens/{id}")).await.status(200).json();
    assert_eq!(shown["id"], id);
    assert_eq!(shown["value"], body["idt"]);
    // Its life is the tenant's, 600 seconds, whatever that of the access token beside it.
    assert_eq!(shown["expiration"], "2027-01-15T08:10:00+0000");
}

async fn a_tenant_may_hide_the_values(app: &TestApp) {
    let body = json!({"sub": "root", "cid": "console", "scp": ["iam:admin.read"], "irt": true});
    let issued = app.authz_store().as_tenant("reticent").new_tokens(&body).await;
    let iam = Iam::new(app).await.of_tenant("reticent").with_token(issued["access_token"].as_str());
    for resource in ["access-tokens", "refresh-tokens"] {
        let page = iam.page(resource, &[]).await;
        assert_eq!(page["totalResults"], 1);
        assert!(page["resources"][0].get("value").is_none(), "{page}");
        assert_eq!(page["resources"][0]["scopes"], json!(["iam:admin.read"]));
    }
}

async fn links_begin_with_the_public_url(app: TestApp) {
    let app = app.restarted_as(|config| config.public_url = Some("https://id.example.com/sso".to_owned())).await;
    let mut body = sign_in();
    body["idt"] = "a.b.c".into();
    app.authz_store().new_tokens(&body).await;
    let page = Iam::new(&app).await.page("access-tokens", &[("userId", "alice")]).await;
    let token = &page["resources"][0];
    let base = "https://id.example.com/sso/t/acme";
    assert_eq!(token["client"]["ref"], format!("{base}/api/clients/17566160603766"));
    assert_eq!(token["user"]["ref"], format!("{base}/scim/Users/e1eb758b-b73c-4761-bfff-adc793da409c"));
    let id = token["idToken"]["id"].as_i64().unwrap();
    assert_eq!(token["idToken"]["ref"], format!("{base}/access-tokens/{id}"));
}
