//! Numbers as texts.

/// The integer that a text is, if it is written as it would be shown: no sign but a minus, no leading zero, nothing else. Two
/// spellings of one number would be two names of one thing.
pub fn integer(text: &str) -> Option<i64> {
    text.parse::<i64>().ok().filter(|number| number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::integer;

    #[test]
    fn a_number_has_one_spelling() {
        for (text, number) in [("0", 0), ("7", 7), ("-7", -7), ("9223372036854775807", i64::MAX)] {
            assert_eq!(integer(text), Some(number));
        }
        for bad in ["", "+7", "07", "-0", " 7", "7 ", "7.0", "0x7", "٧", "9223372036854775808"] {
            assert_eq!(integer(bad), None, "{bad:?}");
        }
    }
}
