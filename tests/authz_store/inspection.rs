//! Inspection of codes, access tokens and refresh tokens.

use serde_json::{Value, json};

use crate::harness::{NOW, TestApp, both, jwt};

both!(
    the_example_shows_the_claims_of_a_self_contained_token,
    an_identifier_token_shows_its_snapshot,
    an_access_token_never_shows_what_is_not_its_own,
    a_code_shows_the_pending_authorisation,
    a_refresh_token_shows_the_authorisation,
    inspecting_changes_nothing,
    exactly_one_thing_is_inspected,
    what_is_not_a_token_is_refused_alike,
    a_token_ends_with_its_lifetime,
    no_other_jwt_passes_for_an_access_token,
    a_forged_jwt_is_refused,
    an_identifier_token_is_exact,
    a_token_of_another_tenant_is_unknown,
    a_single_use_token_is_used_once,
    single_use_spares_self_contained_tokens,
    single_use_spares_the_rest,
    single_use_is_for_access_tokens,
    direct_inspection_waives_the_credential_for_access_tokens,
    direct_inspection_is_off_by_default,
    an_unregistered_token_is_inspected_too,
);

fn body(ate: &str) -> Value {
    json!({
        "sub": "alice", "cid": "65564eb0058d", "scp": ["openid", "email", "app:write"], "lng": true, "irt": true, "ate": ate,
        "aud": ["https://resource-1.example.com", "https://resource-2.example.com"], "scs": ["address"], "cls": ["name"],
        "clm": ["email"], "dat": {"k": 1}
    })
}

async fn access_token(app: &TestApp, body: &Value) -> String {
    app.authz_store().new_tokens(body).await["access_token"].as_str().unwrap().to_owned()
}

async fn the_example_shows_the_claims_of_a_self_contained_token(app: &TestApp) {
    let token = access_token(app, &body("SELF_CONTAINED")).await;
    let shown = app.authz_store().inspect("access_token", &token).await.status(200).no_store().json();
    for (member, value) in [
        ("sub", json!("alice")),
        ("cid", json!("65564eb0058d")),
        ("scp", json!(["openid", "email", "app:write"])),
        ("iss", json!("https://acme.example.com")),
        ("iat", json!(NOW)),
        ("exp", json!(NOW + 600)),
        ("aud", json!(["https://resource-1.example.com", "https://resource-2.example.com"])),
        ("clm", json!(["email"])),
        ("dat", json!({"k": 1})),
    ] {
        assert_eq!(shown[member], value, "{member}");
    }
}

async fn an_identifier_token_shows_its_snapshot(app: &TestApp) {
    let token = access_token(app, &body("IDENTIFIER")).await;
    assert!(!token.contains('.'), "{token}");
    let before = app.authz_store().inspect("access_token", &token).await.status(200).json();
    for (member, value) in [
        ("sub", json!("alice")),
        ("cid", json!("65564eb0058d")),
        ("scp", json!(["openid", "email", "app:write"])),
        ("iss", json!("https://acme.example.com")),
        ("iat", json!(NOW)),
        ("exp", json!(NOW + 600)),
        ("aud", json!(["https://resource-1.example.com", "https://resource-2.example.com"])),
        ("clm", json!(["email"])),
        ("dat", json!({"k": 1})),
    ] {
        assert_eq!(before[member], value, "{member}");
    }
    app.authz_store().put(&json!({"sub": "alice", "cid": "65564eb0058d", "scp": ["other"]})).await.status(204);
    assert_eq!(app.authz_store().inspect("access_token", &token).await.status(200).json(), before);
}

async fn an_access_token_never_shows_what_is_not_its_own(app: &TestApp) {
    for ate in ["SELF_CONTAINED", "IDENTIFIER"] {
        let token = access_token(app, &body(ate)).await;
        let shown = app.authz_store().inspect("access_token", &token).await.status(200).json();
        for member in ["rft", "rti", "rtl", "scs", "cls", "rur", "idt", "cch", "ccm"] {
            assert_eq!(shown.get(member), None, "{ate}: {member}");
        }
    }
}

