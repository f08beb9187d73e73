//! Percent-encoding, taken strictly: two hex digits after each `%`, UTF-8 after decoding, no NUL.

use std::borrow::Cow;

/// Decodes one component of a query or a form (`+` is a space); `None` if its encoding is bad.
pub fn decode_form(raw: &[u8]) -> Option<Cow<'_, str>> {
    if raw.iter().all(|b| b.is_ascii() && !matches!(b, b'%' | b'+' | 0)) {
        return std::str::from_utf8(raw).ok().map(Cow::Borrowed);
    }
    decode(raw, true).map(Cow::Owned)
}

/// Whether a raw path is well encoded.
pub fn path_is_sound(raw: &str) -> bool {
    !raw.bytes().any(|b| matches!(b, b'%' | 0) || !b.is_ascii()) || decode(raw.as_bytes(), false).is_some()
}

/// Decodes a segment of a path; `None` if its encoding is bad.
pub fn decode_segment(raw: &str) -> Option<String> {
    decode(raw.as_bytes(), false)
}

fn decode(raw: &[u8], plus: bool) -> Option<String> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw.iter();
    while let Some(&byte) = rest.next() {
        out.push(match byte {
            b'%' => hex(*rest.next()?)? << 4 | hex(*rest.next()?)?,
            b'+' if plus => b' ',
            other => other,
        });
    }
    if out.contains(&0) { None } else { String::from_utf8(out).ok() }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// A name as it may be shown in an error: short and plain, else nothing. A token that was sent as a name is neither.
pub fn shown(name: &str) -> &str {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    if (1..32).contains(&name.len()) && plain { name } else { "(not shown)" }
}

#[cfg(test)]
mod tests {
    use super::{decode_form, decode_segment, path_is_sound, shown};

    #[test]
    fn encodings_are_taken_strictly() {
        assert_eq!(decode_form(b"a+b%20c").as_deref(), Some("a b c"));
        assert_eq!(decode_form(b"%c3%A9").as_deref(), Some("é"));
        for bad in [&b"%zz"[..], b"%", b"%2", b"%ff", b"%00", b"\xff", b"\0"] {
            assert_eq!(decode_form(bad), None, "{bad:?}");
        }
        assert_eq!(decode_segment("a+b%2Fc").as_deref(), Some("a+b/c"));
        assert!(path_is_sound("/a/%2e"));
        assert!(!path_is_sound("/a/%2"));
        assert!(!path_is_sound("/a/%FF"));
    }

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        assert_eq!(shown("client_id"), "client_id");
        assert_eq!(shown("ztucZS1ZyFKgh0tUEruUtiSTXhnexmd6"), "(not shown)");
        assert_eq!(shown("a\nb"), "(not shown)");
    }
}
