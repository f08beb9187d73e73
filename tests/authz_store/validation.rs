//! POST and PUT of an authorisation: what is refused, with the culprit named and nothing changed.

use serde_json::{Value, json};

use crate::harness::{TestApp, both};

both!(
    a_member_that_is_wrong_is_refused,
    a_member_that_is_wrong_is_refused_on_put,
    what_stands_at_its_limit_is_accepted,
    a_bad_redirection_uri_is_refused,
    an_unknown_member_is_named,
    an_unknown_query_parameter_is_named,
    encryption_needs_a_key,
    a_pairwise_subject_needs_an_audience,
    a_large_body_is_refused,
    a_token_is_issued_if_it_can_be_presented,
);

/// Member, value, whether PUT refuses it too.
fn wrong() -> Vec<(&'static str, Value)> {
    let long = "x".repeat(256);
    vec![
        ("sub", json!("")),
        ("sub", json!(1)),
        ("sub", json!(long)),
        ("sub", json!("a\u{0}b")),
        ("sub", json!("a\nb")),
        ("sub", Value::Null),
        ("cid", json!("")),
        ("cid", json!(["c1"])),
        ("cid", json!(long)),
        ("cid", json!("a\u{0}b")),
        ("cid", Value::Null),
        ("scp", json!("read")),
        ("scp", json!(["a b"])),
        ("scp", json!([""])),
        ("scp", json!([1])),
        ("scp", json!(["a\"b"])),
        ("scp", json!(["a\\b"])),
        ("scp", json!(["\u{e9}"])),
        ("scp", json!({"a": 1})),
        ("scs", json!("read")),
        ("scs", json!([""])),
        ("lng", json!("true")),
        ("lng", json!(1)),
        ("irt", json!("false")),
        ("irt", json!(0)),
        ("act", json!({})),
        ("act", json!({"sub": ""})),
        ("act", json!({"sub": 1})),
        ("act", json!({"sub": "admin", "extra": 1})),
        ("act", json!("admin")),
        ("act", json!([])),
        ("rtl", json!(-1)),
        ("rtl", json!("60")),
        ("rtl", json!(1.5)),
        ("rtm", json!(-1)),
        ("rtm", json!(true)),
        ("rtr", json!("true")),
        ("atl", json!(-1)),
        ("atl", json!(0)),
        ("atl", json!(9_223_372_036_854_775_808_u64)),
        ("atl", json!(1.5)),
        ("atl", json!("600")),
        ("ate", json!("X")),
        ("ate", json!("identifier")),
        ("ate", json!("")),
        ("ate", json!(1)),
        ("atc", json!("true")),
        ("ats", json!("X")),
        ("ats", json!("pairwise")),
        ("iat", json!(-1)),
        ("iat", json!("now")),
        ("iat", json!(1.5)),
        ("aud", json!("https://resource.example.com")),
        ("aud", json!([1])),
        ("aud", json!([""])),
        ("aud", json!({"a": 1})),
        ("idt", json!(1)),
        ("idr", json!("true")),
        ("clm", json!("email")),
        ("clm", json!([1])),
        ("cls", json!("email")),
        ("cll", json!("en")),
        ("cll", json!([1])),
        ("cld", json!([])),
        ("cld", json!("data")),
        ("uip", json!([])),
        ("uip", json!(1)),
        ("dat", json!([])),
        ("dat", json!("data")),
        ("cch", json!(1)),
        ("ccm", json!("S512")),
        ("ccm", json!("plain ")),
    ]
}

async fn a_member_that_is_wrong_is_refused(app: &TestApp) {
    let before = app.db_rows().await;
    for (member, value) in wrong() {
        let mut body = json!({"sub": "alice", "cid": "c1", "lng": true});
        body[member] = value;
        let answer = app.authz_store().authorize(&body).await;
        assert_eq!(answer.code(), 400, "{body} {answer}");
        let text = answer.error(400, "invalid_request");
        assert!(text.starts_with("Bad request: "), "{text}");
        // A text that no database keeps is refused where it stands.
        let named = text.contains(member) || text.contains("NUL");
        assert!(named, "{text} does not name {member}");
    }
    for body in [json!({"cid": "c1"}), json!({"sub": "alice"}), json!({}), json!([]), json!("alice"), json!(null)] {
        app.authz_store().authorize(&body).await.error(400, "invalid_request");
    }
    assert_eq!(app.db_rows().await, before);
}

