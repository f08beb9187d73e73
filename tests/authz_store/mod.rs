//! The authorisation store, `/authz-store/rest/v3`: every example of its specification and every awkward request.

mod attributes;
mod authorizations;
mod errors;
mod exchange;
mod get;
mod import;
mod inspection;
mod listings;
mod put;
mod races;
mod refresh;
mod revocation;
mod rotation;
mod validation;
