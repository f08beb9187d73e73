//! Requests that no HTTP client would send: bytes on a socket.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::TestApp;

/// Longer than any deadline of the server.
const PATIENCE: Duration = Duration::from_secs(20);

/// An answer read byte by byte.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    /// The status code; 0 where the server closed without an answer.
    pub(crate) status: u16,
    /// Head and body as they came.
    pub(crate) text: String,
}

impl RawAnswer {
    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let status = text.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        Self { status, text }
    }

    /// The value of a header, `""` where it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        let head = self.text.split("\r\n\r\n").next().unwrap_or_default();
        head.lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value.trim())
    }
}

/// Sends bytes to the public listener and reads until the server closes, or is silent after an answer.
pub(crate) async fn send(app: &TestApp, request: &[u8]) -> RawAnswer {
    let mut stream = TcpStream::connect(app.authority()).await.unwrap();
    // A server may well refuse before it has read all.
    let _ = stream.write_all(request).await;
    read(&mut stream).await
}

/// Reads one answer from a connection.
pub(crate) async fn read(stream: &mut TcpStream) -> RawAnswer {
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let patience = if complete(&answer) { Duration::from_millis(50) } else { PATIENCE };
        match tokio::time::timeout(patience, stream.read(&mut chunk)).await {
            Ok(Ok(n)) if n > 0 => answer.extend_from_slice(&chunk[..n]),
            Err(elapsed) if answer.is_empty() => panic!("the server neither answered nor closed: {elapsed}"),
            _ => return RawAnswer::parse(&answer),
        }
    }
}

fn complete(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let head = head.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    length.map_or(body.ends_with("0\r\n\r\n"), |n| n.trim().parse().is_ok_and(|n: usize| body.len() >= n))
}
