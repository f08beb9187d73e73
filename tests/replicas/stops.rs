//! A replica that stops loses nobody's request: it says that it isn't ready, serves on for the drain delay, and has clients
//! leave its connections meanwhile (F-13).

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::harness::raw::{self, RawAnswer};
use crate::harness::{TestApp, both};

both!(a_replica_that_drains_serves_and_has_clients_leave);

const GET: &[u8] = b"GET /jwks.json HTTP/1.1\r\nHost: x\r\nTenant-ID: acme\r\n\r\n";

async fn ask(connection: &mut TcpStream) -> RawAnswer {
    connection.write_all(GET).await.unwrap();
    raw::read(connection).await
}

async fn a_replica_that_drains_serves_and_has_clients_leave(app: &TestApp) {
    let stopping = app.replica_with(|settings| settings.drain_delay = Duration::from_secs(2)).await.unwrap();
    let mut kept = TcpStream::connect(stopping.authority()).await.unwrap();
    let before = ask(&mut kept).await;
    assert_eq!((before.status, before.header("connection")), (200, ""));
    let (authority, ready) = (stopping.authority(), stopping.ops_request("GET", "/health/ready"));
    let mut stopped = tokio::spawn(stopping.stop());
    // The stop is under way as soon as its task has run.
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut stopped).await.is_err());
    ready.send().await.status(503);
    for connection in [&mut kept, &mut TcpStream::connect(&authority).await.unwrap()] {
        let answer = ask(connection).await;
        assert_eq!((answer.status, answer.header("connection")), (200, "close"));
    }
    stopped.await.unwrap();
    assert!(TcpStream::connect(&authority).await.is_err(), "it accepts no more");
}
