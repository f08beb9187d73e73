//! What the frameworks alone can do: a bare poem-openapi handler with Tenure's packages and release profile, to measure
//! Tenure beside it. It checks nothing.
//!
//! `POST /static` answers a constant JSON body of the size of an inspected token; `POST /tenant` looks its tenant up by the
//! header `Tenant-ID` first.

#![expect(clippy::unused_async, reason = "handlers are async, whatever they do")]

use std::sync::Arc;

use poem::listener::TcpListener;
use poem::{Route, Server};
use poem_openapi::param::Header;
use poem_openapi::payload::{Binary, PlainText, Response};
use poem_openapi::{OpenApi, OpenApiService};

/// The same as Tenure's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Tenants = moka::sync::Cache<String, Arc<String>>;

struct Bare {
    tenants: Tenants,
    answer: Vec<u8>,
}

#[OpenApi]
impl Bare {
    #[oai(path = "/static", method = "post")]
    async fn constant(&self) -> Response<Binary<Vec<u8>>> {
        self.json()
    }

    #[oai(path = "/tenant", method = "post")]
    async fn tenant(&self, #[oai(name = "Tenant-ID")] tenant: Header<String>) -> Response<Binary<Vec<u8>>> {
        match self.tenants.get(&tenant.0) {
            Some(_) => self.json(),
            None => Response::new(Binary(Vec::new())).status(poem::http::StatusCode::BAD_REQUEST),
        }
    }

    #[oai(path = "/ready", method = "get")]
    async fn ready(&self) -> PlainText<&'static str> {
        PlainText("ready")
    }
}

impl Bare {
    fn json(&self) -> Response<Binary<Vec<u8>>> {
        Response::new(Binary(self.answer.clone())).header("content-type", "application/json")
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listen = std::env::var("BARE_LISTEN").unwrap_or_else(|_| "127.0.0.1:8081".to_owned());
    let tenants = Tenants::new(10_000);
    tenants.insert("bench".to_owned(), Arc::new("bench".to_owned()));
    let answer = format!("{{\"data\":\"{}\"}}", "x".repeat(406)).into_bytes();
    let service = OpenApiService::new(Bare { tenants, answer }, "bare", "1");
    Server::new(TcpListener::bind(listen)).run(Route::new().nest("/", service)).await
}
