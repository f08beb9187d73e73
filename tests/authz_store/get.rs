//! GET of stored authorisations, in every combination of subject, actor and client.

use serde_json::{Value, json};

use crate::harness::{TestApp, both};

both!(
    the_example_shows_one_record,
    the_example_shows_the_record_of_an_actor,
    subject_and_client_find_one_or_nothing,
    a_subject_finds_its_records_by_client,
    a_client_finds_its_records_by_subject,
    an_actor_finds_an_array,
    no_parameter_finds_everything,
    nothing_is_found_in_an_empty_store,
    what_is_revoked_is_not_found,
    what_is_awkward_is_only_text,
    a_bad_query_is_refused,
    another_tenant_sees_nothing,
    many_records_are_all_there,
);

/// alice and bob at c1 and c2; admin for both of them at c1, helpdesk for alice at c1 and c2.
async fn fill(app: &TestApp) {
    let store = app.authz_store();
    for (subject, client) in [("alice", "c1"), ("alice", "c2"), ("bob", "c1")] {
        store.stored(subject, client).await;
    }
    for (subject, actor, client) in
        [("alice", "admin", "c1"), ("bob", "admin", "c1"), ("alice", "helpdesk", "c1"), ("alice", "helpdesk", "c2")]
    {
        store.stored_for(subject, actor, client).await;
    }
}

type Query<'a> = &'a [(&'a str, &'a str)];

fn key(record: &Value) -> String {
    let of = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    format!("{}/{}/{}", of(&record["sub"]), of(&record["act"]["sub"]), of(&record["cid"]))
}

fn keys(array: &Value) -> Vec<String> {
    let mut keys: Vec<_> = array.as_array().unwrap().iter().map(key).collect();
    keys.sort();
    keys
}

async fn the_example_shows_one_record(app: &TestApp) {
    let body = json!({
        "sub": "alice", "cid": "65564eb0058d", "scp": ["openid", "email"], "scs": ["address"], "lng": true, "irt": true,
        "atl": 3600, "ate": "IDENTIFIER", "iat": 1_360_050_795, "clm": ["email", "email_verified"]
    });
    let refresh_token = app.authz_store().new_tokens(&body).await["refresh_token"].clone();
    let answer = app.authz_store().find(&[("subject", "alice"), ("client_id", "65564eb0058d")]).await;
    let record = answer.status(200).no_store().json();
    for (member, value) in body.as_object().unwrap() {
        assert_eq!(record[member], *value, "{member}");
    }
    assert_eq!(record["iss"], "https://acme.example.com");
    assert_eq!(record["rft"], refresh_token);
}

async fn the_example_shows_the_record_of_an_actor(app: &TestApp) {
    let body = json!({
        "sub": "alice", "act": {"sub": "admin"}, "cid": "65564eb0058d", "scp": ["openid", "email"], "lng": true,
        "irt": false, "atl": 3600, "ate": "SELF_CONTAINED", "iat": 1_360_050_795, "clm": ["name", "email", "email_verified"]
    });
    app.authz_store().new_code(&body).await;
    let query = [("subject", "alice"), ("actor", "admin"), ("client_id", "65564eb0058d")];
    let record = app.authz_store().find(&query).await.status(200).json();
    for (member, value) in body.as_object().unwrap() {
        assert_eq!(record[member], *value, "{member}");
    }
    assert_eq!(record.get("rft"), None);
}

async fn subject_and_client_find_one_or_nothing(app: &TestApp) {
    fill(app).await;
    let store = app.authz_store();
    assert_eq!(key(&store.record("alice", "c1").await), "alice/-/c1", "the one without actor");
    let query = [("subject", "alice"), ("actor", "helpdesk"), ("client_id", "c2")];
    assert_eq!(key(&store.find(&query).await.status(200).json()), "alice/helpdesk/c2");
    let missing: &[&[(&str, &str)]] = &[
        &[("subject", "bob"), ("client_id", "c2")],
        &[("subject", "carol"), ("client_id", "c1")],
        &[("subject", "Alice"), ("client_id", "c1")],
        &[("subject", "alice "), ("client_id", "c1")],
        &[("subject", "bob"), ("actor", "helpdesk"), ("client_id", "c1")],
        &[("subject", "alice"), ("actor", "admin"), ("client_id", "c2")],
    ];
    for query in missing {
        let text = store.find(query).await.error(404, "authz_not_found");
        assert_eq!(text, "Not found: Authorization not found");
    }
}