async fn a_member_that_is_wrong_is_refused_on_put(app: &TestApp) {
    app.authz_store().stored("alice", "c1").await;
    let before = app.db_rows().await;
    for (member, value) in wrong() {
        let mut body = json!({"sub": "alice", "cid": "c1"});
        body[member] = value;
        let answer = app.authz_store().put(&body).await;
        assert_eq!(answer.code(), 400, "{body} {answer}");
        answer.error(400, "invalid_request");
    }
    assert_eq!(app.db_rows().await, before);
}

async fn what_stands_at_its_limit_is_accepted(app: &TestApp) {
    let longest = "x".repeat(255);
    let bodies = [
        json!({"sub": longest, "cid": longest}),
        json!({"sub": "Ælfrēd 🦉", "cid": "c 1"}),
        json!({"sub": "alice' OR 1=1--", "cid": "%"}),
        json!({"sub": "alice", "cid": "c1", "atl": 1}),
        json!({"sub": "alice", "cid": "c1", "rtl": 0, "rtm": 0}),
        json!({"sub": "alice", "cid": "c1", "scp": []}),
        json!({"sub": "alice", "cid": "c1", "scp": ["!#[]~", "https://example.com/scope"]}),
    ];
    for body in bodies {
        let mut body = body;
        body["lng"] = json!(true);
        app.authz_store().new_code(&body).await;
        let (sub, cid) = (body["sub"].as_str().unwrap(), body["cid"].as_str().unwrap());
        assert_eq!(app.authz_store().record(sub, cid).await["sub"], sub);
    }
}

async fn a_bad_redirection_uri_is_refused(app: &TestApp) {
    let before = app.db_rows().await;
    for rur in [
        "javascript:x",
        "/in",
        "in",
        "https://client.example.com/in#fragment",
        "//client.example.com/in",
        "data:text/html,x",
    ] {
        let body = json!({"sub": "alice", "cid": "c1", "rur": rur});
        let answer = app.authz_store().authorize(&body).await;
        assert_eq!(answer.code(), 400, "{rur} {answer}");
        assert!(answer.error(400, "invalid_request").contains("rur"), "{answer}");
    }
    assert_eq!(app.db_rows().await, before);
    for rur in [
        "https://client.example.com/in?a=b",
        "com.example.app://auth",
        "com.example.app:/auth",
        "http://127.0.0.1:9000/",
    ] {
        app.authz_store().new_code(&json!({"sub": "alice", "cid": "c1", "rur": rur})).await;
    }
}

async fn an_unknown_member_is_named(app: &TestApp) {
    app.authz_store().stored("alice", "c1").await;
    let before = app.db_rows().await;
    for (member, value) in
        [("scope", json!("a")), ("Sub", json!("bob")), ("constructor", json!(1)), ("client_id", json!("c1"))]
    {
        let mut body = json!({"sub": "alice", "cid": "c1"});
        body[member] = value;
        for answer in [
            app.authz_store().authorize(&body).await,
            app.authz_store().tokens(&body).await,
            app.authz_store().put(&body).await,
            app.authz_store().import(&body).await,
        ] {
            let text = answer.error(400, "invalid_request");
            assert!(text.contains(member), "{text} does not name {member}");
        }
    }
    assert_eq!(app.db_rows().await, before);
}

