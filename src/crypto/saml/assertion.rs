//! A verified assertion, and whether it is meant for us and for now (RFC 7522 section 3).

use super::fault::SamlFault;

/// What a verified assertion says. Times are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// Its ID, good for one use together with the issuer.
    pub id: String,
    /// Who made it.
    pub issuer: String,
    /// When it was made, by its own word.
    pub issued_at: i64,
    /// Whom it is about (`NameID`).
    pub subject: String,
    /// Whom it is for. Empty if it does not say, which is never acceptable.
    pub audiences: Vec<String>,
    /// Its bearer confirmations, at least one; those by other methods are left out.
    pub confirmations: Vec<Confirmation>,
    /// Not valid before (`Conditions`).
    pub not_before: Option<i64>,
    /// Not valid from then on (`Conditions`).
    pub not_on_or_after: Option<i64>,
    /// When the subject last authenticated, if it says.
    pub auth_instant: Option<i64>,
    /// When the subject's session with the issuer ends, if it says.
    pub session_not_on_or_after: Option<i64>,
}

/// A bearer confirmation. All members are absent if it has no `SubjectConfirmationData`; otherwise recipient and end are
/// present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// The token endpoint it may be presented at.
    pub recipient: Option<String>,
    /// Not usable before.
    pub not_before: Option<i64>,
    /// Not usable from then on.
    pub not_on_or_after: Option<i64>,
}

impl Assertion {
    /// Whether the assertion may be used at `now`, at an endpoint that goes by `recipients`, of a server that goes by
    /// `audiences` (both compared byte by byte). Clocks may differ by `skew` seconds. Single use is not judged here.
    pub fn check(&self, now: i64, audiences: &[&str], recipients: &[&str], skew: i64) -> Result<(), SamlFault> {
        in_time(now, skew, self.not_before, self.not_on_or_after)?;
        in_time(now, skew, None, self.session_not_on_or_after)?;
        if !self.audiences.iter().any(|audience| audiences.contains(&audience.as_str())) {
            return Err(SamlFault::Audience);
        }
        let mut outcome = Err(SamlFault::Recipient);
        for confirmation in &self.confirmations {
            outcome = self.confirms(confirmation, now, recipients, skew);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// When the assertion is over at the latest: its ID has to be remembered until then, and `skew` longer.
    pub fn expires_at(&self) -> Option<i64> {
        let ends = self.confirmations.iter().map(|confirmation| confirmation.not_on_or_after);
        let confirmed =
            ends.map(|end| end.or(self.not_on_or_after)).collect::<Option<Vec<i64>>>()?.into_iter().max()?;
        Some(self.not_on_or_after.map_or(confirmed, |end| end.min(confirmed)))
    }

    fn confirms(&self, confirmation: &Confirmation, now: i64, recipients: &[&str], skew: i64) -> Result<(), SamlFault> {
        match &confirmation.recipient {
            Some(recipient) if !recipients.contains(&recipient.as_str()) => Err(SamlFault::Recipient),
            Some(_) => in_time(now, skew, confirmation.not_before, confirmation.not_on_or_after),
            // Without data there must be an end in the conditions, which have been checked.
            None if self.not_on_or_after.is_some() => Ok(()),
            None => Err(SamlFault::Expired),
        }
    }
}

fn in_time(now: i64, skew: i64, not_before: Option<i64>, not_on_or_after: Option<i64>) -> Result<(), SamlFault> {
    if not_on_or_after.is_some_and(|end| now >= end.saturating_add(skew)) {
        return Err(SamlFault::Expired);
    }
    if not_before.is_some_and(|start| now.saturating_add(skew) < start) {
        return Err(SamlFault::NotYetValid);
    }
    Ok(())
}