async fn a_subject_finds_its_records_by_client(app: &TestApp) {
    fill(app).await;
    let found = app.authz_store().find(&[("subject", "alice")]).await.status(200).no_store().json();
    let found = found.as_object().unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), ["c1", "c2"]);
    for (client, record) in found {
        assert_eq!(key(record), format!("alice/-/{client}"));
    }
    assert_eq!(found["c1"], app.authz_store().record("alice", "c1").await);
    app.authz_store().stored_for("carol", "admin", "c1").await;
    let acted_for = app.authz_store().find(&[("subject", "carol")]).await;
    assert_eq!(acted_for.status(200).json(), json!({}), "records without actor only");
}

async fn a_client_finds_its_records_by_subject(app: &TestApp) {
    fill(app).await;
    let found = app.authz_store().find(&[("client_id", "c1")]).await.status(200).no_store().json();
    let found = found.as_object().unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), ["alice", "bob"]);
    for (subject, record) in found {
        assert_eq!(key(record), format!("{subject}/-/c1"));
    }
}

async fn an_actor_finds_an_array(app: &TestApp) {
    fill(app).await;
    let store = app.authz_store();
    let cases: &[(Query, &[&str])] = &[
        (&[("actor", "admin")], &["alice/admin/c1", "bob/admin/c1"]),
        (&[("actor", "helpdesk")], &["alice/helpdesk/c1", "alice/helpdesk/c2"]),
        (&[("actor", "admin"), ("subject", "bob")], &["bob/admin/c1"]),
        (&[("actor", "helpdesk"), ("client_id", "c2")], &["alice/helpdesk/c2"]),
        (&[("actor", "nobody")], &[]),
        (&[("actor", "nobody"), ("subject", "alice")], &[]),
        (&[("actor", "admin"), ("client_id", "c2")], &[]),
    ];
    for (query, expected) in cases {
        let found = store.find(query).await.status(200).no_store().json();
        assert_eq!(keys(&found), *expected, "{query:?}");
    }
}

async fn no_parameter_finds_everything(app: &TestApp) {
    fill(app).await;
    app.authz_store().new_tokens(&json!({"sub": "dave", "cid": "c1", "irt": true})).await;
    let found = app.authz_store().find(&[]).await.status(200).no_store().json();
    let all = [
        "alice/-/c1",
        "alice/-/c2",
        "alice/admin/c1",
        "alice/helpdesk/c1",
        "alice/helpdesk/c2",
        "bob/-/c1",
        "bob/admin/c1",
    ];
    assert_eq!(keys(&found), all, "what is transient is not stored");
}

async fn nothing_is_found_in_an_empty_store(app: &TestApp) {
    let store = app.authz_store();
    for selector in [("subject", "alice"), ("client_id", "c1")] {
        assert_eq!(store.find(&[selector]).await.status(200).json(), json!({}));
    }
    assert_eq!(store.find(&[("actor", "admin")]).await.status(200).json(), json!([]));
    assert_eq!(store.find(&[]).await.status(200).json(), json!([]));
}

async fn what_is_revoked_is_not_found(app: &TestApp) {
    fill(app).await;
    let store = app.authz_store();
    store.revoke_quietly(&[("subject", "alice")]).await.status(204);
    store.find(&[("subject", "alice"), ("client_id", "c1")]).await.error(404, "authz_not_found");
    assert_eq!(store.find(&[("subject", "alice")]).await.status(200).json(), json!({}));
    assert_eq!(keys(&store.find(&[("actor", "admin")]).await.status(200).json()), ["bob/admin/c1"]);
    assert_eq!(keys(&store.find(&[]).await.status(200).json()), ["bob/-/c1", "bob/admin/c1"]);
    let by_client = store.find(&[("client_id", "c1")]).await.status(200).json();
    assert_eq!(by_client.as_object().unwrap().keys().collect::<Vec<_>>(), ["bob"]);
}

