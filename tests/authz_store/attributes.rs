//! Every attribute of an authorisation set alone: what it changes in the answer, the record, the access token, its
//! inspection, and after a refresh. Nothing else may change.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::harness::{AuthzStore, NOW, TestApp, both, jwt, tenants};

both!(
    each_attribute_changes_what_it_should_and_nothing_else,
    the_encoding_makes_a_self_contained_or_an_identifier_token,
    an_encrypted_token_hides_a_signed_one,
    an_encrypted_token_is_inspected_and_revoked,
    a_pairwise_subject_hides_the_local_one,
    a_pairwise_subject_is_revoked_by_the_local_one,
    the_profile_names_the_claims,
    a_signed_token_has_the_shape_of_rfc_9068,
    every_algorithm_signs,
    nothing_links_two_tokens_of_a_user,
    what_belongs_to_the_code_alone,
    language_tags_are_checked,
);

/// What the attribute set alone changes in each place; members by their new values.
struct Row {
    member: &'static str,
    value: Value,
    answer: Value,
    record: Value,
    claims: Value,
    inspection: Value,
}

/// An attribute that the record keeps and no token shows.
fn memory(member: &'static str, value: Value) -> Row {
    let record = json!({member: value});
    Row { member, value, answer: json!({}), record, claims: json!({}), inspection: json!({}) }
}

/// An attribute that the token carries under its own name.
fn carried(member: &'static str, value: Value) -> Row {
    let same = json!({member: value});
    Row { claims: same.clone(), inspection: same, ..memory(member, value) }
}

fn rows() -> Vec<Row> {
    let mut scp = carried("scp", json!(["read", "write"]));
    scp.claims = json!({"scope": "read write"});
    scp.answer = json!({"scope": "read write"});
    let mut atl = memory("atl", json!(42));
    atl.answer = json!({"expires_in": 42});
    atl.claims = json!({"exp": NOW + 42});
    atl.inspection = json!({"exp": NOW + 42});
    let mut rtl = memory("rtl", json!(5000));
    rtl.answer = json!({"refresh_token_expires_in": 5000});
    let mut rtm = memory("rtm", json!(70));
    rtm.answer = json!({"expires_in": 70, "refresh_token_expires_in": 70});
    rtm.claims = json!({"exp": NOW + 70});
    rtm.inspection = json!({"exp": NOW + 70});
    let mut idt = memory("idt", json!("eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjEz.c2ln"));
    idt.answer = json!({"id_token": "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjEz.c2ln"});
    idt.record = json!({});
    let code_only = |member, value| Row { record: json!({}), ..memory(member, value) };
    vec![
        scp,
        memory("scs", json!(["address", "phone"])),
        carried("act", json!({"sub": "admin"})),
        carried("aud", json!(["https://resource-1.example.com", "https://resource-2.example.com"])),
        carried("clm", json!(["email", "name#de-CH"])),
        memory("cls", json!(["birthdate"])),
        carried("cll", json!(["de-CH", "en"])),
        carried("cld", json!({"source": {"id": 7}})),
        carried("uip", json!({"given_name": "Alice", "age": 42})),
        carried("dat", json!({"k": [1, 2.5, null, {"deep": "x"}]})),
        atl,
        rtl,
        rtm,
        memory("rtr", json!(true)),
        memory("idr", json!(true)),
        memory("iat", json!(1_360_050_795)),
        idt,
        code_only("rur", json!("https://client.example.com/in")),
        code_only("iss", json!("https://acme.example.com")),
        code_only("ats", json!("PUBLIC")),
        code_only("atc", json!(false)),
    ]
}

/// What one authorisation shows in each place.
struct Shown {
    answer: Value,
    record: Value,
    claims: Option<Value>,
    inspection: Value,
    refreshed: Value,
}

