//! Who may call, and what is said to who may not.

use serde_json::json;

use super::Authlete;
use super::caller::{KEY, WEB_SHOP, basic, result};
use crate::harness::{TestApp, both};

both!(a_wrong_credential_has_its_code, the_key_names_the_tenant, what_is_wrong_with_a_request_has_its_code,);

const LIST: &str = "client/authorization/get/list/alice";

async fn a_wrong_credential_has_its_code(app: &TestApp) {
    app.authz_store().new_tokens(&json!({"sub": "alice", "cid": "65564eb0058d"})).await;
    let before = app.db_rows().await;
    let api = Authlete::new(app);
    for (authorization, status, code) in [
        (String::new(), 401, "A001202"),
        ("Bearer service-access-token-acme-0123456789".into(), 400, "A001203"),
        ("Digest x".into(), 400, "A001203"),
        (basic(&format!("0{KEY}:service-secret-acme")), 401, "A003201"),
        (basic(&format!("+{KEY}:service-secret-acme")), 401, "A003201"),
        ("Basic !!!".into(), 400, "A001203"),
        (basic("no colon"), 400, "A001203"),
        ("Basic".into(), 400, "A001203"),
        (basic("1:service-secret-acme"), 401, "A003201"),
        (basic("x:service-secret-acme"), 401, "A003201"),
        (basic(&format!("{KEY}:wrong")), 401, "A003204"),
        (basic(&format!("{KEY}:")), 401, "A003204"),
        (basic(&format!("{KEY}:service-secret-globex")), 401, "A003204"),
    ] {
        for (method, path) in [
            ("GET", LIST.to_owned()),
            ("DELETE", format!("client/authorization/delete/{WEB_SHOP}/alice")),
            ("POST", format!("client/authorization/update/{WEB_SHOP}")),
        ] {
            let answer = api.with_authorization(&authorization).call(method, &path).await;
            result(&answer, status, code);
            let challenge = if status == 401 { "Basic realm=\"service\"" } else { "" };
            assert_eq!(answer.header("www-authenticate"), challenge, "{answer}");
        }
    }
    let api = Authlete::by_token(app);
    for (authorization, status, code) in [
        ("", 401, "A001202"),
        ("Bearer wrong", 401, "A003204"),
        ("Bearer ztucZS1ZyFKgh0tUEruUtiSTXhnexmd6", 401, "A003204"),
        ("Bearer a b", 400, "A001203"),
        (&basic(&format!("{KEY}:service-secret-acme")), 400, "A001203"),
    ] {
        let answer = api.with_authorization(authorization).call("GET", LIST).await;
        result(&answer, status, code);
        let challenge = if status == 401 { "Bearer realm=\"service\"" } else { "" };
        assert_eq!(answer.header("www-authenticate"), challenge, "{answer}");
    }
    for near in ["021653835348762", "+21653835348762", "%2B21653835348762", "21653835348762.0"] {
        let request = app.request("GET", &format!("/api/{near}/{LIST}"));
        result(&request.bearer("service-access-token-acme-0123456789").send().await, 401, "A003201");
    }
    let other = app.request("GET", &format!("/api/21653835348763/{LIST}"));
    result(&other.bearer("service-access-token-acme-0123456789").send().await, 401, "A003204");
    let unknown = app.request("GET", &format!("/api/4711/{LIST}"));
    result(&unknown.bearer("service-access-token-acme-0123456789").send().await, 401, "A003201");
    assert_eq!(app.db_rows().await, before, "nothing was changed");
}

async fn the_key_names_the_tenant(app: &TestApp) {
    app.authz_store().new_tokens(&json!({"sub": "alice", "cid": "65564eb0058d"})).await;
    let api = Authlete::new(app);
    let globex = Authlete::with(app, 21_653_835_348_763, "service-secret-globex");
    assert_eq!(api.list(&json!({"subject": "alice"})).await["totalCount"], 1);
    let foreign = globex.list(&json!({"subject": "alice"})).await;
    assert_eq!((&foreign["totalCount"], &foreign["clients"]), (&json!(0), &json!([])));
    result(&globex.delete(WEB_SHOP, "alice").await, 404, "A001212");
    result(&globex.update(WEB_SHOP, "alice", &json!(["openid"])).await, 404, "A001212");
    let agreeing = api.request("GET", LIST).header("tenant-id", "acme").send().await;
    agreeing.status(200);
    let disagreeing = api.request("GET", LIST).header("tenant-id", "globex").send().await;
    assert_eq!(disagreeing.status(400).json()["resultCode"], "A001201");
    // The credential is judged before anything is said about tenants.
    let wrong = api.with_authorization(&basic(&format!("{KEY}:wrong")));
    result(&wrong.request("GET", LIST).header("tenant-id", "globex").send().await, 401, "A003204");
    result(&wrong.request("GET", LIST).header("tenant-id", "nowhere").send().await, 401, "A003204");
}

