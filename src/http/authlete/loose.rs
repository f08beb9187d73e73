//! Values that are described as what they should be and taken as what they are, so that each wrong one gets its own code.

use std::borrow::Cow;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseFromParameter, ParseResult, ToJSON, Type};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::number;

/// An index of a list: should be an integer from 0 on.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Index(Value);

impl Index {
    /// The integer, if it is one.
    pub fn integer(&self) -> Option<i64> {
        match &self.0 {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => number::integer(text),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// Scope values: should be an array of strings; one string is split at spaces.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Scopes(Value);

impl Scopes {
    /// The values, if that is what it holds.
    pub fn values(self) -> Option<Vec<String>> {
        match self.0 {
            Value::String(text) => Some(text.split_whitespace().map(str::to_owned).collect()),
            Value::Array(items) => items.into_iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
        }
    }
}

macro_rules! described {
    ($name:ident, $schema:expr) => {
        impl Type for $name {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn schema_ref() -> MetaSchemaRef {
                $schema
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }

        impl ParseFromJSON for $name {
            fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
                value.map(Self).ok_or_else(|| ParseError::custom("missing"))
            }
        }

        impl ToJSON for $name {
            fn to_json(&self) -> Option<Value> {
                Some(self.0.clone())
            }
        }
    };
}

described!(Index, MetaSchemaRef::Inline(Box::new(MetaSchema { format: Some("int64"), ..MetaSchema::new("integer") })));
described!(Scopes, <Vec<String> as Type>::schema_ref());

impl ParseFromParameter for Index {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        Ok(Self(Value::String(value.to_owned())))
    }
}