async fn an_unknown_query_parameter_is_named(app: &TestApp) {
    let before = app.db_rows().await;
    let body = json!({"sub": "alice", "cid": "c1", "lng": true});
    for (query, culprit) in [
        ("retrun=tokens", "retrun"),
        ("return=tokens&return=tokens", "return"),
        ("return=tokens&return=code", "return"),
        ("import=yes", "import"),
        ("import=True", "import"),
        ("import=true&import=true", "import"),
        ("access_token=ztucZS1ZyFKgh0tUEruUtiSTXhnexmd6", "access_token"),
        ("subject=alice", "subject"),
    ] {
        let answer = app.authz_store().request("POST", &format!("authorizations?{query}")).json(&body).send().await;
        let text = answer.error(400, "invalid_request");
        assert!(text.contains(culprit), "{query}: {text}");
        assert!(!text.contains("ztucZS1ZyFKgh0tUEruUtiSTXhnexmd6"), "{text}");
    }
    assert_eq!(app.db_rows().await, before);
}

async fn encryption_needs_a_key(app: &TestApp) {
    let before = app.db_rows().await;
    let body = json!({"sub": "alice", "cid": "c1", "lng": true, "atc": true});
    assert!(app.authz_store().authorize(&body).await.error(400, "invalid_request").contains("atc"));
    app.authz_store().tokens(&body).await.error(400, "invalid_request");
    assert_eq!(app.db_rows().await, before);
}

async fn a_pairwise_subject_needs_an_audience(app: &TestApp) {
    let before = app.db_rows().await;
    for aud in [Value::Null, json!([])] {
        let body = json!({"sub": "alice", "cid": "c1", "lng": true, "ats": "PAIRWISE", "aud": aud});
        app.authz_store().authorize(&body).await.error(400, "invalid_request");
        app.authz_store().tokens(&body).await.error(400, "invalid_request");
    }
    assert_eq!(app.db_rows().await, before);
}

async fn a_large_body_is_refused(app: &TestApp) {
    let store = app.authz_store();
    let sized = |bytes: usize| {
        let mut body = json!({"sub": "alice", "cid": "c1", "lng": true, "dat": {"k": ""}});
        let rest = bytes - body.to_string().len();
        body["dat"]["k"] = json!("x".repeat(rest));
        assert_eq!(body.to_string().len(), bytes);
        body
    };
    store.authorize(&sized(64 * 1024)).await.status(200);
    store.authorize(&sized(64 * 1024 + 1)).await.error(413, "invalid_request");
    store.put(&sized(64 * 1024 + 1)).await.error(413, "invalid_request");
    store.import(&sized(1024 * 1024)).await.status(204);
    store.import(&sized(1024 * 1024 + 1)).await.error(413, "invalid_request");
}

async fn a_token_is_issued_if_it_can_be_presented(app: &TestApp) {
    let store = app.authz_store();
    let with = |bytes: usize, ate: &str| json!({"sub": "alice", "cid": "c1", "lng": true, "irt": true, "ate": ate, "dat": {"k": "y".repeat(bytes)}});
    for (bytes, ate) in [(12_500, "SELF_CONTAINED"), (44_000, "SELF_CONTAINED"), (60_000, "IDENTIFIER")] {
        let tokens = store.new_tokens(&with(bytes, ate)).await;
        let access = tokens["access_token"].as_str().unwrap();
        let shown = store.inspect("access_token", access).await.status(200).json();
        assert_eq!(shown["dat"]["k"].as_str().unwrap().len(), bytes);
        store.revoke_quietly(&[("access_token", access)]).await.status(204);
        store.assert_live("access_token", access, false).await;
    }
    let before = app.db_rows().await;
    let text = store.tokens(&with(60_000, "SELF_CONTAINED")).await.error(400, "invalid_request");
    assert!(text.contains("IDENTIFIER"), "{text}");
    assert_eq!(app.db_rows().await, before);
    let mut imported = with(100_000, "SELF_CONTAINED");
    imported["rft"] = json!("an-imported-refresh-token");
    store.import(&imported).await.status(204);
    store.refresh("an-imported-refresh-token").await.error(400, "invalid_request");
    // However the parameter is written, an import may be large.
    imported["ate"] = json!("IDENTIFIER");
    let request = store.request("POST", "authorizations?%69mport=%74rue").json(&imported);
    request.send().await.status(204);
    store.refresh("an-imported-refresh-token").await.status(200);
}