async fn what_is_wrong_with_a_request_has_its_code(app: &TestApp) {
    app.authz_store().new_tokens(&json!({"sub": "alice", "cid": "65564eb0058d"})).await;
    let before = app.db_rows().await;
    for api in Authlete::mounts(app) {
        for (query, code) in [
            ("", "A136206"),
            ("?subject=", "A136206"),
            ("?subject=alice&start=x", "A136201"),
            ("?subject=alice&start=9223372036854775808", "A136201"),
            ("?subject=alice&start=%2B1", "A136201"),
            ("?subject=alice&start=01", "A136201"),
            ("?subject=alice&start=-1", "A136202"),
            ("/", "A136206"),
            ("/?subject=", "A136206"),
            ("?subject=alice&end=1.5", "A136203"),
            ("?subject=alice&end=-1", "A136204"),
            ("?subject=alice&end=1001", "A136207"),
            ("/alice?subject=bob", "A136207"),
            ("?subject=alice&subject=alice", "A136207"),
        ] {
            result(&api.call("GET", &format!("client/authorization/get/list{query}")).await, 400, code);
        }
        for (body, code) in [
            ("{", "A136205"),
            ("[]", "A136205"),
            (r#"{"subject":1}"#, "A136205"),
            (r#"{"subject":"alice","subject":"bob"}"#, "A136205"),
            ("{}", "A136206"),
            (r#"{"subject":null}"#, "A136206"),
            (r#"{"subject":"alice","start":"x"}"#, "A136201"),
            (r#"{"subject":"alice","start":-1}"#, "A136202"),
            (r#"{"subject":"alice","end":true}"#, "A136203"),
            (r#"{"subject":"alice","end":-5}"#, "A136204"),
        ] {
            let request = api.request("POST", "client/authorization/get/list");
            result(&request.body("application/json", body).send().await, 400, code);
        }
        for (path, bad_json, no_subject) in [("delete", "A137201", "A137202"), ("update", "A138202", "A138201")] {
            let path = format!("client/authorization/{path}/{WEB_SHOP}");
            let post = async |body: &str| api.request("POST", &path).body("application/json", body).send().await;
            result(&post("{").await, 400, bad_json);
            result(&post("{}").await, 400, no_subject);
            result(&post(r#"{"subject":""}"#).await, 400, no_subject);
        }
        result(&api.call("DELETE", &format!("client/authorization/delete/{WEB_SHOP}")).await, 400, "A137202");
        result(&api.call("DELETE", &format!("client/authorization/delete/{WEB_SHOP}/")).await, 400, "A137202");
        for nowhere in
            ["client/authorization/update/1/", "client/authorization/get/", "client/authorization/get/list//"]
        {
            result(&api.post(nowhere, &json!({"subject": "alice"})).await, 404, "A001204");
        }
        let twice = format!("client/authorization/delete/{WEB_SHOP}/alice?subject=bob");
        result(&api.call("DELETE", &twice).await, 400, "A137203");
        for scopes in [json!(5), json!([1]), json!({"a": "b"}), json!([null])] {
            result(&api.update(WEB_SHOP, "alice", &scopes).await, 400, "A138202");
        }
        for client in ["4711", "no-such-alias", "65564eb0058d", "9223372036854775808", "-1", "017566160603766"] {
            let path = format!("client/authorization/delete/{client}/alice");
            result(&api.call("DELETE", &path).await, 404, "A001212");
            let body = json!({"subject": "alice", "scopes": ["openid"]});
            result(&api.post(&format!("client/authorization/update/{client}"), &body).await, 404, "A001212");
        }
        for (method, path) in [("PUT", LIST), ("GET", "client/authorization/update/1"), ("DELETE", LIST)] {
            assert_eq!(api.call(method, path).await.status(405).json()["resultCode"], "A001205");
        }
        let plain = api.request("POST", "client/authorization/get/list").body("text/plain", "subject=alice");
        assert_eq!(plain.send().await.status(415).json()["resultCode"], "A001207");
    }
    assert_eq!(app.db_rows().await, before, "nothing was changed");
}
