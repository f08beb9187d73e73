//! The gate before the parser: one pass over the bytes that lets through only plain, bounded XML.
//!
//! What passes is a subset of XML on which parsers do not differ: an optional UTF-8 declaration, then elements with ASCII
//! names, quoted attributes, text, the five entities and character references. Everything else (DOCTYPE, processing
//! instructions, comments, CDATA, other entities) is refused here, and so is a document that is larger, deeper or has more
//! parts than any real assertion. The pass is linear and allocates nothing, so hostile input costs no more than its length.

use super::fault::SamlFault;

/// Most elements in a document.
const MAX_ELEMENTS: usize = 1_000;
/// Most attributes, namespace declarations included, in a document.
const MAX_ATTRIBUTES: usize = 2_000;
/// Most attributes, namespace declarations included, on one element.
const MAX_ATTRIBUTES_EACH: usize = 32;
/// Deepest nesting.
pub(super) const MAX_DEPTH: usize = 32;

/// The document without its XML declaration, if all of it is within the subset and the bounds.
pub(super) fn scan(xml: &str) -> Result<&str, SamlFault> {
    let body = after_declaration(xml)?;
    if !body.chars().all(is_char) {
        return Err(SamlFault::Malformed("a character that XML does not allow"));
    }
    let mut scan = Scan { left: body, depth: 0, elements: 0, attributes: 0 };
    scan.document()?;
    Ok(body)
}

/// What follows the XML declaration; only version 1.0 in UTF-8 is read.
fn after_declaration(xml: &str) -> Result<&str, SamlFault> {
    let Some(rest) = xml.strip_prefix("<?xml") else { return Ok(xml) };
    let (declaration, body) = rest.split_once("?>").ok_or(SamlFault::Markup)?;
    let mut words = declaration.split_ascii_whitespace();
    let version = matches!(words.next(), Some("version=\"1.0\"" | "version='1.0'"));
    let rest = words.all(|word| {
        let word = word.to_ascii_lowercase().replace('\'', "\"");
        matches!(word.as_str(), "encoding=\"utf-8\"" | "standalone=\"no\"" | "standalone=\"yes\"")
    });
    if version && rest && declaration.starts_with([' ', '\t', '\r', '\n']) { Ok(body) } else { Err(SamlFault::Markup) }
}

/// `Char` of XML 1.0.
fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

struct Scan<'a> {
    left: &'a str,
    depth: usize,
    elements: usize,
    attributes: usize,
}

impl<'a> Scan<'a> {
    fn document(&mut self) -> Result<(), SamlFault> {
        while let Some(at) = self.left.find('<') {
            text(&self.left[..at], self.depth)?;
            self.left = &self.left[at + 1..];
            match self.left.as_bytes().first() {
                Some(b'/') => self.end_tag()?,
                Some(b'!' | b'?') => return Err(SamlFault::Markup),
                _ => self.start_tag()?,
            }
        }
        text(self.left, 0)
    }

    fn end_tag(&mut self) -> Result<(), SamlFault> {
        self.left = &self.left[1..];
        self.name()?;
        self.space();
        self.expect('>')?;
        self.depth = self.depth.checked_sub(1).ok_or(SamlFault::Malformed("an end tag too many"))?;
        Ok(())
    }

    fn start_tag(&mut self) -> Result<(), SamlFault> {
        self.elements += 1;
        if self.elements > MAX_ELEMENTS {
            return Err(SamlFault::TooLarge("elements"));
        }
        let name = self.name()?;
        if name.split_once(':').is_some_and(|(prefix, _)| is_reserved(prefix)) {
            return Err(SamlFault::Malformed("an element with a reserved prefix"));
        }
        for count in 0.. {
            let spaced = self.space();
            if self.left.starts_with(['/', '>']) {
                break;
            }
            if !spaced {
                return Err(SamlFault::Malformed("attributes without space between"));
            }
            self.attribute(count)?;
        }
        let empty = self.left.starts_with('/');
        if empty {
            self.left = &self.left[1..];
        } else {
            self.depth += 1;
        }
        if self.depth > MAX_DEPTH {
            return Err(SamlFault::TooLarge("depth"));
        }
        self.expect('>')
    }