async fn show(store: &AuthzStore<'_>, body: &Value) -> Shown {
    let answer = store.new_tokens(body).await;
    let [access_token, refresh_token] =
        ["access_token", "refresh_token"].map(|kind| answer[kind].as_str().unwrap().to_owned());
    let mut query = vec![("subject", "alice"), ("client_id", "c1")];
    if let Some(actor) = body["act"]["sub"].as_str() {
        query.push(("actor", actor));
    }
    let record = store.find(&query).await.status(200).json();
    let inspection = store.inspect("access_token", &access_token).await.status(200).json();
    let refreshed = store.refresh(&refresh_token).await.status(200).json();
    let refreshed = refreshed["access_token"].as_str().unwrap();
    let refreshed = store.inspect("access_token", refreshed).await.status(200).json();
    let claims = jwt::is_jws(&access_token).then(|| jwt::unverified(&access_token).claims);
    store.revoke_quietly(&[("subject", "alice")]).await.status(204);
    Shown { answer, record, claims, inspection, refreshed }
}

/// The members of `with` that are not as in `without`; `null` for what vanished. Random ones are left out.
fn changes(without: &Value, with: &Value) -> Value {
    let random = ["access_token", "refresh_token", "rft", "jti"];
    let [without, with] = [without, with].map(|value| {
        let members = value.as_object().unwrap().iter().filter(|(name, _)| !random.contains(&name.as_str()));
        members.map(|(name, value)| (name.clone(), value.clone())).collect::<BTreeMap<_, _>>()
    });
    let mut changed = Map::new();
    for name in without.keys().chain(with.keys()) {
        if without.get(name) != with.get(name) {
            changed.insert(name.clone(), with.get(name).cloned().unwrap_or_default());
        }
    }
    Value::Object(changed)
}

async fn each_attribute_changes_what_it_should_and_nothing_else(app: &TestApp) {
    let store = app.authz_store();
    for ate in ["SELF_CONTAINED", "IDENTIFIER"] {
        let plain = json!({"sub": "alice", "cid": "c1", "lng": true, "irt": true, "ate": ate});
        let without = show(&store, &plain).await;
        for row in rows() {
            let mut body = plain.clone();
            body[row.member] = row.value.clone();
            let with = show(&store, &body).await;
            let what = format!("{} with {ate}", row.member);
            assert_eq!(changes(&without.answer, &with.answer), row.answer, "{what}: answer");
            assert_eq!(changes(&without.record, &with.record), row.record, "{what}: record");
            assert_eq!(changes(&without.inspection, &with.inspection), row.inspection, "{what}: inspection");
            assert_eq!(changes(&without.refreshed, &with.refreshed), row.inspection, "{what}: refreshed");
            if let (Some(without), Some(with)) = (&without.claims, &with.claims) {
                assert_eq!(changes(without, with), row.claims, "{what}: claims");
            }
        }
    }
}

async fn the_encoding_makes_a_self_contained_or_an_identifier_token(app: &TestApp) {
    for (tenant, ate, contained) in [
        ("acme", Value::Null, true),
        ("acme", json!("SELF_CONTAINED"), true),
        ("acme", json!("IDENTIFIER"), false),
        ("opaque", Value::Null, false),
        ("opaque", json!("SELF_CONTAINED"), true),
    ] {
        let store = app.authz_store().as_tenant(tenant);
        let tokens = store.new_tokens(&json!({"sub": "alice", "cid": "c1", "lng": true, "ate": ate})).await;
        assert_eq!(jwt::is_jws(tokens["access_token"].as_str().unwrap()), contained, "{tenant} {ate}");
        let expected = if contained { "SELF_CONTAINED" } else { "IDENTIFIER" };
        assert_eq!(store.record("alice", "c1").await["ate"], expected);
    }
}