async fn what_is_awkward_is_only_text(app: &TestApp) {
    fill(app).await;
    let store = app.authz_store();
    for text in ["alice' OR 1=1--", "%", "_lice", "al%", "alice\\", "\"", "*", "é", "🦉", "alice&client_id=c1", "ALICE"]
    {
        assert_eq!(store.find(&[("subject", text)]).await.status(200).json(), json!({}), "{text}");
        assert_eq!(store.find(&[("client_id", text)]).await.status(200).json(), json!({}), "{text}");
        assert_eq!(store.find(&[("actor", text)]).await.status(200).json(), json!([]), "{text}");
    }
    for text in ["é", "a b+c%", "\"\\/", "🦉", "__proto__"] {
        store.stored(text, "c9").await;
        assert_eq!(key(&store.record(text, "c9").await), format!("{text}/-/c9"));
        let by_client = store.find(&[("client_id", "c9")]).await.status(200).json();
        assert_eq!(by_client[text]["sub"], text);
    }
}

async fn a_bad_query_is_refused(app: &TestApp) {
    fill(app).await;
    let before = app.db_rows().await;
    for (query, culprit) in [
        ("subject=", "subject"),
        ("subject=&client_id=c1", "subject"),
        ("subject=alice&client_id=", "client_id"),
        ("actor=", "actor"),
        ("subject=alice&subject=alice", "subject"),
        ("subject=alice&subject=bob", "subject"),
        ("client_id=c1&client_id=c2", "client_id"),
        ("sub=alice", "sub"),
        ("Subject=alice", "Subject"),
        ("cid=c1", "cid"),
        ("no_duplicates=true", "no_duplicates"),
        ("subject=%zz", ""),
        ("subject=%ff", ""),
        ("subject=%", ""),
        ("subject=alice%00", ""),
        ("subject=%c0%af", ""),
    ] {
        let answer = app.authz_store().request("GET", &format!("authorizations?{query}")).send().await;
        assert_eq!(answer.code(), 400, "{query} {answer}");
        assert!(answer.error(400, "invalid_request").contains(culprit), "{query} {answer}");
    }
    let long = "x".repeat(10_000);
    let answer = app.authz_store().find(&[("subject", &long)]).await;
    assert!(answer.code() == 400 || answer.json() == json!({}), "no subject is as long: {answer}");
    assert_eq!(app.db_rows().await, before);
}

async fn another_tenant_sees_nothing(app: &TestApp) {
    fill(app).await;
    let globex = app.authz_store().as_tenant("globex");
    assert_eq!(globex.find(&[]).await.status(200).json(), json!([]));
    assert_eq!(globex.find(&[("subject", "alice")]).await.status(200).json(), json!({}));
    let there = globex.find(&[("subject", "alice"), ("client_id", "c1")]).await;
    let nowhere = globex.find(&[("subject", "nobody"), ("client_id", "c1")]).await;
    there.error(404, "authz_not_found");
    assert_eq!(there.fingerprint(), nowhere.fingerprint());
    globex.stored("alice", "c1").await;
    globex.revoke(&[("subject", "alice")]).await.status(200);
    assert_eq!(key(&app.authz_store().record("alice", "c1").await), "alice/-/c1");
}

async fn many_records_are_all_there(app: &TestApp) {
    let store = app.authz_store();
    // More than any chunk that is likely to be read at once.
    let (subjects, clients) = (40, 30);
    let mut expected = Vec::new();
    for subject in 0..subjects {
        let bodies = (0..clients)
            .map(|client| json!({"sub": format!("s{subject:02}"), "cid": format!("c{client:02}"), "lng": true}));
        let store = &store;
        let imports = bodies.map(|body| async move { store.import(&body).await.status(204).code() });
        futures_util::future::join_all(imports).await;
        expected.extend((0..clients).map(|client| format!("s{subject:02}/-/c{client:02}")));
    }
    assert_eq!(keys(&store.find(&[]).await.status(200).json()), expected);
    let by_client = store.find(&[("client_id", "c07")]).await.status(200).json();
    assert_eq!(by_client.as_object().unwrap().len(), subjects);
    let mut twice: Vec<_> = (0..subjects).map(|subject| format!("s{subject:02}")).collect();
    assert_eq!(store.list("subjects?no_duplicates=true").await, twice);
    twice = twice.iter().flat_map(|subject| std::iter::repeat_n(subject.clone(), clients)).collect();
    assert_eq!(store.list("subjects").await, twice);
    let revoked = store.revoke(&[("client_id", "c07")]).await.status(200).json();
    assert_eq!(revoked.as_object().unwrap().len(), subjects);
    assert_eq!(store.find(&[("client_id", "c07")]).await.status(200).json(), json!({}));
}