async fn a_code_shows_the_pending_authorisation(app: &TestApp) {
    let mut posted = body("IDENTIFIER");
    for (member, value) in [
        ("rur", json!("https://client.example.com/in")),
        ("cch", json!("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")),
        ("ccm", json!("S256")),
        ("idt", json!("eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjEz...")),
        ("lng", json!(false)),
    ] {
        posted[member] = value;
    }
    for lng in [false, true] {
        posted["lng"] = json!(lng);
        let code = app.authz_store().new_code(&posted).await;
        let shown = app.authz_store().inspect("code", &code).await.status(200).no_store().json();
        for (member, value) in posted.as_object().unwrap() {
            assert_eq!(shown[member], *value, "{member}");
        }
        assert_eq!(shown["iss"], "https://acme.example.com");
    }
}

async fn a_refresh_token_shows_the_authorisation(app: &TestApp) {
    for lng in [true, false] {
        let mut posted = body("IDENTIFIER");
        posted["lng"] = json!(lng);
        let issued = app.authz_store().new_tokens(&posted).await;
        let refresh_token = issued["refresh_token"].as_str().unwrap();
        let shown = app.authz_store().inspect("refresh_token", refresh_token).await.status(200).no_store().json();
        for (member, value) in posted.as_object().unwrap() {
            assert_eq!(shown[member], *value, "{member}");
        }
        assert_eq!((&shown["rft"], &shown["rti"]), (&json!(refresh_token), &json!(NOW)));
        for member in ["rur", "idt", "cch", "ccm"] {
            assert_eq!(shown.get(member), None, "{member}");
        }
    }
    let rotating = app.authz_store().as_tenant("rotating");
    let [older, _newer] = [rotating.stored("alice", "c1").await, rotating.stored("alice", "c1").await];
    let older = older["refresh_token"].as_str().unwrap();
    assert_eq!(rotating.inspect("refresh_token", older).await.status(200).json()["rft"], older, "as submitted");
}

async fn inspecting_changes_nothing(app: &TestApp) {
    let store = app.authz_store();
    let code = store.new_code(&body("IDENTIFIER")).await;
    let issued =
        store.new_tokens(&json!({"sub": "bob", "cid": "c1", "lng": true, "irt": true, "rtr": true, "rtm": 50})).await;
    let record = store.record("bob", "c1").await;
    for _ in 0..3 {
        store.assert_live("code", &code, true).await;
        store.assert_live("refresh_token", issued["refresh_token"].as_str().unwrap(), true).await;
        store.assert_live("access_token", issued["access_token"].as_str().unwrap(), true).await;
    }
    assert_eq!(store.record("bob", "c1").await, record);
    app.advance(49);
    store.assert_live("refresh_token", issued["refresh_token"].as_str().unwrap(), true).await;
    app.advance(1);
    // It was looked at, not used.
    store.assert_live("refresh_token", issued["refresh_token"].as_str().unwrap(), false).await;
    store.exchange(&[("code", &code), ("client_id", "65564eb0058d")]).await.status(200);
}

async fn exactly_one_thing_is_inspected(app: &TestApp) {
    let store = app.authz_store();
    let token = access_token(app, &body("IDENTIFIER")).await;
    let before = app.db_rows().await;
    let cases: &[&[(&str, &str)]] = &[
        &[],
        &[("access_token", "")],
        &[("code", "")],
        &[("refresh_token", "")],
        &[("access_token", &token), ("code", "x")],
        &[("access_token", &token), ("refresh_token", "x")],
        &[("access_token", &token), ("refresh_token", "")],
        &[("code", "x"), ("refresh_token", "x")],
        &[("access_token", &token), ("access_token", &token)],
        &[("access_token", &token), ("token_type_hint", "access_token")],
        &[("token", &token)],
    ];
    for fields in cases {
        for target in ["inspection", "inspection?revoke=true"] {
            let answer = store.request("POST", target).form(fields).send().await;
            assert_eq!(answer.code(), 400, "{fields:?} {answer}");
            answer.error(400, "invalid_request");
            assert!(!answer.text().contains(&token), "{answer}");
        }
    }
    for query in ["revoke=yes", "revoke=TRUE", "revoke=1", "revoke=", "revoke=true&revoke=true", "quiet=true"] {
        let answer =
            store.request("POST", &format!("inspection?{query}")).form(&[("access_token", &token)]).send().await;
        assert_eq!(answer.code(), 400, "{query} {answer}");
    }
    let in_query = store.request("POST", &format!("inspection?access_token={token}")).form(&[]).send().await;
    in_query.error(400, "invalid_request");
    assert!(!in_query.text().contains(&token), "{in_query}");
    assert_eq!(app.db_rows().await, before);
    store.assert_live("access_token", &token, true).await;
}