async fn an_encrypted_token_hides_a_signed_one(app: &TestApp) {
    for (tenant, key, enc) in [("vault", tenants::VAULT_KEY, "A256GCM"), ("vault128", tenants::VAULT128_KEY, "A128GCM")]
    {
        let store = app.authz_store().as_tenant(tenant);
        let body = json!({"sub": "alice", "cid": "c1", "scp": ["read"], "lng": true, "irt": true, "atc": true});
        let issued = store.new_tokens(&body).await;
        let refreshed = store.refresh(issued["refresh_token"].as_str().unwrap()).await.status(200).json();
        for tokens in [&issued, &refreshed] {
            let token = tokens["access_token"].as_str().unwrap();
            assert_eq!(token.split('.').count(), 5, "a compact JWE: {token}");
            let (header, inner) = jwt::decrypted(token, key);
            assert_eq!((&header["alg"], &header["enc"], &header["cty"]), (&json!("dir"), &json!(enc), &json!("JWT")));
            assert_eq!(jwt::verified(app, tenant, &inner).await.claims["sub"], "alice");
            store.inspect("access_token", &inner).await;
        }
        assert_eq!(store.record("alice", "c1").await["atc"], true);
        let opaque = json!({"sub": "bob", "cid": "c1", "atc": true, "ate": "IDENTIFIER"});
        let opaque = store.new_tokens(&opaque).await;
        assert!(!opaque["access_token"].as_str().unwrap().contains('.'), "it applies to self-contained tokens");
    }
}

async fn an_encrypted_token_is_inspected_and_revoked(app: &TestApp) {
    let store = app.authz_store().as_tenant("vault");
    let body = json!({"sub": "alice", "cid": "c1", "scp": ["read"], "lng": true, "atc": true, "dat": {"k": 1}});
    let token = store.new_tokens(&body).await["access_token"].as_str().unwrap().to_owned();
    let shown = store.inspect("access_token", &token).await.status(200).json();
    assert_eq!((&shown["sub"], &shown["scp"], &shown["dat"]), (&json!("alice"), &json!(["read"]), &json!({"k": 1})));
    app.authz_store().assert_live("access_token", &token, false).await;
    store.revoke(&[("access_token", &token)]).await.status(200);
    store.assert_live("access_token", &token, false).await;
}

async fn a_pairwise_subject_hides_the_local_one(app: &TestApp) {
    let store = app.authz_store();
    let mut subjects = Vec::new();
    for (sub, aud, ate) in [
        ("alice", "https://one.example.com", "SELF_CONTAINED"),
        ("alice", "https://one.example.com", "IDENTIFIER"),
        ("alice", "https://two.example.com", "SELF_CONTAINED"),
        ("bob", "https://one.example.com", "SELF_CONTAINED"),
    ] {
        let body = json!({
            "sub": sub, "cid": "c1", "scp": ["read"], "lng": true, "irt": true, "ate": ate, "ats": "PAIRWISE",
            "aud": [aud, "https://second.example.com"]
        });
        let tokens = store.new_tokens(&body).await;
        let token = tokens["access_token"].as_str().unwrap();
        let shown = store.inspect("access_token", token).await.status(200).json()["sub"].as_str().unwrap().to_owned();
        assert_ne!(shown, sub);
        assert!(!token.contains(sub), "{token}");
        if ate == "SELF_CONTAINED" {
            assert_eq!(jwt::verified(app, "acme", token).await.claims["sub"], shown.as_str());
        }
        let refreshed = store.refresh(tokens["refresh_token"].as_str().unwrap()).await.status(200).json();
        let refreshed = store.inspect("access_token", refreshed["access_token"].as_str().unwrap()).await;
        assert_eq!(refreshed.status(200).json()["sub"], shown.as_str());
        let record = store.record(sub, "c1").await;
        assert_eq!((&record["sub"], &record["ats"]), (&json!(sub), &json!("PAIRWISE")));
        subjects.push(shown);
    }
    assert_eq!(subjects[0], subjects[1], "one user, one audience");
    assert_ne!(subjects[0], subjects[2], "another audience");
    assert_ne!(subjects[0], subjects[3], "another user");
    let globex = app.authz_store().as_tenant("globex");
    let body = json!({"sub": "alice", "cid": "c1", "ats": "PAIRWISE", "aud": ["https://one.example.com"]});
    let token = globex.new_tokens(&body).await["access_token"].as_str().unwrap().to_owned();
    assert_ne!(jwt::unverified(&token).claims["sub"], subjects[0].as_str(), "another tenant");
}

