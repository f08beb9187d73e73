//! Deadlines and caps of connections, with limits short enough to wait for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use poem::endpoint::make;
use poem::{Body, Request, Server};
use tenure::http::transport::{Guarded, Limits};
use tenure::telemetry::Metrics;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SHORT: Duration = Duration::from_millis(300);

fn limits() -> Limits {
    Limits { connections: 100, request: SHORT, idle: Duration::from_millis(900), stall: SHORT }
}

/// A server that answers the length of the body it read, or very much at `/much`.
async fn serve(limits: Limits) -> (SocketAddr, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::new().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let guarded = Guarded::new(listener, limits, Arc::clone(&metrics)).unwrap();
    let endpoint = make(|request: Request| async move {
        if request.uri().path() == "/much" {
            return Ok::<_, poem::Error>(Body::from_vec(vec![b'x'; 64 * 1024 * 1024]));
        }
        let bytes = request.into_body().into_bytes().await?;
        Ok(Body::from_string(bytes.len().to_string()))
    });
    tokio::spawn(Server::new_with_acceptor(guarded).run(endpoint));
    (address, metrics)
}

/// Sends a byte every 20 ms until the peer hangs up, and tells how long that took.
async fn drip(address: SocketAddr, head: &[u8]) -> Duration {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let started = Instant::now();
    let dripping = async {
        let mut every = tokio::time::interval(Duration::from_millis(20));
        loop {
            every.tick().await;
            if write.write_all(b"a").await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let mut rest = Vec::new();
    tokio::select! {
        () = dripping => {}
        _ = read.read_to_end(&mut rest) => {}
    }
    started.elapsed()
}

#[tokio::test]
async fn a_dripped_header_is_cut_off_and_a_dripped_body_too() {
    let (address, metrics) = serve(limits()).await;
    let header = drip(address, b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ").await;
    let body = drip(address, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n").await;
    for took in [header, body] {
        assert!(took >= SHORT && took < SHORT * 4, "{took:?}");
    }
    assert_eq!(metrics.slow_peers.get(), 2);
    assert_eq!(metrics.connections.get(), 0);
}

#[tokio::test]
async fn an_idle_connection_lives_longer_than_a_request_and_not_for_ever() {
    let (address, _) = serve(limits()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut answer = [0; 1024];
    assert!(stream.read(&mut answer).await.unwrap() > 0);
    let started = Instant::now();
    assert_eq!(stream.read(&mut answer).await.unwrap_or(0), 0);
    assert!(started.elapsed() > SHORT * 2, "{:?}", started.elapsed());
}

#[tokio::test]
async fn who_connects_and_asks_nothing_is_let_go_as_soon_as_who_asks_slowly() {
    let (address, metrics) = serve(Limits { idle: Duration::from_mins(10), ..limits() }).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let gone = tokio::time::timeout(Duration::from_secs(30), stream.read(&mut [0; 16])).await;
    assert_eq!(gone.expect("kept for as long as one that has asked").unwrap_or(0), 0);
    assert_eq!(metrics.slow_peers.get(), 1);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off_and_can_tell() {
    let (address, metrics) = serve(limits()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /much HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let cut = async {
        while metrics.slow_peers.get() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SHORT * 10, cut).await.expect("never cut off");
    let mut got = Vec::new();
    let _ = stream.read_to_end(&mut got).await;
    assert!(got.len() < 64 * 1024 * 1024, "{} bytes", got.len());
}

#[tokio::test]
async fn connections_past_the_cap_wait_until_one_ends() {
    let (address, metrics) = serve(Limits { connections: 1, request: Duration::from_mins(1), ..limits() }).await;
    let first = TcpStream::connect(address).await.unwrap();
    let mut second = TcpStream::connect(address).await.unwrap();
    second.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 1024];
    let early = tokio::time::timeout(Duration::from_millis(100), second.read(&mut answer)).await;
    assert!(early.is_err(), "served past the cap");
    assert_eq!(metrics.connections.get(), 1);
    drop(first);
    let read = tokio::time::timeout(Duration::from_secs(5), second.read(&mut answer)).await.unwrap().unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 200"));
}
