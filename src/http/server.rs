//! Serving: the public port and the operators' port, and how both stop.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use poem::endpoint::BoxEndpoint;
use poem::http::{HeaderValue, Version, header};
use poem::listener::{AcceptorExt, BoxAcceptor};
use poem::{Endpoint, EndpointExt, Response, Server};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::http::front::Front;
use crate::http::ops::{self, Readiness};
use crate::http::transport::{Guarded, Limits};
use crate::telemetry::Metrics;

/// How long requests in flight may take to end once no more are accepted.
const GRACE: Duration = Duration::from_secs(30);

/// How many connections wait in the system's queue to be accepted: a burst of clients that start together fits.
const BACKLOG: u32 = 1024;

/// Where and how to listen.
#[derive(Clone, Debug)]
pub struct Listen {
    /// The public port.
    pub public: SocketAddr,
    /// The operators' port.
    pub ops: SocketAddr,
    /// Certificate chain and key of the public port, as PEM files.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// What a connection may do.
    pub limits: Limits,
    /// Between "not ready" and "no more connections": load balancers take this long to look.
    pub drain_delay: Duration,
}

/// A server that listens.
#[derive(Debug)]
pub struct Serving {
    /// Where the public port is.
    pub public_addr: SocketAddr,
    /// Where the operators' port is.
    pub ops_addr: SocketAddr,
    readiness: Arc<Readiness>,
    drain_delay: Duration,
    stop_public: watch::Sender<bool>,
    stop_ops: watch::Sender<bool>,
    public: JoinHandle<io::Result<()>>,
    ops: JoinHandle<io::Result<()>>,
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Serving {
    /// Binds both ports and serves.
    pub fn start(listen: &Listen, front: Front, readiness: Arc<Readiness>, metrics: &Arc<Metrics>) -> io::Result<Self> {
        let (public, ops) = (bind(listen.public)?, bind(listen.ops)?);
        let (public_addr, ops_addr) = (public.local_addr()?, ops.local_addr()?);
        let public = Guarded::new(public, listen.limits, Arc::clone(metrics))?;
        let ops = Guarded::new(ops, Limits { connections: 256, ..listen.limits }, Arc::clone(metrics))?;
        let public = match &listen.tls {
            Some((certificate, key)) => public.tls(certificate, key)?,
            None => public.boxed(),
        };
        let (stop_public, public_stopped) = watch::channel(false);
        let (stop_ops, ops_stopped) = watch::channel(false);
        let operators = ops::routes(Arc::clone(&readiness), Arc::clone(metrics));
        Ok(Self {
            public_addr,
            ops_addr,
            drain_delay: listen.drain_delay,
            stop_public,
            stop_ops,
            public: tokio::spawn(run(public, leaving(front, &readiness).boxed(), public_stopped)),
            ops: tokio::spawn(run(ops.boxed(), operators, ops_stopped)),
            readiness,
        })
    }

    /// Stops: not ready, wait for the balancers, accept no more, end what is in flight, then close the operators' port.
    pub async fn stop(self) -> io::Result<()> {
        self.readiness.drain();
        tokio::time::sleep(self.drain_delay).await;
        self.stop_public.send_replace(true);
        let public = self.public.await.map_err(io::Error::other)?;
        self.stop_ops.send_replace(true);
        // A scraper's idle connection is nobody's loss.
        self.ops.abort();
        public
    }
}

/// While the process drains, every answer is the last one on its connection: a client that keeps connections leaves before
/// the listener closes, and none is closed under a request that is on its way.
fn leaving(front: Front, readiness: &Arc<Readiness>) -> impl Endpoint<Output = Response> + 'static {
    let readiness = Arc::clone(readiness);
    front.around(move |front, request| {
        let readiness = Arc::clone(&readiness);
        async move {
            // HTTP/2 has no such header; its connections are told otherwise when they end.
            let one_by_one = request.version() <= Version::HTTP_11;
            let mut response = front.call(request).await?;
            if one_by_one && readiness.is_draining() {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(response)
        }
    })
}

async fn run(
    acceptor: BoxAcceptor,
    endpoint: BoxEndpoint<'static, Response>,
    mut stopped: watch::Receiver<bool>,
) -> io::Result<()> {
    let signal = async move {
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    Server::new_with_acceptor(acceptor)
        .http2_max_concurrent_streams(100)
        .run_with_graceful_shutdown(endpoint, signal, Some(GRACE))
        .await
}
