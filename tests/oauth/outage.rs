//! When the store is away or slow (rows TR-7, IN-9, CG-12): nothing is half done, nobody is told of success, and what was
//! never issued costs the store nothing.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::caller::{granted, shop, text};
use crate::harness::request::form;
use crate::harness::{Answer, TestApp, both};
use crate::iam::Iam;

both!(
    without_a_store_nobody_is_told_of_a_revocation,
    what_was_never_issued_is_refused_without_the_store,
    a_client_that_hangs_up_leaves_nothing_half_done,
);

#[track_caller]
fn unavailable(answer: &Answer) {
    answer.error(503, "temporarily_unavailable");
    assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds >= 1), "{answer}");
}

async fn without_a_store_nobody_is_told_of_a_revocation(app: &TestApp) {
    let (store, shop) = (app.authz_store(), shop(app));
    let tokens = store.stored("alice", "65564eb0058d").await;
    let code = store.new_code(&json!({"sub": "bob", "cid": "65564eb0058d"})).await;
    let [access, refresh] = ["access_token", "refresh_token"].map(|kind| text(&tokens, kind));
    let body = json!({"sub": "eve", "cid": "65564eb0058d", "lng": true, "irt": true, "rtr": true});
    let rotating = text(&store.new_tokens(&body).await, "refresh_token").to_owned();
    shop.assert_active(access, true).await;
    let outage = app.cut_store().await;
    let [revocation, exchange, rotation, subject] = [
        &[("token", access)][..],
        &[("grant_type", "authorization_code"), ("code", &code)],
        &[("grant_type", "refresh_token"), ("refresh_token", &rotating)],
        &[("subject", "alice")],
    ];
    let (one, two, three, four) = tokio::join!(
        shop.post("/token/revoke", revocation),
        shop.token(exchange),
        shop.token(rotation),
        store.revoke_quietly(subject),
    );
    for answer in [one, two, three, four] {
        unavailable(&answer);
    }
    drop(outage);
    app.until_ready().await;
    // Nothing was revoked, and nothing was used up.
    assert_eq!(
        again(async || shop.post("/token/introspect", revocation).await).await.status(200).json()["active"],
        true
    );
    granted(&again(async || shop.token(rotation).await).await);
    granted(&again(async || shop.token(exchange).await).await);
    again(async || shop.post("/token/revoke", revocation).await).await.status(200).empty();
    let gone = again(async || shop.post("/token/introspect", &[("token", refresh)]).await).await;
    assert_eq!(gone.status(200).json(), json!({"active": false}));
}

/// Asks until the store is back: connections that it has closed are found out one by one.
async fn again(mut ask: impl AsyncFnMut() -> Answer) -> Answer {
    for _ in 0..100 {
        let answer = ask().await;
        if answer.code() != 503 {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it never came back");
}

/// Texts that are none of ours: of any form, and forged from one that is.
fn garbage(real: &str) -> Vec<String> {
    let flipped = |at: usize| {
        let mut bytes = real.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let mut all = vec![
        "x".to_owned(),
        "a.b.c".to_owned(),
        "A".repeat(real.len()),
        real[1..].to_owned(),
        real[..real.len() - 1].to_owned(),
        format!("{real}A"),
        format!("{real}="),
        "A".repeat(10_000),
    ];
    all.extend([0, 2, real.len() / 2, real.len() - 2].map(flipped));
    all
}

async fn what_was_never_issued_is_refused_without_the_store(app: &TestApp) {
    let (store, shop) = (app.authz_store(), shop(app));
    let body = json!({"sub": "alice", "cid": "65564eb0058d", "irt": true, "ate": "IDENTIFIER"});
    let opaque = store.new_tokens(&body).await;
    let jwt = store.new_tokens(&json!({"sub": "alice", "cid": "65564eb0058d"})).await;
    let code = store.new_code(&body).await;
    granted(&shop.token(&[("grant_type", "client_credentials")]).await);
    let [access, refresh] = ["access_token", "refresh_token"].map(|kind| text(&opaque, kind));
    let hidden = app.hide_tokens().await;
    for (kind, real) in [("access_token", access), ("refresh_token", refresh), ("code", &code)] {
        // What is ours has to be looked up, and the tables are gone.
        assert!(store.inspect(kind, real).await.code() >= 500, "{kind}");
        for text in garbage(real) {
            store.inspect(kind, &text).await.error(404, &format!("invalid_{kind}"));
        }
    }
    for text in [garbage(access), garbage(refresh), garbage(text(&jwt, "access_token"))].concat() {
        shop.assert_active(&text, false).await;
        shop.revoke(&text).await;
        store.revoke(&[("access_token", &text)]).await.error(404, "invalid_access_token");
        store.refresh(&text).await.error(404, "invalid_refresh_token");
        let fields = [("grant_type", "refresh_token"), ("refresh_token", text.as_str())];
        shop.token(&fields).await.error(400, "invalid_grant");
        let iam = app.request("GET", "/access-tokens").header("tenant-id", "acme").bearer(&text);
        iam.send().await.status(401);
    }
    for text in garbage(&code) {
        let fields = [("grant_type", "authorization_code"), ("code", text.as_str())];
        shop.token(&fields).await.error(400, "invalid_grant");
    }
    drop(hidden);
    store.assert_live("access_token", access, true).await;
    store.assert_live("code", &code, true).await;
}

/// Sends an exchange of a code and hangs up after a moment.
async fn hang_up(app: &TestApp, client: &str, code: &str, after: Duration) {
    let body = form(&[("code", code), ("client_id", client)]);
    let head = format!(
        "POST /authz-store/rest/v3/authorizations HTTP/1.1\r\nHost: h\r\nTenant-ID: acme\r\n\
         Authorization: Bearer {}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        crate::harness::tenants::api_token("acme"),
        body.len()
    );
    let mut stream = TcpStream::connect(app.authority()).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    if !after.is_zero() {
        // Some hang up while the code is being used: that moment is no test's to choose.
        tokio::time::sleep(after).await;
    }
}

async fn a_client_that_hangs_up_leaves_nothing_half_done(app: &TestApp) {
    let (store, iam) = (app.authz_store(), Iam::new(app).await);
    let clients: Vec<String> = (0..40).map(|n| format!("c{n}")).collect();
    let mut codes = Vec::new();
    for client in &clients {
        codes.push(store.new_code(&json!({"sub": "alice", "cid": client, "lng": true, "irt": true})).await);
    }
    let moments = [0, 1, 2, 4, 8].map(Duration::from_millis).into_iter().cycle();
    join_all(clients.iter().zip(&codes).zip(moments).map(|((client, code), after)| hang_up(app, client, code, after)))
        .await;
    let issued = async |client: &str| iam.page("access-tokens", &[("clientId", client)]).await["totalResults"].clone();
    let mut used = 0;
    for (client, code) in clients.iter().zip(&codes) {
        let fields = [("code", code.as_str()), ("client_id", client.as_str())];
        if store.inspect("code", code).await.code() == 404 {
            // Used up: then there are tokens, though nobody has them; whoever tries again ends them.
            used += 1;
            assert_eq!(issued(client).await, 1, "{client}: a code without tokens");
            store.exchange(&fields).await.error(404, "invalid_code");
            assert_eq!(issued(client).await, 0, "{client}");
            continue;
        }
        // It may be on its way still: whoever comes first, there is one set of tokens, or none after a replay.
        let answer = store.exchange(&fields).await;
        let left = i32::from(answer.code() == 200);
        assert_eq!(issued(client).await, left, "{client}: {answer}");
    }
    assert!(used > 0, "none of them was quick enough to be about something");
}
