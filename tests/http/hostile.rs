//! Requests that no well-meaning client sends, byte by byte. The database has no part in them.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::harness::raw::{self, RawAnswer};
use crate::harness::{TestApp, request};

/// A request whose line and headers are given, with the tenant and the credential of acme.
fn acme(line: &str, headers: &str) -> String {
    format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\nTenant-ID: acme\r\n\
         Authorization: Bearer ztucZS1ZyFKgh0tUEruUtiSTXhnexmd6\r\n{headers}\r\n"
    )
}

async fn send(app: &TestApp, line: &str, headers: &str, body: &str) -> RawAnswer {
    raw::send(app, (acme(line, headers) + body).as_bytes()).await
}

const POST: &str = "POST /authz-store/rest/v3/revocation";
const GET: &str = "GET /authz-store/rest/v3/subjects";

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_length_is_ambiguous_is_refused() {
    let app = TestApp::sqlite().await;
    let form = format!("Content-Type: {}\r\n", request::FORM);
    for headers in [
        "Content-Length: 15\r\nContent-Length: 13\r\n",
        "Content-Length: 13, 15\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: +13\r\n",
        "Content-Length: 0x0d\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Content-Length: 13\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 13\r\n",
    ] {
        let answer = send(&app, POST, &format!("{form}{headers}"), "subject=alice").await;
        assert_eq!(answer.status, 400, "{headers} {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_malformed_is_refused() {
    let app = TestApp::sqlite().await;
    for headers in
        ["Tenant-ID : globex\r\n", "X: a\r\n b\r\n", "X: a\0b\r\n", "X: a\rb\r\n", "No colon\r\n", ": empty\r\n"]
    {
        let answer = send(&app, GET, headers, "").await;
        assert_eq!(answer.status, 400, "{headers:?} {answer:?}");
    }
    for head in [
        "GET /authz-store/rest/v3/subjects HTTP/1.1\r\nTenant-ID: acme\r\n\r\n",
        "GET /authz-store/rest/v3/subjects HTTP/1.1\r\nHost: a\r\nHost: b\r\nTenant-ID: acme\r\n\r\n",
        "GET /authz-store/rest/v3/sub jects HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET  HTTP/1.1\r\nHost: a\r\n\r\n",
        "G\0T / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\r\n\r\n",
    ] {
        let answer = raw::send(&app, head.as_bytes()).await;
        assert_eq!(answer.status, 400, "{head:?} {answer:?}");
    }
    let issuer = acme(GET, "Issuer: https://acme.example.com\u{ff}\r\n");
    let latin1: Vec<u8> = issuer.chars().map(|c| u8::try_from(c as u32).unwrap()).collect();
    assert_eq!(raw::send(&app, &latin1).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_large_is_refused() {
    let app = TestApp::sqlite().await;
    let many: String = (0..110).map(|n| format!("X-{n}: x\r\n")).collect();
    assert_eq!(send(&app, GET, &many, "").await.status, 431);
    let line = format!("GET /authz-store/rest/v3/subjects?{}", "x".repeat(70_000));
    assert_eq!(send(&app, &line, "", "").await.status, 414);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_is_taken_as_it_is() {
    let app = TestApp::sqlite().await;
    for (path, status) in [
        ("//authz-store/rest/v3/subjects", 404),
        ("/authz-store//rest/v3/subjects", 404),
        ("/authz-store/rest/v3/%73ubjects", 404),
        ("/authz-store/rest/v3/./subjects", 404),
        ("/authz-store/rest/v3/x/../subjects", 404),
        ("/authz-store/rest/v3/subjects/", 404),
        ("/authz-store/rest/v3/subjects;a=b", 404),
        ("/authz-store/rest/v3/SUBJECTS", 404),
        ("/authz-store/rest/v3/subjects%zz", 400),
        ("/authz-store/rest/v3/subjects%ff", 400),
        ("/authz-store/rest/v3/subjects%", 400),
        ("/authz-store/rest/v3/subjects?%zz", 400),
        ("/authz-store/rest/v3/subjects?no_duplicates=%ff", 400),
        ("//token", 404),
        ("/%74oken", 404),
        ("/authz-store/rest/v3/subjects?", 200),
        ("/authz-store/rest/v3/subjects", 200),
    ] {
        let answer = send(&app, &format!("GET {path}"), "", "").await;
        assert_eq!(answer.status, status, "{path} {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_is_unknown_is_refused() {
    let app = TestApp::sqlite().await;
    for method in ["TRACE", "BREW", "get", "PROPFIND"] {
        let answer = send(&app, &format!("{method} /authz-store/rest/v3/subjects"), "Content-Length: 0\r\n", "").await;
        assert_eq!(answer.status, 405, "{method} {answer:?}");
        assert!(answer.header("allow").contains("GET"), "{answer:?}");
        assert!(!answer.text.contains("ztucZS1ZyFKgh0tUEruUtiSTXhnexmd6"), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let app = TestApp::sqlite().await;
    let form = format!("Content-Type: {}\r\n", request::FORM);
    for length in ["65537", "1073741824", "9223372036854775807"] {
        // Nothing of the body is ever sent.
        let answer = send(&app, POST, &format!("{form}Content-Length: {length}\r\n"), "").await;
        assert_eq!(answer.status, 413, "{length} {answer:?}");
        assert!(answer.text.contains("invalid_request"), "{answer:?}");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    let endless = format!("8\r\nsubject=\r\n{}", chunk.repeat(5));
    let answer = send(&app, POST, &format!("{form}Transfer-Encoding: chunked\r\n"), &endless).await;
    assert_eq!(answer.status, 413, "{answer:?}");
    let small = "8\r\nsubject=\r\n5\r\nalice\r\n0\r\n\r\n";
    let answer = send(&app, POST, &format!("{form}Transfer-Encoding: chunked\r\n"), small).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_leaves_the_connection_usable() {
    let app = TestApp::sqlite().await;
    let mut stream = tokio::net::TcpStream::connect(app.authority()).await.unwrap();
    for (line, status) in [
        ("GET /nothing", 404),
        ("DELETE /authz-store/rest/v3/subjects", 405),
        ("GET /authz-store/rest/v3/subjects?x=1", 400),
        (GET, 200),
    ] {
        tokio::io::AsyncWriteExt::write_all(&mut stream, acme(line, "").as_bytes()).await.unwrap();
        let answer = raw::read(&mut stream).await;
        assert_eq!(answer.status, status, "{line} {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_to_the_log_can_not_break_out_of_it() {
    let app = TestApp::sqlite().await;
    for (name, value) in [("user-agent", "x\" level=error"), ("user-agent", "\tx\u{e9}"), ("x-request-id", "a\" b\\")] {
        let answer = app.authz_store().request("GET", "subjects").header(name, value).send().await;
        assert!([200, 400].contains(&answer.code()), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_before_the_body_may_go_on() {
    let app = TestApp::sqlite().await;
    let (head, next) = (acme(POST, "Content-Length: 4\r\n"), acme(GET, "Connection: close\r\n"));
    for refused in [
        head.replace("Bearer z", "Bearer y"),
        head.replace("Tenant-ID: acme", "Tenant-ID: nobody"),
        head.replace(POST, "DELETE /authz-store/rest/v3/revocation"),
        head.replace(POST, "POST /nowhere"),
        head.replace(POST, &format!("{POST}?unknown=1")),
    ] {
        let mut stream = TcpStream::connect(app.authority()).await.unwrap();
        stream.write_all(refused.as_bytes()).await.unwrap();
        // Time enough for a server that wouldn't wait for the rest.
        let early = tokio::time::timeout(Duration::from_millis(100), raw::read(&mut stream)).await;
        assert!(early.is_err(), "{refused}: {early:?}");
        stream.write_all(b"a=bc").await.unwrap();
        let answer = raw::read(&mut stream).await;
        assert!((400..410).contains(&answer.status) && answer.header("connection").is_empty(), "{answer:?}");
        stream.write_all(next.as_bytes()).await.unwrap();
        assert_eq!(raw::read(&mut stream).await.status, 200, "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_before_a_long_body_is_told_that_the_connection_ends() {
    let app = TestApp::sqlite().await;
    for headers in ["Content-Length: 65537\r\n", "Content-Length: 4\r\nExpect: 100-continue\r\n"] {
        let head = acme(POST, headers).replace("Bearer z", "Bearer y");
        let answer = raw::send(&app, head.as_bytes()).await;
        assert_eq!((answer.status, answer.header("connection")), (401, "close"), "{headers}");
    }
}