async fn a_pairwise_subject_is_revoked_by_the_local_one(app: &TestApp) {
    let store = app.authz_store();
    let body = json!({"sub": "alice", "cid": "c1", "lng": true, "irt": true, "ats": "PAIRWISE", "aud": ["https://one.example.com"]});
    let tokens = store.new_tokens(&body).await;
    let token = tokens["access_token"].as_str().unwrap();
    let pairwise = jwt::unverified(token).claims["sub"].as_str().unwrap().to_owned();
    assert_eq!(store.revoke(&[("subject", &pairwise)]).await.status(200).json(), json!({}));
    store.assert_live("access_token", token, true).await;
    let revoked = store.revoke(&[("subject", "alice")]).await.status(200).json();
    assert_eq!(revoked["c1"]["sub"], "alice");
    store.assert_live("access_token", token, false).await;
    let token = store.new_tokens(&body).await["access_token"].as_str().unwrap().to_owned();
    let revoked = store.revoke(&[("access_token", &token)]).await.status(200).json();
    assert_eq!(revoked["sub"], "alice", "as the pair of its local subject");
    store.assert_live("access_token", &token, false).await;
}

async fn the_profile_names_the_claims(app: &TestApp) {
    let store = app.authz_store().as_tenant("c2id");
    let tokens = store.new_tokens(&json!({"sub": "alice", "cid": "c1", "scp": ["read", "write"]})).await;
    assert_eq!(tokens["expires_in"], 900);
    let token = tokens["access_token"].as_str().unwrap();
    let jwt = jwt::verified(app, "c2id", token).await;
    assert_eq!((&jwt.claims["cid"], &jwt.claims["scp"]), (&json!("c1"), &json!(["read", "write"])));
    assert_eq!((jwt.claims.get("client_id"), jwt.claims.get("scope")), (None, None));
    let shown = store.inspect("access_token", token).await.status(200).json();
    assert_eq!((&shown["cid"], &shown["scp"]), (&json!("c1"), &json!(["read", "write"])));
}

async fn a_signed_token_has_the_shape_of_rfc_9068(app: &TestApp) {
    let tokens = app.authz_store().new_tokens(&json!({"sub": "alice", "cid": "c1", "scp": ["read", "write"]})).await;
    let jwt = jwt::verified(app, "acme", tokens["access_token"].as_str().unwrap()).await;
    assert_eq!((&jwt.header["typ"], &jwt.header["alg"]), (&json!("at+jwt"), &json!("ES256")));
    for (claim, value) in [
        ("iss", json!("https://acme.example.com")),
        ("sub", json!("alice")),
        ("client_id", json!("c1")),
        ("scope", json!("read write")),
        ("iat", json!(NOW)),
        ("exp", json!(NOW + 600)),
    ] {
        assert_eq!(jwt.claims[claim], value, "{claim}");
    }
    let issuer = json!("https://acme.example.com");
    assert!(jwt.claims["aud"] == issuer || jwt.claims["aud"] == json!([issuer]), "where none is named: {}", jwt.claims);
    let mut members: Vec<_> = jwt.claims.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["aud", "client_id", "exp", "iat", "iss", "jti", "scope", "sub"]);
}