    fn attribute(&mut self, before: usize) -> Result<(), SamlFault> {
        self.attributes += 1;
        if before >= MAX_ATTRIBUTES_EACH || self.attributes > MAX_ATTRIBUTES {
            return Err(SamlFault::TooLarge("attributes"));
        }
        let name = self.name()?;
        self.space();
        self.expect('=')?;
        self.space();
        let quote = self.left.chars().next().filter(|c| matches!(c, '"' | '\''));
        let quote = quote.ok_or(SamlFault::Malformed("an attribute without quotes"))?;
        let (value, rest) = self.left[1..].split_once(quote).ok_or(SamlFault::Malformed("an open attribute"))?;
        self.left = rest;
        if value.contains('<') {
            return Err(SamlFault::Malformed("< in an attribute"));
        }
        references(value)?;
        namespace(name, value)
    }

    /// An ASCII qualified name: at most one colon, each part starting with a letter or an underscore.
    fn name(&mut self) -> Result<&'a str, SamlFault> {
        let end = self.left.find(|c: char| !is_name_char(c) && c != ':').unwrap_or(self.left.len());
        let (name, rest) = self.left.split_at(end);
        self.left = rest;
        let good = |part: &str| part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && !part.contains(':');
        let (prefix, local) = name.split_once(':').unwrap_or(("_", name));
        if good(prefix) && good(local) { Ok(name) } else { Err(SamlFault::Malformed("a name")) }
    }

    /// Skips white space and tells whether there was any.
    fn space(&mut self) -> bool {
        let rest = self.left.trim_start_matches([' ', '\t', '\r', '\n']);
        let moved = rest.len() != self.left.len();
        self.left = rest;
        moved
    }

    fn expect(&mut self, c: char) -> Result<(), SamlFault> {
        self.left = self.left.strip_prefix(c).ok_or(SamlFault::Malformed("a tag"))?;
        Ok(())
    }
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// `xml` and `xmlns`, and what begins like them: reserved by the Namespaces recommendation.
fn is_reserved(prefix: &str) -> bool {
    prefix.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("xml"))
}

/// A namespace declaration binds an own prefix to an absolute name, nothing else (canonicalisation refuses relative ones).
fn namespace(attribute: &str, value: &str) -> Result<(), SamlFault> {
    let prefix = match attribute.split_once(':') {
        Some(("xmlns", prefix)) => Some(prefix),
        None if attribute == "xmlns" => None,
        Some(_) | None => return Ok(()),
    };
    let absolute = is_plain_uri(value);
    let good = match prefix {
        Some(prefix) => absolute && !is_reserved(prefix),
        None => absolute || value.is_empty(),
    };
    let reserved = matches!(value, "http://www.w3.org/XML/1998/namespace" | "http://www.w3.org/2000/xmlns/");
    if good && !reserved { Ok(()) } else { Err(SamlFault::Malformed("a namespace declaration")) }
}

/// An absolute URI (RFC 3986) of the plain kind that namespaces have: no user, no escapes, no IP literal.
fn is_plain_uri(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once(':') else { return false };
    let scheme_char = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    let scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.bytes().all(scheme_char);
    let authority = rest.strip_prefix("//").is_none_or(|rest| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (host, port) = authority.split_once(':').unwrap_or((authority, "0"));
        let good = host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
        !host.is_empty() && good && !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())
    });
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#=+,;@!$()*".contains(&b);
    scheme && authority && !rest.is_empty() && rest.bytes().all(allowed) && rest.matches('#').count() <= 1
}

/// Text between tags; outside the root element only white space.
fn text(text: &str, depth: usize) -> Result<(), SamlFault> {
    if depth == 0 && !text.trim_matches([' ', '\t', '\r', '\n']).is_empty() {
        return Err(SamlFault::Malformed("text outside the root element"));
    }
    if text.contains("]]>") {
        return Err(SamlFault::Malformed("]]> in text"));
    }
    references(text)
}

/// Every `&` begins one of the five entities or a reference to an allowed character.
fn references(text: &str) -> Result<(), SamlFault> {
    for after in text.split('&').skip(1) {
        let name = after.split_once(';').map_or("", |(name, _)| name);
        let good = match name.strip_prefix('#') {
            Some(number) => char_of(number).is_some_and(is_char),
            None => matches!(name, "amp" | "lt" | "gt" | "quot" | "apos"),
        };
        if !good {
            return Err(SamlFault::Markup);
        }
    }
    Ok(())
}

/// The character of `10` or `xA`.
fn char_of(number: &str) -> Option<char> {
    let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |hex| (hex, 16));
    let plain = (1..=7).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_alphanumeric());
    char::from_u32(u32::from_str_radix(digits, radix).ok().filter(|_| plain)?)
}