async fn what_is_not_a_token_is_refused_alike(app: &TestApp) {
    let store = app.authz_store();
    let issued = store.new_tokens(&body("IDENTIFIER")).await;
    let code = store.new_code(&body("IDENTIFIER")).await;
    let [access_token, refresh_token] =
        [&issued["access_token"], &issued["refresh_token"]].map(|t| t.as_str().unwrap());
    let before = app.db_rows().await;
    for (kind, others) in [
        ("code", [access_token, refresh_token]),
        ("access_token", [&code, refresh_token]),
        ("refresh_token", [&code, access_token]),
    ] {
        let mut answers = Vec::new();
        let invented = ["x", "....", "a.b.c", "é", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.", "b15b843981cf"];
        for text in others.iter().chain(&invented) {
            let answer = store.inspect(kind, text).await;
            answer.error(404, &format!("invalid_{kind}"));
            answers.push(answer.fingerprint());
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "one body for all: {answers:?}");
    }
    let text = store.inspect("access_token", "x").await.error(404, "invalid_access_token");
    assert_eq!(text, "Invalid / expired access token");
    assert_eq!(app.db_rows().await, before);
}

async fn a_token_ends_with_its_lifetime(app: &TestApp) {
    for ate in ["SELF_CONTAINED", "IDENTIFIER"] {
        let mut posted = body(ate);
        posted["atl"] = json!(30);
        let token = access_token(app, &posted).await;
        app.advance(29);
        app.authz_store().assert_live("access_token", &token, true).await;
        app.advance(1);
        app.authz_store().assert_live("access_token", &token, false).await;
    }
}

async fn no_other_jwt_passes_for_an_access_token(app: &TestApp) {
    let store = app.authz_store();
    let posted = json!({"sub": "alice", "cid": "c1", "scp": ["openid"], "lng": true, "irt": true, "idr": true});
    let refresh_token = store.new_tokens(&posted).await["refresh_token"].as_str().unwrap().to_owned();
    let id_token = store.refresh(&refresh_token).await.status(200).json()["id_token"].as_str().unwrap().to_owned();
    jwt::verified(app, "acme", &id_token).await;
    for kind in ["access_token", "refresh_token", "code"] {
        store.assert_live(kind, &id_token, false).await;
    }
    store.revoke(&[("access_token", &id_token)]).await.error(404, "invalid_access_token");
}

async fn a_forged_jwt_is_refused(app: &TestApp) {
    let store = app.authz_store();
    let token = access_token(app, &body("SELF_CONTAINED")).await;
    let parts: Vec<_> = token.split('.').collect();
    let claims = jwt::unverified(&token);
    let forged_claims = {
        let mut forged = claims.claims.clone();
        forged["sub"] = json!("admin");
        jwt::shaped(&forged)
    };
    let forged_payload = forged_claims.split('.').nth(1).unwrap();
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0";
    for forged in [
        format!("{}.{forged_payload}.{}", parts[0], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{none}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
        format!("{token}."),
        format!("{token}A"),
        format!("{}.{}", parts[0], parts[1]),
        format!("{token}="),
        format!(" {token}"),
        forged_claims.clone(),
        jwt::signed_by_legacy(claims.header.clone(), &claims.claims),
    ] {
        let answer = store.inspect("access_token", &forged).await;
        assert_eq!(answer.code(), 404, "{forged} {answer}");
    }
    store.assert_live("access_token", &token, true).await;
}

async fn an_identifier_token_is_exact(app: &TestApp) {
    let store = app.authz_store();
    let token = access_token(app, &body("IDENTIFIER")).await;
    assert!(jwt::decode(&token).len() >= 32, "a random id of 128 bits and a MAC of 128 bits");
    let flipped = |at: usize| {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let mut wrong: Vec<String> = (0..token.len() - 1).map(flipped).collect();
    wrong.extend([token[..token.len() - 1].to_owned(), format!("{token}A"), format!("{token}="), format!("{token} ")]);
    // The last character holds spare bits: another one that decodes to the same bytes is still another token.
    let last = token.chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    wrong.extend(alphabet.chars().filter(|c| *c != last).map(|c| format!("{}{c}", &token[..token.len() - 1])));
    for text in wrong {
        let answer = store.inspect("access_token", &text).await;
        assert_eq!(answer.code(), 404, "{text} is not {token}");
    }
    store.assert_live("access_token", &token, true).await;
}

async fn a_token_of_another_tenant_is_unknown(app: &TestApp) {
    for ate in ["SELF_CONTAINED", "IDENTIFIER"] {
        let token = access_token(app, &body(ate)).await;
        let globex = app.authz_store().as_tenant("globex");
        let answer = globex.inspect("access_token", &token).await;
        answer.error(404, "invalid_access_token");
        assert_eq!(answer.fingerprint(), globex.inspect("access_token", "b15b843981cf").await.fingerprint());
        globex.inspect_once(&token).await.error(404, "invalid_access_token");
        app.authz_store().assert_live("access_token", &token, true).await;
    }
}

async fn a_single_use_token_is_used_once(app: &TestApp) {
    let token = access_token(app, &body("IDENTIFIER")).await;
    let shown = app.authz_store().inspect("access_token", &token).await.status(200).json();
    assert_eq!(app.authz_store().inspect_once(&token).await.status(200).no_store().json(), shown);
    app.authz_store().inspect_once(&token).await.error(404, "invalid_access_token");
    app.authz_store().assert_live("access_token", &token, false).await;
}

async fn single_use_spares_self_contained_tokens(app: &TestApp) {
    let token = access_token(app, &body("SELF_CONTAINED")).await;
    for _ in 0..3 {
        app.authz_store().inspect_once(&token).await.status(200);
    }
}

async fn single_use_spares_the_rest(app: &TestApp) {
    let store = app.authz_store();
    let first = store.new_tokens(&body("IDENTIFIER")).await;
    let second = access_token(app, &body("IDENTIFIER")).await;
    store.inspect_once(first["access_token"].as_str().unwrap()).await.status(200);
    store.assert_live("access_token", &second, true).await;
    store.refresh(first["refresh_token"].as_str().unwrap()).await.status(200);
    assert_eq!(store.record("alice", "65564eb0058d").await["rft"], first["refresh_token"]);
}

async fn single_use_is_for_access_tokens(app: &TestApp) {
    let store = app.authz_store();
    let refresh_token = store.stored("alice", "c1").await["refresh_token"].as_str().unwrap().to_owned();
    let code = store.new_code(&json!({"sub": "alice", "cid": "c2"})).await;
    for _ in 0..2 {
        for (kind, token) in [("code", &code), ("refresh_token", &refresh_token)] {
            store.request("POST", "inspection?revoke=true").form(&[(kind, token)]).send().await.status(200);
        }
    }
}

async fn direct_inspection_waives_the_credential_for_access_tokens(app: &TestApp) {
    let store = app.authz_store().as_tenant("direct");
    let bare = store.clone().without_credentials();
    for ate in ["SELF_CONTAINED", "IDENTIFIER"] {
        let issued = store.new_tokens(&body(ate)).await;
        let token = issued["access_token"].as_str().unwrap();
        bare.inspect("access_token", token).await.status(200);
        bare.inspect("access_token", "b15b843981cf").await.error(404, "invalid_access_token");
        bare.inspect_once(token).await.error(401, "missing_token");
        bare.inspect("refresh_token", issued["refresh_token"].as_str().unwrap()).await.error(401, "missing_token");
        bare.inspect("code", "x").await.error(401, "missing_token");
        store.clone().with_token("wrong").inspect("access_token", token).await.error(401, "invalid_token");
        store.inspect("access_token", token).await.status(200);
    }
    bare.find(&[]).await.error(401, "missing_token");
    bare.authorize(&body("IDENTIFIER")).await.error(401, "missing_token");
    bare.revoke(&[("subject", "alice")]).await.error(401, "missing_token");
}

async fn direct_inspection_is_off_by_default(app: &TestApp) {
    let token = access_token(app, &body("IDENTIFIER")).await;
    app.authz_store().without_credentials().inspect("access_token", &token).await.error(401, "missing_token");
}

async fn an_unregistered_token_is_inspected_too(app: &TestApp) {
    let store = app.authz_store().as_tenant("unregistered");
    for ate in ["SELF_CONTAINED", "IDENTIFIER"] {
        let issued = store.new_tokens(&body(ate)).await;
        let token = issued["access_token"].as_str().unwrap();
        store.assert_live("access_token", token, true).await;
        store.revoke_quietly(&[("subject", "alice")]).await.status(204);
        store.assert_live("access_token", token, false).await;
    }
}
