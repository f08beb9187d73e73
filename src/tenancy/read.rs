//! From JSON members to structs, key by key, so that every unknown key and every wrong type is found at once. Serde alone
//! stops at the first.

use serde::Deserializer;
use serde::de::value::{Error as Stop, MapDeserializer};
use serde::de::{DeserializeOwned, Error as _, Visitor};
use serde_json::{Map, Value};

use super::fault::{Faults, join};

/// Members of a JSON object or keys of a TOML table.
pub type Table = Map<String, Value>;

/// The keys that `T` knows.
pub fn keys_of<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut keys: &'static [&'static str] = &[];
    // Always an error: only the names that serde asks for matter.
    let _: Result<T, Stop> = T::deserialize(Names(&mut keys));
    keys
}

/// Reads `table`, found at path `at`. What is bad is left at its default and told to `faults`.
pub(super) fn read<T>(mut table: Table, at: &str, required: &[&str], faults: &mut Faults) -> T
where
    T: DeserializeOwned + Default,
{
    clean::<T>(&mut table, at, required, faults);
    serde_json::from_value(Value::Object(table)).unwrap_or_default()
}

/// Removes from `table` what `T` can't read.
pub(super) fn clean<T: DeserializeOwned>(table: &mut Table, at: &str, required: &[&str], faults: &mut Faults) {
    let known = keys_of::<T>();
    table.retain(|_, value| !value.is_null());
    for key in required {
        faults.check(table.contains_key(*key), join(at, key), "is missing");
    }
    table.retain(|key, value| match readable::<T>(known, key, value) {
        Ok(()) => true,
        Err(text) => {
            faults.add(join(at, key), text);
            false
        }
    });
}

/// Cleans the table `name` of `table`, if it is there.
pub(super) fn clean_section<T>(table: &mut Table, name: &str, required: &[&str], faults: &mut Faults)
where
    T: DeserializeOwned,
{
    if let Some(Value::Object(section)) = table.get_mut(name) {
        clean::<T>(section, name, required, faults);
    }
}

/// Takes the array of tables `name` out of `table`; each element comes with its path.
pub(super) fn take_list(table: &mut Table, name: &str, faults: &mut Faults) -> Vec<(String, Table)> {
    let elements = match table.remove(name) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(elements)) => elements,
        Some(_) => {
            faults.add(name, "expected a list of tables");
            Vec::new()
        }
    };
    let mut tables = Vec::with_capacity(elements.len());
    for (index, element) in elements.into_iter().enumerate() {
        let at = format!("{name}[{index}]");
        match element {
            Value::Object(element) => tables.push((at, element)),
            _ => faults.add(at, "expected a table"),
        }
    }
    tables
}

fn readable<T: DeserializeOwned>(known: &[&str], key: &str, value: &Value) -> Result<(), String> {
    if key == "jwks_uri" {
        return Err("refused: keys are given inline, as `jwks`".to_owned());
    }
    if !known.contains(&key) {
        return Err(format!("unknown key; known here: {}", known.join(", ")));
    }
    let alone = MapDeserializer::new(std::iter::once((key, value)));
    T::deserialize(alone).map(|_| ()).map_err(|error: serde_json::Error| expectation(&error.to_string()))
}

/// What serde expected, without what it found: that may be a secret.
fn expectation(error: &str) -> String {
    let expected = error.rfind("expected ").map_or("", |at| &error[at + "expected ".len()..]);
    let plain = match expected {
        "" => return "is not valid".to_owned(),
        "a boolean" => "true or false",
        "i64" => "a whole number",
        "u32" => "a whole number, not negative",
        "a sequence" => "a list",
        other if other.starts_with("struct ") || other == "a map" => "a table",
        other => other,
    };
    format!("expected {plain}")
}

/// A deserializer that has nothing but wants to know which fields it is asked for.
struct Names<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = Stop;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        Err(Stop::custom("not a struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Stop> {
        *self.0 = fields;
        Err(Stop::custom("names only"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq
        tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tenancy::entry::ClientEntry;
    use crate::tenancy::settings::AccessTokens;

    fn table(value: Value) -> Table {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn every_bad_key_is_told_at_once_and_the_good_ones_are_kept() {
        let mut faults = Faults::default();
        let given =
            table(json!({"lifetime": "long", "encoding": "OPAQUE", "registry": false, "colour": 1, "profile": null}));
        let read: AccessTokens = read(given, "access_token", &[], &mut faults);
        let mut told: Vec<String> = faults.list.iter().map(ToString::to_string).collect();
        told.sort();
        assert!(!read.registry);
        assert_eq!(read.lifetime, 600);
        assert_eq!(
            told,
            [
                "access_token.colour: unknown key; known here: lifetime, encoding, jws_alg, profile, registry",
                "access_token.encoding: expected `SELF_CONTAINED` or `IDENTIFIER`",
                "access_token.lifetime: expected a whole number",
            ]
        );
    }

    #[test]
    fn no_value_is_echoed() {
        let mut faults = Faults::default();
        let given =
            table(json!({"client_id": "a", "client_secret": ["my expected secret"], "jwks_uri": "https://a.example"}));
        let _: ClientEntry = read(given, "", &["client_id"], &mut faults);
        let told = format!("{:?}", faults.list);
        assert!(told.contains("expected a string") && told.contains("inline"), "{told}");
        assert!(!told.contains("my expected secret"), "{told}");
    }

    #[test]
    fn a_missing_key_is_told() {
        let mut faults = Faults::default();
        let _: ClientEntry = read(Table::new(), "client[3]", &["client_id"], &mut faults);
        assert_eq!(faults.list[0].to_string(), "client[3].client_id: is missing");
    }
}
