//! `xs:dateTime` as SAML uses it (SAML core, section 1.3.3): UTC, as in `2026-11-22T08:30:00.123Z`.

/// Seconds since 1970 of a UTC instant with a four-digit year; a fraction is cut off.
pub(super) fn parse(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z')?;
    let (text, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let bytes = text.as_bytes();
    let shape = bytes.len() == 19
        && [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')].iter().all(|&(at, c)| bytes[at] == c);
    if !shape || fraction.is_empty() || fraction.len() > 12 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
        digits.parse::<i64>().ok()
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let good = year >= 1 && hour < 24 && minute < 60 && second < 60 && (1..=days_in(year, month)?).contains(&day);
    good.then(|| ((days_from_epoch(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
}

fn days_in(year: i64, month: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 => Some(if leap { 29 } else { 28 }),
        _ => None,
    }
}

/// Days since 1970-01-01 in the Gregorian calendar, counted in years that begin in March.
fn days_from_epoch(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    year * 365 + leap_days + (153 * month + 2) / 5 + day - 719_469
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn reads_utc_instants() {
        assert_eq!(parse("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(parse("2000-02-29T12:00:00Z"), Some(951_825_600));
        assert_eq!(parse("2026-11-22T08:30:00.999Z"), Some(1_795_336_200));
        assert_eq!(parse("1969-12-31T23:59:59Z"), Some(-1));
        assert_eq!(parse("9999-12-31T23:59:59Z"), Some(253_402_300_799));
    }

    #[test]
    fn refuses_the_rest_without_panicking() {
        for text in [
            "",
            "Z",
            "99999-01-01T00:00:00Z",
            "-0001-01-01T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:60Z",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00+01:00",
            "2026-01-01 00:00:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.xZ",
            "+026-01-01T00:00:00Z",
            "2026-01-01T00:00:+1Z",
            "2026-01-01T00:00:00ZZ",
            "20é6-01-01T00:00:0Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
