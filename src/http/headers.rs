//! Reading the headers that carry credentials (RFC 6750 section 2.1, RFC 7617).

use poem::http::{HeaderMap, header};

use crate::http::reply::CredentialFault;

/// The token of `Authorization: Bearer …`.
pub fn bearer(headers: &HeaderMap) -> Result<&str, CredentialFault> {
    credential(headers, "Bearer")
}

/// The still encoded credentials of `Authorization: Basic …`.
pub fn basic(headers: &HeaderMap) -> Result<&str, CredentialFault> {
    credential(headers, "Basic")
}

/// What stands behind a scheme in `Authorization`. Another scheme counts as none for Bearer's sake: a 401 says what is wanted.
fn credential<'a>(headers: &'a HeaderMap, scheme: &str) -> Result<&'a str, CredentialFault> {
    let value = headers.get(header::AUTHORIZATION).ok_or(CredentialFault::Missing)?;
    let text = value.to_str().map_err(|_| CredentialFault::Malformed)?;
    let (given, rest) = text.split_once(' ').ok_or(CredentialFault::Malformed)?;
    if !given.eq_ignore_ascii_case(scheme) {
        return Err(CredentialFault::Missing);
    }
    let rest = rest.trim_start_matches(' ');
    if rest.is_empty() || rest.contains([' ', ',']) { Err(CredentialFault::Malformed) } else { Ok(rest) }
}

#[cfg(test)]
mod tests {
    use poem::http::{HeaderMap, HeaderValue, header};

    use super::{basic, bearer};
    use crate::http::reply::CredentialFault;

    fn with(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_credential_is_one_word_behind_its_scheme() {
        assert_eq!(bearer(&with("Bearer abc")), Ok("abc"));
        assert_eq!(bearer(&with("bearer  abc")), Ok("abc"));
        assert_eq!(bearer(&with("Basic abc")), Err(CredentialFault::Missing));
        assert_eq!(basic(&with("Basic abc")), Ok("abc"));
        for bad in ["Bearer", "Bearer ", "Bearer a b", "Bearer a,b"] {
            assert_eq!(bearer(&with(bad)), Err(CredentialFault::Malformed), "{bad:?}");
        }
        assert_eq!(bearer(&HeaderMap::new()), Err(CredentialFault::Missing));
    }
}
