//! Every error code of the seed, and grant × client × credential.

use serde_json::json;

use super::caller::{bare, client, granted, refused, shop};
use crate::harness::{Answer, TestApp, both};

both!(every_code_of_the_seed_is_reached, grants_by_client_and_credential, what_http_refuses);

const GRANTS: [(&str, &[(&str, &str)]); 6] = [
    ("authorization_code", &[("code", "x")]),
    ("refresh_token", &[("refresh_token", "x")]),
    ("password", &[("username", "alice"), ("password", "wrong")]),
    ("client_credentials", &[]),
    ("urn:ietf:params:oauth:grant-type:jwt-bearer", &[("assertion", "x")]),
    ("urn:ietf:params:oauth:grant-type:saml2-bearer", &[("assertion", "x")]),
];

async fn every_code_of_the_seed_is_reached(app: &TestApp) {
    let shop = shop(app);
    for fields in [
        &[][..],
        &[("grant_type", "")],
        &[("grant_type", "client_credentials"), ("grant_type", "client_credentials")],
        &[("grant_type", "client_credentials"), ("scope", "a"), ("scope", "b")],
        &[("grant_type", "authorization_code")],
        &[("grant_type", "refresh_token"), ("refresh_token", "")],
    ] {
        shop.token(fields).await.error(400, "invalid_request");
    }
    for unknown in ["implicit", "Password", "client_credentials ", "urn:x"] {
        shop.token(&[("grant_type", unknown)]).await.error(400, "unsupported_grant_type");
    }
    shop.token(&[("grant_type", GRANTS[4].0), ("assertion", "x")]).await.error(400, "unauthorized_client");
    let code = shop.token(&[("grant_type", "authorization_code"), ("code", "x")]).await;
    let body = json!({"error": "invalid_grant",
        "error_description": "Bad request: Invalid or expired authorization code"});
    assert_eq!(code.status(400).no_store().json(), body);
    assert_eq!(code.header("pragma"), "no-cache");
    let other = super::caller::other_shop(app);
    other
        .token(&[("grant_type", "password"), ("username", "a"), ("password", "b")])
        .await
        .error(400, "unauthorized_client");
    shop.token(&[("grant_type", "client_credentials"), ("scope", "x")]).await.error(400, "invalid_scope");
    refused(&client(app, "acme", "65564eb0058d", "x").token(&[("grant_type", "client_credentials")]).await);
    granted(&shop.token(&[("grant_type", "client_credentials"), ("unknown", "1"), ("state", "")]).await);
}

async fn grants_by_client_and_credential(app: &TestApp) {
    // What each client has registered, by the order of GRANTS.
    let clients: [(&str, &str, [bool; 4]); 2] = [
        ("acme", "web-shop-secret-0123456789abcdef", [true, true, true, true]),
        ("globex", "globex-shop-secret-0123456789abcdef", [true, true, false, true]),
    ];
    for (tenant, secret, registered) in clients {
        for ((grant, fields), registered) in GRANTS.iter().zip(registered) {
            let fields = [&[("grant_type", *grant)], *fields].concat();
            let right = client(app, tenant, "65564eb0058d", secret).token(&fields).await;
            match (registered, *grant) {
                (false, _) => check(&right, "unauthorized_client"),
                (true, "client_credentials") => {
                    granted(&right);
                }
                (true, _) => check(&right, "invalid_grant"),
            }
            refused(&client(app, tenant, "65564eb0058d", "wrong").token(&fields).await);
            refused(&bare(app, tenant, "/token", &fields).await);
        }
    }
    for (grant, fields) in &GRANTS[..4] {
        let fields = [&[("grant_type", *grant), ("client_id", "mobile-app")], *fields].concat();
        let answer = bare(app, "acme", "/token", &fields).await;
        check(
            &answer,
            if *fields[0].1 == *"authorization_code" || *fields[0].1 == *"refresh_token" {
                "invalid_grant"
            } else {
                "unauthorized_client"
            },
        );
    }
}

#[track_caller]
fn check(answer: &Answer, code: &str) {
    answer.error(400, code);
}

async fn what_http_refuses(app: &TestApp) {
    let request = |method: &str| app.request(method, "/token").header("tenant-id", "acme");
    request("GET").send().await.error(405, "invalid_request");
    request("POST").json(&json!({"grant_type": "client_credentials"})).send().await.error(415, "invalid_request");
    app.request("POST", "/token").form(&[("grant_type", "x")]).send().await.error(400, "invalid_request");
    let disabled = app.request("POST", "/token").header("tenant-id", "initech");
    disabled.form(&[("grant_type", "x")]).send().await.error(403, "tenant_disabled");
    let body = format!("grant_type=client_credentials&x={}", "y".repeat(70_000));
    request("POST").body("application/x-www-form-urlencoded", body).send().await.error(413, "invalid_request");
    for broken in ["grant_type=%zz", "grant_type=a&b=%ff", "grant_type=a&b=%00"] {
        request("POST").body("application/x-www-form-urlencoded", broken).send().await.error(400, "invalid_request");
    }
}
