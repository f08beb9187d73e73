//! Forms and queries, taken strictly: sound encoding, no parameter twice; unknown and empty ones as the family has it.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::de::value::MapDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use crate::http::body::text::{decode_form, shown};
use crate::http::family::Empty;
use crate::http::reply::Rejection;

/// The parameters that count as absent when empty, whatever the family.
pub const MAY_BE_EMPTY: &[&str] = &["redirect_uri", "code_verifier"];

/// The parameters whose empty value is a value: no scopes at all, where absent means that they stay.
const SAYS_SOMETHING_EMPTY: &[&str] = &["scopes"];

/// How strict to be.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The names that are known, if others are to be refused.
    pub known: Option<&'a [String]>,
    /// What an empty value means.
    pub empty: Empty,
    /// Names whose empty value means absence even where empty values are refused.
    pub may_be_empty: &'a [&'a str],
}

/// Checks a form or query, and drops the parameters that count as absent.
pub fn clean(raw: Bytes, rules: &Rules<'_>) -> Result<Bytes, Rejection> {
    let mut names: Vec<Cow<'_, str>> = Vec::new();
    let mut dropped = false;
    let mut kept = Vec::new();
    for pair in pairs(&raw) {
        let (name, value) = split(pair);
        let name = decode_form(name).ok_or_else(|| Rejection::malformed("Bad encoding of a parameter's name"))?;
        let value = decode_form(value)
            .ok_or_else(|| Rejection::malformed(format!("Bad encoding of parameter {}", shown(&name))))?;
        check(&name, &names, rules)?;
        if !value.is_empty() || SAYS_SOMETHING_EMPTY.contains(&&*name) {
            kept.push(pair);
        } else if super::refused(rules.empty) && !rules.may_be_empty.contains(&&*name) {
            return Err(Rejection::malformed(format!("Empty parameter {}", shown(&name))));
        } else {
            dropped = true;
        }
        names.push(name);
    }
    let rest = dropped.then(|| kept.join(&b'&'));
    drop(names);
    Ok(rest.map_or(raw, Bytes::from))
}

/// A form has few parameters; this many are an attack on the loop that looks for duplicates.
const MOST: usize = 256;

fn check(name: &str, before: &[Cow<'_, str>], rules: &Rules<'_>) -> Result<(), Rejection> {
    if before.len() >= MOST {
        return Err(Rejection::malformed("Too many parameters"));
    }
    if before.iter().any(|other| other == name) {
        return Err(Rejection::malformed(format!("Repeated parameter {}", shown(name))));
    }
    match rules.known {
        Some(known) if !known.iter().any(|other| other == name) => {
            Err(Rejection::malformed(format!("Unknown parameter {}", shown(name))))
        }
        _ => Ok(()),
    }
}

fn pairs(raw: &[u8]) -> impl Iterator<Item = &[u8]> {
    raw.split(|b| *b == b'&').filter(|pair| !pair.is_empty())
}

fn split(pair: &[u8]) -> (&[u8], &[u8]) {
    match pair.iter().position(|b| *b == b'=') {
        Some(at) => (&pair[..at], &pair[at + 1..]),
        None => (pair, &[]),
    }
}

/// Reads a checked form into a type. Refusals name the parameter and never show its value.
pub fn parse<T: DeserializeOwned>(raw: &[u8]) -> Result<T, Rejection> {
    let fields = pairs(raw).filter_map(|pair| {
        let (name, value) = split(pair);
        let name = decode_form(name)?;
        Some((name.clone(), Field { name, value: decode_form(value)? }))
    });
    T::deserialize(MapDeserializer::new(fields)).map_err(|fault: Fault| Rejection::malformed(fault.0))
}

/// One value of a form, which becomes what the type wants of it.
struct Field<'a> {
    name: Cow<'a, str>,
    value: Cow<'a, str>,
}

