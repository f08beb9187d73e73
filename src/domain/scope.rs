//! Scope values (RFC 6749 section 3.3).

use std::collections::HashSet;

/// Parses a space-delimited scope string; `None` if a value has a character outside the grammar, repeats are folded.
pub fn parse(text: &str) -> Option<Vec<String>> {
    let values: Vec<&str> = text.split(' ').filter(|v| !v.is_empty()).collect();
    values.iter().all(|v| is_value(v)).then(|| unique(values.into_iter().map(str::to_owned)))
}

/// Whether a string is one scope value: printable ASCII without space, `"` and `\`.
pub fn is_value(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

/// The space-delimited form.
pub fn join(values: &[String]) -> String {
    values.join(" ")
}

/// Whether every value of `asked` is in `allowed`.
pub fn covers(allowed: &[String], asked: &[String]) -> bool {
    asked.iter().all(|v| allowed.contains(v))
}

/// Removes repeats, keeping the first of each.
pub fn unique(values: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut seen = HashSet::new();
    values.into_iter().filter(|v| seen.insert(v.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scope_values_follow_the_grammar() {
        assert_eq!(parse("a b  a"), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(parse(""), Some(vec![]));
        assert_eq!(parse("a\"b"), None);
        assert_eq!(parse("é"), None);
        assert!(!is_value("a b"));
    }
}
