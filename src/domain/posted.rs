//! What a posted authorisation may hold (seed: authorisation store API, section 4.1). Texts name the member, never its value.

use super::authorization::Posted;
use super::{Error, Result, Seconds, pkce, scope};

/// The longest subject, client or actor identifier, in bytes.
const MAX_ID: usize = 255;
/// The longest lifetime: a hundred years, so that no sum overflows.
const MAX_LIFETIME: Seconds = 3_155_760_000;
/// The latest moment: the end of the year 9999.
const MAX_TIME: Seconds = 253_402_300_799;
/// The longest text of a member that is one text.
const MAX_TEXT: usize = 8_192;
/// The most elements of an array, and the longest of them.
const MAX_ITEMS: usize = 1_000;

impl Posted {
    /// Checks every member.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] naming the first member that is not good.
    pub fn check(&self) -> Result<()> {
        identifier("sub", &self.sub)?;
        identifier("cid", &self.cid)?;
        self.act.as_deref().map_or(Ok(()), |act| identifier("act", act))?;
        for (name, values) in [("scp", &self.scp), ("scs", &self.scs)] {
            items(name, values.as_deref(), scope::is_value)?;
        }
        for (name, values) in [("aud", &self.aud), ("clm", &self.clm), ("cls", &self.cls)] {
            items(name, values.as_deref(), is_text)?;
        }
        items("cll", self.cll.as_deref(), is_language_tag)?;
        for (name, values) in [("clm", &self.clm), ("cls", &self.cls)] {
            items(name, values.as_deref(), has_good_tag)?;
        }
        if self.aud.as_ref().is_some_and(Vec::is_empty) {
            return Err(bad("aud"));
        }
        self.check_numbers()?;
        self.check_code()
    }

    fn check_numbers(&self) -> Result<()> {
        within("atl", self.atl, 1, MAX_LIFETIME)?;
        within("rtl", self.rtl, 0, MAX_LIFETIME)?;
        within("rtm", self.rtm, 0, MAX_LIFETIME)?;
        within("iat", self.iat, 0, MAX_TIME)?;
        within("uat", self.uat, 0, MAX_TIME)?;
        within("rti", self.rti, 0, MAX_TIME)
    }

    fn check_code(&self) -> Result<()> {
        let extras = &self.extras;
        for (name, text) in [("iss", &self.iss), ("idt", &extras.idt), ("rft", &self.rft)] {
            text.as_deref().map_or(Ok(()), |t| if is_text(t) { Ok(()) } else { Err(bad(name)) })?;
        }
        if extras.rur.as_deref().is_some_and(|uri| !is_redirect_uri(uri)) {
            return Err(bad("rur"));
        }
        let method = pkce::Method::parse(extras.ccm.as_deref()).ok_or_else(|| bad("ccm"))?;
        match &extras.cch {
            None if extras.ccm.is_some() => Err(Error::invalid("ccm without cch")),
            Some(challenge) if !pkce::is_challenge(method, challenge) => Err(bad("cch")),
            _ => Ok(()),
        }
    }
}

fn bad(name: &str) -> Error {
    Error::invalid(format!("Missing or invalid member {name}"))
}

fn identifier(name: &str, text: &str) -> Result<()> {
    let ok = !text.is_empty() && text.len() <= MAX_ID && !text.chars().any(char::is_control);
    if ok { Ok(()) } else { Err(bad(name)) }
}

fn is_text(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_TEXT && !text.chars().any(char::is_control)
}

fn items(name: &str, values: Option<&[String]>, is_good: fn(&str) -> bool) -> Result<()> {
    let good =
        values.is_none_or(|v| v.len() <= MAX_ITEMS && v.iter().all(|item| item.len() <= MAX_ITEMS && is_good(item)));
    if good { Ok(()) } else { Err(bad(name)) }
}

fn within(name: &str, value: Option<Seconds>, low: Seconds, high: Seconds) -> Result<()> {
    if value.is_none_or(|v| (low..=high).contains(&v)) { Ok(()) } else { Err(bad(name)) }
}

/// A language tag's outline (RFC 5646 section 2.1): alphanumeric subtags of 1 to 8 characters.
fn is_language_tag(tag: &str) -> bool {
    !tag.is_empty()
        && tag.split('-').all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
        && tag.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// A claim name, with a language tag after `#` if there is one (`OpenID` Connect Core section 5.2).
fn has_good_tag(name: &str) -> bool {
    name.split_once('#').is_none_or(|(claim, tag)| !claim.is_empty() && is_language_tag(tag))
}

/// An absolute URI without a fragment (RFC 6749 section 3.1.2), of no scheme that runs code.
pub fn is_redirect_uri(uri: &str) -> bool {
    let Ok(parsed) = url::Url::parse(uri) else { return false };
    let runs_code = matches!(parsed.scheme(), "javascript" | "data" | "vbscript" | "blob" | "about");
    uri.len() <= 2_048 && parsed.fragment().is_none() && !runs_code && !uri.chars().any(|c| c.is_control() || c == ' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirect_uris_are_absolute_and_run_nothing() {
        for good in ["https://client.example.com/in", "com.example.app://auth", "http://127.0.0.1:1234/cb?x=1"] {
            assert!(is_redirect_uri(good), "{good}");
        }
        for bad in ["javascript:alert(1)", "/in", "https://a/#f", "data:text/html,x", "", "https://a/ b"] {
            assert!(!is_redirect_uri(bad), "{bad}");
        }
    }

    #[test]
    fn language_tags_have_their_outline() {
        assert!(is_language_tag("de-CH-1996"));
        assert!(!is_language_tag("de_CH"));
        assert!(has_good_tag("name#ja-Kana-JP"));
        assert!(!has_good_tag("name#"));
    }
}
