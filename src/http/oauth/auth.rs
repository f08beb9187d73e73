//! The family's gate. Only registration has one: at `/token*` clients authenticate in the handlers, since their credential may
//! be in the body.

use poem::Request;
use poem::http::Method;

use crate::domain::Error;
use crate::http::body::text::decode_segment;
use crate::http::call::{Call, Caller};
use crate::http::headers::bearer;
use crate::http::reply::{CredentialFault, Rejection};

/// Judges the credential of a request to `/clients`: the tenant's registration token, or the client's own.
pub async fn pass(request: &mut Request, call: &Call, path: &str) -> Result<(), Rejection> {
    if path == "/clients" && request.method() == Method::POST {
        let token = match bearer(request.headers()) {
            Ok(token) => Some(token),
            Err(CredentialFault::Missing) => None,
            Err(_) => return Err(Error::InvalidToken.into()),
        };
        return Ok(call.services.may_register(&call.ctx, token)?);
    }
    let Some(id) = path.strip_prefix("/clients/") else { return Ok(()) };
    let id = decode_segment(id).ok_or_else(|| Rejection::malformed("Bad encoding of the path"))?;
    let token = bearer(request.headers()).map_err(Rejection::Credential)?;
    let own = call.services.self_managed(&call.ctx, &id, token).await?;
    request.set_data(Caller(own));
    Ok(())
}
