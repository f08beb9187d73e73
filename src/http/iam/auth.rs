//! The family's gate: an access token with `ROLE_ADMIN` as Bearer.

use poem::Request;
use poem::http::Method;

use crate::domain::Error;
use crate::http::call::Call;
use crate::http::headers::bearer;
use crate::http::reply::{CredentialFault, Rejection};

/// The scope that may read.
const READ: &str = "iam:admin.read";
/// The scope that may delete.
const WRITE: &str = "iam:admin.write";

/// Judges the credential of a request: whether the token is good, then whether it may do this.
pub async fn pass(request: &mut Request, call: &Call, _: &str) -> Result<(), Rejection> {
    let token = bearer(request.headers()).map_err(Rejection::Credential)?;
    let scope = if matches!(*request.method(), Method::GET | Method::HEAD) { READ } else { WRITE };
    match call.services.check_admin(&call.ctx, token, scope).await {
        Err(Error::NotFound(_)) => Err(Rejection::Credential(CredentialFault::Wrong)),
        judged => Ok(judged?),
    }
}
