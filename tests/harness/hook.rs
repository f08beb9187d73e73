//! The web hook that judges the passwords of tenant `hooked`: one for the whole process, without a memory.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::OnceLock;

use serde_json::{Value, json};

/// The port it listens on; the first call starts it.
pub(crate) fn port() -> u16 {
    static PORT: OnceLock<u16> = OnceLock::new();
    *PORT.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || listener.incoming().for_each(|stream| drop(stream.map(serve))));
        port
    })
}

fn serve(stream: TcpStream) {
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut length, mut headers) = (0, Vec::new());
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
            headers.push(line);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let (status, answer) = judge(&headers, &serde_json::from_slice(&body).unwrap());
        let location = if status == 302 { "location: /elsewhere\r\n" } else { "" };
        let text = answer.to_string();
        let head = format!("HTTP/1.1 {status} X\r\n{location}content-type: application/json\r\nconnection: close\r\n");
        let mut stream = stream;
        let _ = write!(stream, "{head}content-length: {}\r\n\r\n{text}", text.len());
    });
}

/// What the hook answers: the user's name says it. `echo` tells in `data` what was asked.
fn judge(headers: &[String], asked: &Value) -> (u16, Value) {
    let has = |line: &str| headers.iter().any(|header| header == line);
    if !has("authorization: bearer hook-token-0123456789") || !has("issuer: https://hooked.example.com") {
        return (500, json!({}));
    }
    match asked["username"].as_str().unwrap() {
        "echo" => (200, json!({"sub": "echo-sub", "data": {"asked": asked}})),
        "narrowed" => (200, json!({"sub": "narrowed", "scope": ["app:read"]})),
        "widened" => (200, json!({"sub": "widened", "scope": ["app:write"]})),
        "admin" => (200, json!({"sub": "admin", "scope": ["iam:admin.read"]})),
        "locked" => (400, json!({"error": "invalid_grant", "error_description": "The account is locked"})),
        "moved" => (302, json!({"sub": "moved"})),
        "broken" => (200, json!({"scope": "x"})),
        _ => (503, json!({})),
    }
}