impl IntoDeserializer<'_, Fault> for Field<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! parsed {
    ($($method:ident => $visit:ident),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            let fault = Fault(format!("Invalid parameter {}", shown(&self.name)));
            self.value.parse().map_err(|_| fault).and_then(|value| visitor.$visit(value))
        })*
    };
}

impl<'de> Deserializer<'de> for Field<'_> {
    type Error = Fault;

    parsed!(deserialize_bool => visit_bool, deserialize_i32 => visit_i32, deserialize_i64 => visit_i64,
            deserialize_u32 => visit_u32, deserialize_u64 => visit_u64, deserialize_f64 => visit_f64);

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let fault = format!("Invalid parameter {}", shown(&self.name));
        visitor.visit_str::<Fault>(&self.value).map_err(|_| Fault(fault))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let fault = format!("Invalid parameter {}", shown(&self.name));
        visitor.visit_enum(self.value.into_deserializer()).map_err(|_: Fault| Fault(fault))
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u128 f32 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

/// A refusal of serde's, in our words.
#[derive(Debug)]
struct Fault(String);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self(text.to_string())
    }

    fn missing_field(name: &'static str) -> Self {
        Self(format!("Missing parameter {name}"))
    }

    fn unknown_field(name: &str, _: &'static [&'static str]) -> Self {
        Self(format!("Unknown parameter {}", shown(name)))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde::Deserialize;

    use super::{MAY_BE_EMPTY, Rules, clean, parse};
    use crate::http::family::Empty;

    fn run(raw: &'static str, rules: &Rules<'_>) -> Result<String, String> {
        let clean = clean(Bytes::from_static(raw.as_bytes()), rules).map_err(|fault| fault.to_string())?;
        Ok(String::from_utf8_lossy(&clean).into_owned())
    }

    #[test]
    fn a_strict_family_refuses_what_it_does_not_know() {
        let known = ["a".to_owned(), "redirect_uri".to_owned()];
        let rules = Rules { known: Some(&known), empty: Empty::Refused, may_be_empty: MAY_BE_EMPTY };
        assert_eq!(run("a=1&redirect_uri=", &rules), Ok("a=1".into()));
        assert_eq!(run("a=1&b=2", &rules), Err("Unknown parameter b".into()));
        assert_eq!(run("a=", &rules), Err("Empty parameter a".into()));
        assert_eq!(run("a", &rules), Err("Empty parameter a".into()));
        assert_eq!(run("a=1&%61=1", &rules), Err("Repeated parameter a".into()));
        assert_eq!(run("a=%zz", &rules), Err("Bad encoding of parameter a".into()));
    }

    #[test]
    fn a_lenient_family_drops_what_is_empty_and_still_refuses_repeats() {
        let rules = Rules { known: None, empty: Empty::Absent, may_be_empty: &[] };
        assert_eq!(run("a=&b=2&c=3", &rules), Ok("b=2&c=3".into()));
        assert_eq!(run("x=1&x=", &rules), Err("Repeated parameter x".into()));
        assert_eq!(run("", &rules), Ok(String::new()));
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Sample {
        name: String,
        flag: Option<bool>,
        count: Option<i64>,
        kind: Option<Sort>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Sort {
        One,
    }

    #[test]
    fn a_form_becomes_a_type_and_faults_name_the_parameter_alone() {
        let sample: Sample = parse(b"name=a+b&flag=true&count=-3&kind=one&other=x").unwrap();
        assert_eq!(sample, Sample { name: "a b".into(), flag: Some(true), count: Some(-3), kind: Some(Sort::One) });
        let fault = |raw: &'static [u8]| parse::<Sample>(raw).unwrap_err().to_string();
        assert_eq!(fault(b"flag=true"), "Missing parameter name");
        assert_eq!(fault(b"name=a&flag=TRUE"), "Invalid parameter flag");
        assert_eq!(fault(b"name=a&count=1x"), "Invalid parameter count");
        assert_eq!(fault(b"name=a&kind=two"), "Invalid parameter kind");
    }
}
