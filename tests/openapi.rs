//! The committed documents are those of the code, and each says what its reader needs.

use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::harness::TestApp;

/// Operations that need no credential: discovery and keys.
const PUBLIC: &[&str] = &["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/jwks.json"];

/// A committed document.
pub(crate) fn committed(family: &str) -> Value {
    let text = std::fs::read_to_string(file(family)).unwrap_or_else(|e| panic!("openapi/{family}.json: {e}"));
    serde_json::from_str(&text).unwrap()
}

/// The families, by the code.
pub(crate) fn families() -> Vec<&'static str> {
    tenure::http::specs().iter().map(|document| document.name).collect()
}

/// Method, path and description of every operation of a document.
pub(crate) fn operations(document: &Value) -> Vec<(String, String, &Map<String, Value>)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if ["get", "put", "post", "delete", "patch"].contains(&method.as_str()) {
                all.push((method.to_uppercase(), path.clone(), operation.as_object().unwrap()));
            }
        }
    }
    all
}

fn file(family: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("openapi").join(format!("{family}.json"))
}

#[test]
fn the_committed_documents_are_those_of_the_code() {
    let mut names = Vec::new();
    for document in tenure::http::specs() {
        let committed = std::fs::read_to_string(file(document.name)).unwrap_or_default();
        assert!(
            committed.trim_end() == document.json.trim_end(),
            "openapi/{}.json is not what the code says: run `cargo run -- openapi` and commit",
            document.name
        );
        names.push(format!("{}.json", document.name));
    }
    let mut found: Vec<_> = std::fs::read_dir(file("x").parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    found.sort();
    assert_eq!(found, names, "one document per family, and nothing else");
}

#[test]
fn every_operation_says_what_it_is() {
    let mut ids = Vec::new();
    for family in families() {
        let document = committed(family);
        for (method, path, operation) in operations(&document) {
            let what = format!("{family}: {method} {path}");
            let text = |member: &str| operation.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
            assert!(!text("operationId").is_empty(), "{what} has no id");
            assert!(!text("summary").is_empty(), "{what} has no summary");
            let tags = operation.get("tags").and_then(Value::as_array);
            assert!(tags.is_some_and(|tags| !tags.is_empty()), "{what} has no tag");
            ids.push(text("operationId"));
        }
    }
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all, "an id stands for one operation");
}

#[test]
fn every_operation_says_who_may_call_it() {
    for family in families() {
        let document = committed(family);
        for (method, path, operation) in operations(&document) {
            let security = operation.get("security").or(document.get("security")).and_then(Value::as_array);
            let open = PUBLIC.iter().any(|public| path.starts_with(public));
            assert_eq!(security.is_none_or(Vec::is_empty), open, "{family}: {method} {path}");
        }
    }
}

#[test]
fn every_operation_says_how_it_fails() {
    for family in families() {
        let document = committed(family);
        for (method, path, operation) in operations(&document) {
            let responses = operation["responses"].as_object().unwrap();
            let what = format!("{family}: {method} {path}");
            assert!(responses.keys().any(|status| status.starts_with('2')), "{what}: no success");
            assert!(responses.keys().any(|status| status.starts_with('4')), "{what}: no 4xx");
            for (status, response) in responses {
                assert!(!response["description"].as_str().unwrap_or_default().trim().is_empty(), "{what}: {status}");
            }
        }
    }
}

#[test]
fn the_authorisation_store_reads_like_its_specification() {
    let document = committed("authz-store");
    let found: Vec<_> = operations(&document).into_iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    let base = "/authz-store/rest/v3";
    for expected in [
        "POST authorizations",
        "GET authorizations",
        "PUT authorizations",
        "POST inspection",
        "POST revocation",
        "GET subjects",
        "GET actors",
        "GET clients",
        "GET authorization-codes",
        "GET refresh-tokens",
    ] {
        let expected = expected.replace(' ', &format!(" {base}/"));
        assert!(found.contains(&expected), "{expected} is not in {found:?}");
    }
    assert_eq!(found.len(), 10, "{found:?}");
    for (method, path, operation) in operations(&document) {
        let parameters = operation.get("parameters").and_then(Value::as_array).unwrap();
        for header in ["Issuer", "Tenant-ID"] {
            assert!(parameters.iter().any(|p| p["name"] == header && p["in"] == "header"), "{method} {path}: {header}");
        }
        for status in ["400", "401", "403", "500"] {
            assert!(operation["responses"].get(status).is_some(), "{method} {path}: {status}");
        }
        for parameter in parameters {
            assert!(parameter["description"].is_string(), "{method} {path}: {parameter}");
        }
    }
}

#[test]
fn every_example_of_the_authorisation_store_is_in_its_place() {
    let document = committed("authz-store");
    let table: Value = serde_json::from_str(tenure::http::authz_store::EXAMPLES).unwrap();
    for (_, path, operation) in operations(&document) {
        for examples in [&table["*"], &table[operation["operationId"].as_str().unwrap()]] {
            let mut places: Vec<(String, &Value)> = vec![("/requestBody".into(), &examples["request"])];
            for (status, answers) in examples["responses"].as_object().unwrap() {
                places.push((format!("/responses/{status}"), answers));
            }
            for (place, media) in places {
                for (media, named) in media.as_object().into_iter().flatten() {
                    let content = Value::from(operation.clone());
                    let content = content.pointer(&format!("{place}/content")).unwrap().as_object().unwrap().clone();
                    let (_, found) = content.iter().find(|(name, _)| name.starts_with(media)).unwrap();
                    for (name, value) in named.as_object().unwrap() {
                        assert_eq!(found["examples"][name]["value"], *value, "{path} {place} {media} {name}");
                    }
                }
            }
        }
    }
    let authorization = &document["components"]["schemas"]["Authorization"]["example"];
    assert!(authorization.as_object().unwrap().values().all(|value| !value.is_null()), "{authorization}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_authorisations_are_accepted() {
    let table: Value = serde_json::from_str(tenure::http::authz_store::EXAMPLES).unwrap();
    let app = TestApp::sqlite().await;
    let store = app.authz_store();
    for (name, body) in table["post_authorizations"]["request"]["application/json"].as_object().unwrap() {
        if name.starts_with("import") {
            store.import(body).await.status(204);
        } else {
            store.new_code(body).await;
        }
    }
    store.put(&table["put_authorizations"]["request"]["application/json"]["update"]).await.status(204);
}
