//! What the wire looks like: the only place that knows poem.
//!
//! A family is a folder: `mod.rs` names its resources ([`authz_store::Api`]), `auth.rs` is its gate, `error.rs` its words,
//! `wire.rs` its objects, and one file per resource holds the handlers. [`front`] runs before and after each of them.

pub mod authlete;
pub mod authz_store;
pub mod body;
pub mod call;
pub mod cors;
pub mod docs;
pub mod examples;
pub mod family;
pub mod front;
pub mod gate;
pub mod head;
pub mod headers;
pub mod iam;
pub mod limits;
pub mod oauth;
pub mod observe;
pub mod operations;
pub mod ops;
pub mod payload;
pub mod platform;
pub mod reply;
pub mod routes;
pub mod server;
pub mod transport;
pub mod unread;
mod unrouted;
pub mod words;

use std::sync::Arc;

use poem_openapi::{ExtraHeader, OpenApi, OpenApiService};

use crate::telemetry::Metrics;

use call::Shared;
use docs::{Docs, Document};
use front::Front;
use limits::Gatekeeper;
use operations::Operations;
use routes::Handlers;

/// Every family.
pub type Families = (authz_store::Api, oauth::Api, authlete::Api, iam::Api, platform::Api);

/// The endpoint of the public port.
pub fn routes(shared: Shared, metrics: Arc<Metrics>) -> Front {
    front(Families::default(), shared, metrics)
}

/// The endpoint over any set of operations.
pub fn front<T: OpenApi + 'static>(api: T, shared: Shared, metrics: Arc<Metrics>) -> Front {
    Front {
        operations: Operations::of::<T>(),
        handlers: Handlers::of(api),
        docs: Docs::new(specs()),
        gatekeeper: Gatekeeper::new(Arc::clone(&metrics)),
        shared,
        metrics,
    }
}

/// One document per family, in the order of the page.
pub fn specs() -> Vec<Document> {
    vec![
        with_examples(tenant_document::<authz_store::Api>("authz-store", "Authorisation store"), authz_store::EXAMPLES),
        tenant_document::<oauth::Api>("oauth", "OAuth 2.0 and OpenID Connect"),
        tenant_document::<authlete::Api>("authlete", "Authorised applications"),
        tenant_document::<iam::Api>("iam", "Token management"),
        platform_document::<platform::Api>("platform", "Tenants"),
    ]
}

fn service<T: OpenApi>(api: T, title: &str) -> OpenApiService<T, ()> {
    OpenApiService::new(api, title, env!("CARGO_PKG_VERSION"))
}

/// The document of a family that serves tenants: every operation takes the headers that name one.
fn tenant_document<T: OpenApi + Default>(name: &'static str, title: &str) -> Document {
    let tenant_id = ExtraHeader::new("Tenant-ID").description("The tenant, by its id");
    let issuer = ExtraHeader::new("Issuer").description("The tenant, by its issuer URL or an alias, byte for byte");
    let service = service(T::default(), title)
        .extra_request_header::<Option<String>, _>(tenant_id)
        .extra_request_header::<Option<String>, _>(issuer);
    // poem-openapi writes the names of extra headers in capitals; they are shown as the specification has them.
    let json = service.spec().replace("\"TENANT-ID\"", "\"Tenant-ID\"").replace("\"ISSUER\"", "\"Issuer\"");
    Document { name, json }
}

fn with_examples(document: Document, table: &str) -> Document {
    let json = examples::shown(&document.json, table).unwrap_or(document.json);
    Document { name: document.name, json }
}

fn platform_document<T: OpenApi + Default>(name: &'static str, title: &str) -> Document {
    Document { name, json: service(T::default(), title).spec() }
}
