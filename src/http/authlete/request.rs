//! What the operations ask of a request: one subject, a stretch of a list, a code for everything that is wrong.

use super::code;
use super::loose::Index;
use crate::domain::{Error, Result};
use crate::service::management::Stretch;

/// The default of `end`.
const END: i64 = 5;
/// The most that one list shows.
const MOST: i64 = 1000;

/// The codes of an operation, whose digits begin with its own number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codes {
    /// No subject.
    pub no_subject: &'static str,
    /// A request that can't be read.
    pub unreadable: &'static str,
    /// Anything else that is wrong with it.
    pub wrong: &'static str,
}

impl Codes {
    /// Of the list of authorised applications.
    pub const LIST: Self = Self { no_subject: "A136206", unreadable: "A136205", wrong: "A136207" };
    /// Of the deletion.
    pub const DELETE: Self = Self { no_subject: "A137202", unreadable: "A137201", wrong: "A137203" };
    /// Of the update.
    pub const UPDATE: Self = Self { no_subject: "A138201", unreadable: "A138202", wrong: "A138203" };
    /// Of everything else.
    pub const OTHER: Self = Self { no_subject: "A001201", unreadable: "A001201", wrong: "A001201" };

    /// Those of an operation, by its id.
    pub fn of(operation: &str) -> Self {
        if operation.contains("authorized_clients") {
            Self::LIST
        } else if operation.contains("delete_authorization") {
            Self::DELETE
        } else if operation.contains("update_authorization") {
            Self::UPDATE
        } else {
            Self::OTHER
        }
    }

    /// A refusal for anything that has no code of its own.
    pub fn refuse(self, text: &str) -> Error {
        Error::InvalidRequest(code(self.wrong, text))
    }

    /// The one subject that a request names, wherever it does; an empty one is none.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] if there is none, or there are two that differ.
    pub fn subject<const N: usize>(self, given: [Option<String>; N]) -> Result<String> {
        let mut found: Option<String> = None;
        for subject in given.into_iter().flatten().filter(|subject| !subject.is_empty()) {
            if found.as_ref().is_some_and(|first| *first != subject) {
                return Err(self.refuse("The request names two subjects."));
            }
            found = Some(subject);
        }
        found.ok_or_else(|| Error::InvalidRequest(code(self.no_subject, "The request has no subject.")))
    }
}

/// The indices that are echoed, and the stretch they mean.
///
/// # Errors
/// [`Error::InvalidRequest`] for what is no integer from 0 on, and for more than 1000.
pub fn stretch(start: Option<&Index>, end: Option<&Index>, codes: Codes) -> Result<(i64, i64, Stretch)> {
    let start = index(start, 0, "start", ["A136201", "A136202"])?;
    let end = index(end, END, "end", ["A136203", "A136204"])?;
    if end.saturating_sub(start) > MOST {
        return Err(codes.refuse("The stretch from start to end is longer than 1000."));
    }
    let position = |index: i64| usize::try_from(index).unwrap_or(usize::MAX);
    Ok((start, end, Stretch { start: position(start), end: position(end) }))
}

fn index(given: Option<&Index>, default: i64, name: &str, [no_integer, negative]: [&str; 2]) -> Result<i64> {
    let Some(given) = given else { return Ok(default) };
    match given.integer() {
        None => Err(Error::InvalidRequest(code(no_integer, &format!("The value of {name} is not an integer.")))),
        Some(index) if index < 0 => {
            Err(Error::InvalidRequest(code(negative, &format!("The value of {name} is negative."))))
        }
        Some(index) => Ok(index),
    }
}

#[cfg(test)]
mod tests {
    use poem_openapi::types::ParseFromParameter;

    use super::{Codes, Index, stretch};

    fn codes_of(start: &str, end: &str) -> Result<(i64, i64), String> {
        let index = |text: &str| (!text.is_empty()).then(|| Index::parse_from_parameter(text).ok()).flatten();
        stretch(index(start).as_ref(), index(end).as_ref(), Codes::LIST)
            .map(|(start, end, _)| (start, end))
            .map_err(|error| error.to_string()[1..8].to_owned())
    }

    #[test]
    fn each_wrong_index_has_its_code() {
        for (start, end, expected) in [
            ("", "", Ok((0, 5))),
            ("3", "", Ok((3, 5))),
            ("7", "2", Ok((7, 2))),
            ("0", "1000", Ok((0, 1000))),
            ("0", "1001", Err("A136207")),
            ("x", "", Err("A136201")),
            ("1.0", "", Err("A136201")),
            ("9223372036854775808", "", Err("A136201")),
            ("-1", "", Err("A136202")),
            ("", "x", Err("A136203")),
            ("", "-1", Err("A136204")),
        ] {
            assert_eq!(codes_of(start, end), expected.map_err(str::to_owned), "{start:?} {end:?}");
        }
    }

    #[test]
    fn a_subject_that_is_given_twice_must_agree() {
        let of = |given: [&str; 2]| Codes::DELETE.subject(given.map(|s| Some(s.to_owned())));
        assert_eq!(of(["a", "a"]).unwrap(), "a");
        assert_eq!(of(["", "a"]).unwrap(), "a");
        assert!(of(["a", "b"]).unwrap_err().to_string().starts_with("[A137203] "));
        assert!(of(["", ""]).unwrap_err().to_string().starts_with("[A137202] "));
    }
}
