//! TOML text as JSON values, so that the file and the platform API share one reader, and the line of every key.

use std::collections::HashMap;

use serde_json::{Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{Fault, join};
use super::read::Table;

/// A TOML document and where its keys are.
pub(super) struct Source {
    pub(super) table: Table,
    lines: HashMap<String, usize>,
}

impl Source {
    /// Parses a document; every fault of syntax, with its line.
    pub(super) fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        let starts: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
        let line_of = |offset: usize| starts.partition_point(|end| *end < offset) + 1;
        let (document, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            return Err(errors.iter().map(|error| syntax_fault(error, &line_of)).collect());
        }
        let mut reader = Reader { line_of, lines: HashMap::new() };
        let table = reader.table("", document.into_inner());
        Ok(Self { table, lines: reader.lines })
    }

    /// The line of the key at `path`, or of the nearest table around it.
    pub(super) fn line(&self, path: &str) -> Option<usize> {
        let mut path = path;
        loop {
            if let Some(line) = self.lines.get(path) {
                return Some(*line);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }
}

fn syntax_fault(error: &toml::de::Error, line_of: &impl Fn(usize) -> usize) -> Fault {
    let line = error.span().map(|span| line_of(span.start));
    Fault { tenant: None, key: String::new(), text: format!("not TOML: {}", error.message()), line }
}

struct Reader<F> {
    line_of: F,
    lines: HashMap<String, usize>,
}

impl<F: Fn(usize) -> usize> Reader<F> {
    fn table(&mut self, at: &str, table: DeTable<'_>) -> Table {
        let mut members = Table::new();
        for (key, value) in table {
            let line = (self.line_of)(key.span().start);
            let key = key.into_inner().into_owned();
            let path = join(at, &key);
            let value = self.value(&path, value);
            self.lines.insert(path, line);
            members.insert(key, value);
        }
        members
    }

    fn value(&mut self, at: &str, value: Spanned<DeValue<'_>>) -> Value {
        match value.into_inner() {
            DeValue::String(text) => Value::String(text.into_owned()),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_or_else(|_| Value::String("out of range".to_owned()), Value::from),
            DeValue::Float(number) => number
                .as_str()
                .parse()
                .ok()
                .and_then(Number::from_f64)
                .map_or_else(|| Value::String("out of range".to_owned()), Value::Number),
            DeValue::Boolean(truth) => Value::Bool(truth),
            DeValue::Datetime(moment) => Value::String(moment.to_string()),
            DeValue::Array(elements) => Value::Array(
                elements.into_iter().enumerate().map(|(index, element)| self.element(at, index, element)).collect(),
            ),
            DeValue::Table(table) => Value::Object(self.table(at, table)),
        }
    }

    fn element(&mut self, at: &str, index: usize, element: Spanned<DeValue<'_>>) -> Value {
        let path = format!("{at}[{index}]");
        let line = (self.line_of)(element.span().start);
        let value = self.value(&path, element);
        self.lines.insert(path, line);
        value
    }
}
