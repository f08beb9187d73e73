//! Clients that never finish what they begin. These tests wait for real deadlines, all of them at once.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::TestApp;

const HEAD: &str = "POST /authz-store/rest/v3/revocation HTTP/1.1\r\nHost: localhost\r\nTenant-ID: acme\r\n\
     Authorization: Bearer ztucZS1ZyFKgh0tUEruUtiSTXhnexmd6\r\nContent-Type: application/x-www-form-urlencoded\r\n";

/// Sends a beginning, then a byte a second; returns how long the server went along with it.
async fn drip(app: &TestApp, beginning: String) -> Duration {
    let mut stream = TcpStream::connect(app.authority()).await.unwrap();
    stream.write_all(beginning.as_bytes()).await.unwrap();
    let begun = Instant::now();
    let mut answer = [0; 1024];
    while begun.elapsed() < Duration::from_secs(30) {
        let closed = match tokio::time::timeout(Duration::from_secs(1), stream.read(&mut answer)).await {
            // An answer (408) is no end yet.
            Ok(read) => read.is_err() || read.is_ok_and(|n| n == 0),
            Err(_elapsed) => stream.write_all(b"x").await.is_err(),
        };
        if closed {
            break;
        }
    }
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_drips_is_cut_off_after_ten_seconds() {
    let app = TestApp::sqlite().await;
    let (line, head, body, chunked, fast) = tokio::join!(
        drip(&app, "GET /authz-store".to_owned()),
        drip(&app, format!("{HEAD}X-Drip: ")),
        drip(&app, format!("{HEAD}Content-Length: 60000\r\n\r\nsubject=")),
        drip(&app, format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n10\r\n")),
        async {
            for _ in 0..20 {
                app.authz_store().list("subjects").await;
            }
        },
    );
    let () = fast;
    for (what, took) in [("request line", line), ("head", head), ("body", body), ("chunked body", chunked)] {
        assert!((8..=13).contains(&took.as_secs()), "{what}: {took:?}");
    }
}

/// How many drip at once.
const MANY: usize = 300;

#[tokio::test(flavor = "multi_thread")]
async fn many_that_drip_hold_nobody_up() {
    let app = TestApp::sqlite().await;
    let drippers = join_all((0..MANY).map(|n| drip(&app, format!("{HEAD}X-Drip-{n}: "))));
    let others = async {
        let mut slowest = Duration::ZERO;
        for _ in 0..60 {
            let begun = Instant::now();
            app.authz_store().list("subjects").await;
            slowest = slowest.max(begun.elapsed());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let metrics = app.ops_request("GET", "/metrics").send().await.status(200).text();
        assert!(gauge(&metrics, "tenure_connections") >= MANY, "they are all there: {metrics}");
        slowest
    };
    let (took, slowest) = tokio::join!(drippers, others);
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    assert!(took.iter().all(|took| took.as_secs() <= 13), "{:?}", took.iter().max());
    let metrics = app.ops_request("GET", "/metrics").send().await.status(200).text();
    assert!(gauge(&metrics, "tenure_slow_peers_total") >= MANY, "{metrics}");
    assert!(gauge(&metrics, "tenure_connections") < MANY / 2, "{metrics}");
}

/// The value of a metric without labels.
fn gauge(metrics: &str, name: &str) -> usize {
    let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
    line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in {metrics}"))
}
