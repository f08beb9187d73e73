//! The acceptor: how many connections, and how long each may dawdle.
//!
//! The HTTP server below has no deadline for a request's head and spins when `accept` fails, so both are mended here: a
//! connection is a stream with a deadline, and a failure to accept is followed by a pause.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use poem::http::uri::Scheme;
use poem::listener::{Acceptor, AcceptorExt, BoxAcceptor, RustlsCertificate, RustlsConfig};
use poem::web::{LocalAddr, RemoteAddr};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

use crate::telemetry::Metrics;

/// What a listener allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time; more wait in the system's queue.
    pub connections: usize,
    /// From the first byte of a request to the first byte of its response.
    pub request: Duration,
    /// Between a response and the next request.
    pub idle: Duration,
    /// How long a peer may take nothing of what is being written to it.
    pub stall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            request: Duration::from_secs(10),
            idle: Duration::from_mins(1),
            stall: Duration::from_secs(10),
        }
    }
}

/// The pause after a failure to accept: descriptors come back when connections end, not by asking again at once.
const PAUSE: Duration = Duration::from_millis(50);

/// A listening socket whose connections keep to [`Limits`].
#[derive(Debug)]
pub struct Guarded {
    listener: TcpListener,
    local: LocalAddr,
    limits: Limits,
    permits: Arc<Semaphore>,
    metrics: Arc<Metrics>,
}

impl Guarded {
    /// Guards a bound socket.
    pub fn new(listener: TcpListener, limits: Limits, metrics: Arc<Metrics>) -> io::Result<Self> {
        let local = LocalAddr(listener.local_addr()?.into());
        Ok(Self { listener, local, limits, permits: Arc::new(Semaphore::new(limits.connections)), metrics })
    }

    /// Puts TLS on top, with a certificate chain and a key in PEM files. Deadlines cover the handshake too.
    pub fn tls(self, certificate: &Path, key: &Path) -> io::Result<BoxAcceptor> {
        let pair = RustlsCertificate::new().cert(pem(certificate, "CERTIFICATE")?).key(pem(key, "PRIVATE KEY")?);
        let config = RustlsConfig::new().fallback(pair);
        Ok(self.rustls(futures_util::stream::iter([config])).boxed())
    }
}

/// Reads a PEM file, and refuses it at once if it plainly holds something else.
fn pem(path: &Path, what: &str) -> io::Result<Vec<u8>> {
    let bytes = std::fs::read(path)?;
    let marker = format!("{what}-----");
    if bytes.windows(marker.len()).any(|part| part == marker.as_bytes()) {
        return Ok(bytes);
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, format!("{}: no {what} in PEM", path.display())))
}

impl Acceptor for Guarded {
    type Io = Connection;

    fn local_addr(&self) -> Vec<LocalAddr> {
        vec![self.local.clone()]
    }

    async fn accept(&mut self) -> io::Result<(Connection, LocalAddr, RemoteAddr, Scheme)> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(io::Error::other)?;
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    let _ = stream.set_nodelay(true);
                    let connection = Connection::new(stream, self.limits, permit, &self.metrics);
                    return Ok((connection, self.local.clone(), RemoteAddr(peer.into()), Scheme::HTTP));
                }
                // The peer gave up while it waited: nothing is wrong here.
                Err(fault) if fault.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(fault) => {
                    self.metrics.accept_errors.inc();
                    tracing::warn!(%fault, "can't accept a connection");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// A connection with deadlines.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    limits: Limits,
    /// Whether bytes came in since the last went out.
    asking: bool,
    read_by: Instant,
    write_by: Option<Instant>,
    /// Wakes at least every `tick`, so that moving a deadline costs no timer.
    alarm: Pin<Box<Sleep>>,
    tick: Duration,
    metrics: Arc<Metrics>,
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    fn new(stream: TcpStream, limits: Limits, permit: OwnedSemaphorePermit, metrics: &Arc<Metrics>) -> Self {
        let now = Instant::now();
        let tick = limits.request.min(limits.stall).min(limits.idle);
        metrics.connections.inc();
        Self {
            stream,
            limits,
            asking: false,
            // Who connects has something to ask.
            read_by: now + limits.request,
            write_by: None,
            alarm: Box::pin(tokio::time::sleep_until(now + tick)),
            tick,
            metrics: Arc::clone(metrics),
            _permit: permit,
        }
    }

    /// Whether a deadline has passed; if not, the task is woken in time to ask again.
    fn late(&mut self, cx: &mut Context<'_>) -> bool {
        loop {
            let next = self.write_by.map_or(self.read_by, |write_by| write_by.min(self.read_by));
            let now = Instant::now();
            if now >= next {
                self.metrics.slow_peers.inc();
                return true;
            }
            if self.alarm.as_mut().poll(cx).is_pending() {
                return false;
            }
            self.alarm.as_mut().reset(next.min(now + self.tick));
        }
    }

    /// Notes the outcome of a write.
    fn wrote<T>(&mut self, outcome: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.asking = false;
            self.write_by = None;
            self.read_by = Instant::now() + self.limits.idle;
            return outcome;
        }
        if self.write_by.is_none() {
            self.write_by = Some(Instant::now() + self.limits.stall);
        }
        if self.late(cx) { Poll::Ready(Err(io::ErrorKind::TimedOut.into())) } else { Poll::Pending }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.metrics.connections.dec();
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        match Pin::new(&mut this.stream).poll_read(cx, buf) {
            Poll::Ready(outcome) => {
                if buf.filled().len() > before && !this.asking {
                    this.asking = true;
                    this.read_by = Instant::now() + this.limits.request;
                }
                // A peer that drips always has a byte ready sooner or later: the deadline counts here too.
                if this.asking && Instant::now() >= this.read_by {
                    this.metrics.slow_peers.inc();
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                Poll::Ready(outcome)
            }
            Poll::Pending if this.late(cx) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.wrote(outcome, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.wrote(outcome, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