async fn every_algorithm_signs(app: &TestApp) {
    for (tenant, alg) in
        [("acme", "ES256"), ("es384", "ES384"), ("rs256", "RS256"), ("ps256", "PS256"), ("eddsa", "EdDSA")]
    {
        let store = app.authz_store().as_tenant(tenant);
        let tokens = store.new_tokens(&json!({"sub": "alice", "cid": "c1"})).await;
        let token = tokens["access_token"].as_str().unwrap();
        assert_eq!(jwt::verified(app, tenant, token).await.header["alg"], alg);
        store.assert_live("access_token", token, true).await;
        let set = app.request("GET", "/jwks.json").header("tenant-id", tenant).send().await.status(200).json();
        for key in set["keys"].as_array().unwrap() {
            for private in ["d", "p", "q", "dp", "dq", "qi", "k", "oth"] {
                assert_eq!(key.get(private), None, "{tenant}: {private}");
            }
        }
    }
}

async fn nothing_links_two_tokens_of_a_user(app: &TestApp) {
    let store = app.authz_store();
    let body = json!({"sub": "alice", "cid": "c1", "scp": ["read"], "lng": true, "irt": true, "ats": "PAIRWISE", "aud": ["https://one.example.com"]});
    let one = jwt::unverified(store.new_tokens(&body).await["access_token"].as_str().unwrap()).claims;
    let mut body = body;
    body["aud"] = json!(["https://two.example.com"]);
    let two = jwt::unverified(store.new_tokens(&body).await["access_token"].as_str().unwrap()).claims;
    for (name, value) in one.as_object().unwrap() {
        let common = ["iss", "iat", "exp", "client_id", "scope"].contains(&name.as_str());
        assert_eq!(two[name] == *value, common, "{name}: {value} and {}", two[name]);
    }
    let jti = jwt::decode(one["jti"].as_str().unwrap());
    let other = jwt::decode(two["jti"].as_str().unwrap());
    assert!(jti.windows(4).all(|part| !other.windows(4).any(|same| same == part)), "the ids share nothing");
}

async fn what_belongs_to_the_code_alone(app: &TestApp) {
    let store = app.authz_store();
    let verifier = "x".repeat(43);
    for (member, value, more) in [
        ("rur", json!("https://client.example.com/in"), vec![("redirect_uri", "https://client.example.com/in")]),
        ("cch", json!(verifier), vec![("code_verifier", verifier.as_str())]),
        ("idt", json!("a.b.c"), vec![]),
    ] {
        let mut body = json!({"sub": "alice", "cid": "c1", "lng": true, "irt": true});
        body[member] = value.clone();
        let code = store.new_code(&body).await;
        assert_eq!(store.inspect("code", &code).await.status(200).json()[member], value);
        assert_eq!(store.record("alice", "c1").await.get(member), None);
        let mut fields = vec![("code", code.as_str()), ("client_id", "c1")];
        fields.extend(more);
        let tokens = store.exchange(&fields).await.status(200).json();
        assert_eq!(tokens.get("id_token"), (member == "idt").then_some(&value));
        let refresh_token = tokens["refresh_token"].as_str().unwrap();
        assert_eq!(store.inspect("refresh_token", refresh_token).await.status(200).json().get(member), None);
        assert_eq!(store.refresh(refresh_token).await.status(200).json().get("id_token"), None);
    }
}

async fn language_tags_are_checked(app: &TestApp) {
    let store = app.authz_store();
    for (member, value) in [
        ("cll", json!(["de-CH", "en", "zh-Hant-TW", "sl-rozaj-biske", "x-whatever", "i-klingon"])),
        ("clm", json!(["name#de-CH", "email", "family_name#ja-Kana-JP", "https://example.com/claim"])),
        ("cls", json!(["name#ja-Hani-JP"])),
    ] {
        let mut body = json!({"sub": "alice", "cid": "c1", "lng": true});
        body[member] = value.clone();
        store.new_code(&body).await;
        assert_eq!(store.record("alice", "c1").await[member], value);
    }
    for tag in ["", "de_CH", "-", "de-", "toolonglanguage", "é", "de CH", "1"] {
        let body = json!({"sub": "alice", "cid": "c1", "lng": true, "cll": [tag]});
        let answer = store.authorize(&body).await;
        assert_eq!(answer.code(), 400, "{tag} {answer}");
    }
}
