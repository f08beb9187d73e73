//! A tenant as the platform API shows it, and what of it a PUT leaves as it was. Nothing secret is shown: of a hash only a
//! prefix, which may come back in a PUT and then stands for the hash.

use serde_json::Value;

use super::hash::TokenHash;
use super::read::Table;
use super::settings::TenantSettings;
use crate::domain::Tid;

/// Where credentials are, as section and key: hashes, and the service API key that they go with.
const CREDENTIALS: [(&str, &str); 5] = [
    ("authz_store", "api_token_sha256"),
    ("management", "service_api_key"),
    ("management", "service_api_secret_sha256"),
    ("management", "service_access_token_sha256"),
    ("registration", "token_sha256"),
];

/// The members of a tenant in the platform API: the file's keys, without clients, users and anything secret.
pub fn shown(tid: &Tid, settings: &TenantSettings) -> Table {
    let mut members = stored(settings);
    for (section, key) in CREDENTIALS {
        if let Some(hashes) = members.get_mut(section).and_then(|section| section.get_mut(key)) {
            each(hashes, &mut |hash| TokenHash::parse(hash).map(|hash| hash.prefix()));
        }
    }
    members.insert("id".to_owned(), Value::String(tid.to_string()));
    members.sort_keys();
    members
}

/// Fills the body of a PUT with the credentials that it doesn't replace: absent ones, and hashes it names by the prefix that
/// [`shown`] gave. An empty list takes them away.
pub fn keep_credentials(body: &mut Table, old: &TenantSettings) {
    let old = stored(old);
    for (section, key) in CREDENTIALS {
        let Some(hashes) = old.get(section).and_then(|section| section.get(key)) else { continue };
        let section = body.entry(section).or_insert_with(|| Value::Object(Table::new()));
        if section.is_null() {
            *section = Value::Object(Table::new());
        }
        let Some(section) = section.as_object_mut() else { continue };
        match section.get_mut(key) {
            None | Some(Value::Null) => {
                section.insert(key.to_owned(), hashes.clone());
            }
            Some(given) => each(given, &mut |text| whole(text, hashes)),
        }
    }
}

/// Adds to the settings of a PUT the assertion issuers of `old` that it doesn't replace: they are upserted.
pub fn keep_assertion_issuers(new: &mut TenantSettings, old: &TenantSettings) {
    for issuer in &old.assertion_issuer {
        let replaced = new.assertion_issuer.iter().any(|new| new.kind == issuer.kind && new.issuer == issuer.issuer);
        if !replaced {
            new.assertion_issuer.push(issuer.clone());
        }
    }
}

fn stored(settings: &TenantSettings) -> Table {
    match serde_json::to_value(settings) {
        Ok(Value::Object(members)) => members,
        Ok(_) | Err(_) => Table::new(),
    }
}

/// The one hash among `hashes` that has the prefix `text`.
fn whole(text: &str, hashes: &Value) -> Option<String> {
    let prefix = text.strip_suffix('…').filter(|prefix| prefix.len() == 8)?;
    let list = hashes.as_array().map_or(std::slice::from_ref(hashes), Vec::as_slice);
    let mut fitting = list.iter().filter_map(Value::as_str).filter(|hash| hash.starts_with(prefix));
    let first = fitting.next()?;
    fitting.next().is_none().then(|| first.to_owned())
}

/// Replaces a string, or each string of a list, where `change` gives another.
fn each(value: &mut Value, change: &mut impl FnMut(&str) -> Option<String>) {
    match value {
        Value::String(text) => {
            if let Some(new) = change(text) {
                *text = new;
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(|element| each(element, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tenancy::check::{self, Origin};

    fn table(value: Value) -> Table {
        serde_json::from_value(value).unwrap()
    }

    fn settings(value: Value) -> TenantSettings {
        check::entry(table(value), Origin::Api).unwrap().settings
    }

    fn acme() -> TenantSettings {
        settings(json!({
            "id": "acme",
            "issuer": "https://acme.example.com",
            "authz_store": {"api_token_sha256": ["a1".repeat(32), "b2".repeat(32)]},
            "management": {"service_api_key": 7, "service_api_secret_sha256": "c3".repeat(32)},
            "registration": {"token_sha256": ["d4".repeat(32)]},
            "password_hook": {"url": "https://acme.example.com/hook", "token": "hook-token"},
            "keys": {"jwks": {"keys": [{"kty": "oct", "k": "AAECAwQFBgcICQoLDA0ODw"}]}},
        }))
    }

    #[test]
    fn nothing_secret_is_shown() {
        let shown = Value::Object(shown(&Tid::parse("acme").unwrap(), &acme())).to_string();
        for secret in ["a1".repeat(5), "c3".repeat(5), "hook-token".to_owned(), "AAECAwQF".to_owned()] {
            assert!(!shown.contains(&secret), "{secret} in {shown}");
        }
        assert!(
            shown.contains("\"a1a1a1a1…\"") && shown.contains("\"c3c3c3c3…\"") && shown.contains("\"id\":\"acme\"")
        );
    }

    #[test]
    fn what_is_shown_can_be_put_back() {
        let mut body = shown(&Tid::parse("acme").unwrap(), &acme());
        keep_credentials(&mut body, &acme());
        assert_eq!(stored(&settings(Value::Object(body))), stored(&acme()));
    }

    #[test]
    fn absent_credentials_stay_and_an_empty_list_takes_them_away() {
        let mut body =
            table(json!({"id": "acme", "issuer": "https://acme.example.com", "registration": {"token_sha256": []}}));
        keep_credentials(&mut body, &acme());
        let kept = settings(Value::Object(body));
        assert_eq!(kept.authz_store.api_token_sha256, acme().authz_store.api_token_sha256);
        assert_eq!(kept.management.service_api_key, Some(7));
        assert!(kept.registration.token_sha256.is_empty());
    }
}
