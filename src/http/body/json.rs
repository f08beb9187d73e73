//! JSON, taken strictly (RFC 8259, and RFC 7493 for members): no member twice, no BOM, nothing behind the value, no lone
//! surrogate, no number out of range, no deeper than [`DEPTH`].

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::http::body::text::shown;
use crate::http::reply::Rejection;

/// The deepest nesting that is read.
pub const DEPTH: usize = 32;

/// Refuses a text that is not strict JSON; the refusal tells where, and never what.
pub fn check(bytes: &[u8]) -> Result<(), Rejection> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Value { depth: 0 }.deserialize(&mut reader).and_then(|()| reader.end()).map_err(|fault| refusal(&fault))
}

fn refusal(fault: &serde_json::Error) -> Rejection {
    let text = fault.to_string();
    let what = text.strip_prefix(OURS).and_then(|rest| rest.split(" at line ").next());
    let what = what.map(|what| format!("{what} ")).unwrap_or_default();
    Rejection::malformed(format!("Invalid JSON: {what}at line {} column {}", fault.line(), fault.column()))
}

/// Marks the texts that are made here, which show no value.
const OURS: &str = "json: ";

#[derive(Clone, Copy)]
struct Value {
    depth: usize,
}

impl Value {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth >= DEPTH {
            return Err(E::custom(format!("{OURS}nested too deep")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Value {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        // Neither database keeps NUL in a text.
        if text.contains('\0') { Err(E::custom(format!("{OURS}NUL in a string"))) } else { Ok(()) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        while items.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        let mut seen = Names::default();
        while let Some(name) = members.next_key_seed(Name)? {
            if let Some(twice) = seen.add(name) {
                return Err(A::Error::custom(format!("{OURS}duplicate member {}", shown(&twice))));
            }
            members.next_value_seed(inner)?;
        }
        Ok(())
    }
}

/// The names of one object: a list while it is short, a set when it is long.
#[derive(Default)]
struct Names<'de> {
    few: Vec<Cow<'de, str>>,
    many: HashSet<Cow<'de, str>>,
}

impl<'de> Names<'de> {
    /// Adds a name, and gives it back if it was there.
    fn add(&mut self, name: Cow<'de, str>) -> Option<Cow<'de, str>> {
        if self.few.len() < 24 {
            if self.few.contains(&name) {
                return Some(name);
            }
            self.few.push(name);
            return None;
        }
        if self.few.contains(&name) || self.many.contains(&name) {
            return Some(name);
        }
        self.many.insert(name);
        None
    }
}

struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Value { depth: 0 }.visit_str(name).map(|()| Cow::Owned(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::{DEPTH, check};

    fn fault(text: &[u8]) -> String {
        check(text).err().map(|fault| fault.to_string()).unwrap_or_default()
    }

    #[test]
    fn sound_texts_pass() {
        for text in [r#"{"a":{"a":1},"b":[{"a":1},{"a":2}],"c":null,"d":-1.5e3}"#, "[]", "\"x\"", " {} \n"] {
            assert!(check(text.as_bytes()).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_member_twice_is_refused_at_any_depth_and_by_its_decoded_name() {
        assert_eq!(fault(br#"{"sub":1,"sub":1}"#), "Invalid JSON: duplicate member sub at line 1 column 14");
        assert!(fault(br#"{"a":[{"b":1,"\u0062":2}]}"#).contains("duplicate member b"));
        let many = (0..100).map(|n| format!("\"m{n}\":1,")).collect::<Vec<_>>().concat();
        assert!(fault(format!("{{{many}\"m99\":1}}").as_bytes()).contains("duplicate member m99"));
        assert!(check(format!("{{{many}\"m100\":1}}").as_bytes()).is_ok());
    }

    #[test]
    fn what_is_no_json_is_refused_with_its_position_and_without_its_value() {
        let deep = format!("{}{}", "[".repeat(DEPTH + 1), "]".repeat(DEPTH + 1));
        let bad: [&[u8]; 12] = [
            b"",
            b"\xef\xbb\xbf{}",
            b"{} x",
            b"{}{}",
            br#"{"a":"\ud800"}"#,
            b"{\"a\":1e400}",
            b"{\"a\":NaN}",
            b"{\"a\":01}",
            b"{\"a\":\"\xff\"}",
            br#"{"a":"\u0000"}"#,
            b"{'a':1}",
            deep.as_bytes(),
        ];
        for text in bad {
            let said = fault(text);
            assert!(said.starts_with("Invalid JSON: ") && said.contains("at line 1 column "), "{text:?}: {said}");
        }
        assert!(!fault(br#"{"token":"secret-value",}"#).contains("secret"));
    }
}
