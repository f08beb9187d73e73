//! A server over operations of a test's own, with one tenant, and requests written byte for byte.

use std::net::SocketAddr;
use std::sync::Arc;

use poem_openapi::OpenApi;
use tempfile::TempDir;
use tenure::cache::Coherence;
use tenure::crypto::seal::MasterKey;
use tenure::domain::Clock;
use tenure::http;
use tenure::http::call::Shared;
use tenure::http::ops::Readiness;
use tenure::http::server::{Listen, Serving};
use tenure::http::transport::Limits;
use tenure::service::Services;
use tenure::store::{Options, Store};
use tenure::telemetry::Metrics;
use tenure::telemetry::traces::Traces;
use tenure::tenancy::file;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// SHA-256 of `ztucZS1ZyFKgh0tUEruUtiSTXhnexmd6`.
const TENANTS: &str = r#"
[[tenant]]
id = "acme"
issuer = "https://acme.example.com"
[tenant.authz_store]
api_token_sha256 = ["cca68b8b82bcf0b96cb826199429e50cd95a042f8e8891d1ac56ab135d096633"]
"#;

pub(super) struct Served {
    pub(super) address: SocketAddr,
    pub(super) metrics: Arc<Metrics>,
    _serving: Serving,
    _folder: TempDir,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn error(&self) -> (String, String) {
        let value: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        (text("error"), text("error_description"))
    }

    pub(super) fn has(&self, line: &str) -> bool {
        self.head.lines().any(|other| other.eq_ignore_ascii_case(line))
    }
}

impl Served {
    pub(super) async fn start(api: impl OpenApi + 'static) -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("t.db").display());
        let store = Store::open(&Options::new(url), Arc::new(|_| {})).await.unwrap();
        let metrics = Arc::new(Metrics::new().unwrap());
        let clock = Clock::fixed(1_800_000_000);
        let coherence = Coherence::without_feed(clock.clone());
        let services = Services::new(store, Arc::new(MasterKey::generate()), clock, coherence, Arc::clone(&metrics));
        let tenants = file::parse(TENANTS).unwrap().tenants;
        services.apply_entries(tenants, false, false).await.unwrap();
        let shared = Shared {
            services: Arc::new(services),
            platform_tokens: Arc::new([]),
            default_tenant: None,
            public_url: None,
            origins: |_, origin| Box::pin(std::future::ready(Ok(origin == "https://shop.example.com"))),
            traces: Traces::default(),
        };
        let listen = Listen {
            public: SocketAddr::from(([127, 0, 0, 1], 0)),
            ops: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls: None,
            limits: Limits::default(),
            drain_delay: std::time::Duration::ZERO,
        };
        let front = http::front(api, shared, Arc::clone(&metrics));
        let serving = Serving::start(&listen, front, Arc::new(Readiness::default()), &metrics).unwrap();
        Self { address: serving.public_addr, metrics, _serving: serving, _folder: folder }
    }

    /// Sends a request line, headers and a body as they are; `Host` and `Connection: close` are added.
    pub(super) async fn send(&self, line: &str, headers: &[&str], body: &str) -> Answer {
        let headers: Vec<_> = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let head = format!("{line} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{}{length}\r\n", headers.concat());
        self.raw(&format!("{head}{body}")).await
    }

    /// Sends bytes and reads until the server closes.
    pub(super) async fn raw(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes).await;
        parse(&String::from_utf8_lossy(&bytes))
    }
}

pub(super) fn parse(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}
