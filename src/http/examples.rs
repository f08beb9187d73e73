//! Examples of a family's document: requests and answers as its specification shows them, kept as data beside its handlers.
//!
//! A table names operations (`*`: all of them), then `request` or `responses` and a status, then media types, then the
//! examples by name.

use serde_json::{Map, Value};

/// A document with the examples of a table in their places, and without the `null`s of the examples it has.
///
/// # Errors
/// When either is no JSON.
pub fn shown(document: &str, table: &str) -> Result<String, serde_json::Error> {
    let mut document: Value = serde_json::from_str(document)?;
    let table: Value = serde_json::from_str(table)?;
    for path in document.get_mut("paths").into_iter().flat_map(members) {
        for operation in members(path) {
            let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
            for examples in [&table["*"], &table[&id]] {
                place(operation, examples);
            }
        }
    }
    for schema in document.pointer_mut("/components/schemas").into_iter().flat_map(members) {
        if let Some(example) = schema.get_mut("example").and_then(Value::as_object_mut) {
            example.retain(|_, value| !value.is_null());
        }
    }
    serde_json::to_string_pretty(&document)
}

fn place(operation: &mut Value, examples: &Value) {
    for (media, named) in each(&examples["request"]) {
        put(operation.pointer_mut("/requestBody/content"), media, named);
    }
    for (status, answers) in each(&examples["responses"]) {
        for (media, named) in each(answers) {
            put(operation.pointer_mut(&format!("/responses/{status}/content")), media, named);
        }
    }
}

/// Puts examples into a media type, if it is documented; parameters of it may follow its name.
fn put(content: Option<&mut Value>, media: &str, named: &Value) {
    let Some(content) = content.and_then(Value::as_object_mut) else { return };
    let documented = content.iter_mut().find(|(name, _)| name.split(';').next() == Some(media));
    if let Some((_, documented)) = documented {
        let examples = each(named).map(|(name, value)| (name.clone(), serde_json::json!({ "value": value })));
        documented["examples"] = examples.collect::<Map<_, _>>().into();
    }
}

fn each(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}

fn members(object: &mut Value) -> impl Iterator<Item = &mut Value> {
    object.as_object_mut().into_iter().flat_map(Map::values_mut)
}
