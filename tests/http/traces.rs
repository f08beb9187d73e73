//! Traces: what reaches a collector of OTLP over HTTP.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use tenure::app;
use tenure::config::{Config, Otlp};
use tenure::domain::Clock;

use crate::harness::server::config;
use crate::harness::{NOW, tenants};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// A collector that passes on each request line and body.
fn collector() -> (String, Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut first, mut length) = (String::new(), 0);
            reader.read_line(&mut first).unwrap();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                    length = value.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
            if sender.send((first, body)).is_err() {
                return;
            }
        }
    });
    (base, receiver)
}

fn holds(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// Starts a server that traces this share, asks for a token twice, stops it; what the collector got.
async fn traced(sample: f64, traceparent: &str) -> Vec<(String, Vec<u8>)> {
    let (endpoint, received) = collector();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tenants.toml");
    std::fs::write(&file, tenants::file()).unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("t.db").display());
    let config = Config { tenants: Some(file), otlp: Some(Otlp { endpoint, sample }), ..config(&url) };
    let running = app::start(config, Clock::fixed(NOW)).await.unwrap();
    let base = format!("http://{}", running.public_addr);
    let http = reqwest::Client::new();
    let ask = http.get(format!("{base}/t/acme/jwks.json?secret=in-the-query")).header("traceparent", traceparent);
    assert_eq!(ask.send().await.unwrap().status(), 200);
    let refused = http.post(format!("{base}/t/acme/token")).basic_auth("nobody", Some("a-secret-of-a-client"));
    assert_eq!(refused.header("traceparent", traceparent).send().await.unwrap().status().as_u16() / 100, 4);
    running.shutdown().await.unwrap();
    received.try_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_a_span_under_its_callers_trace() {
    let sent = traced(0.0, &format!("00-{TRACE}-{PARENT}-01")).await;
    let [(line, body)] = &sent[..] else { panic!("one batch, sent when the server stops: {}", sent.len()) };
    assert_eq!(line.trim(), "POST /v1/traces HTTP/1.1");
    for part in [&bytes(TRACE)[..], &bytes(PARENT), b"get_jwks", b"request_token", b"acme", b"tenure"] {
        assert!(holds(body, part), "{}", String::from_utf8_lossy(part));
    }
    for secret in ["in-the-query", "a-secret-of-a-client", "nobody"] {
        assert!(!holds(body, secret.as_bytes()), "{secret}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_samples_nothing_is_not_traced() {
    assert!(traced(1.0, &format!("00-{TRACE}-{PARENT}-00")).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_brings_no_trace_is_sampled_by_share() {
    assert!(traced(0.0, "").await.is_empty());
    assert_eq!(traced(1.0, "").await.len(), 1);
}
