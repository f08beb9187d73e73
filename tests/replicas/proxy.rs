//! What stands between a replica and PostgreSQL in these tests: a proxy that can lose connections, or words.
//!
//! A connection belongs to a [`Path`] by what it says when it is opened: that of the change feed, or all others.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

/// What becomes of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// They pass.
    None,
    /// Connections end, and new ones with them.
    Closed,
    /// Nothing passes and nothing ends.
    Silent,
}

/// Which connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// That of the change feed.
    Feed,
    /// Those of queries and writes.
    Queries,
}

/// Where a COMMIT and its answer are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// Before the server has it.
    Before,
    /// Behind the server, with its answer.
    After,
    /// Likewise, and the database is gone with it.
    Gone,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A running proxy; it ends with the test's runtime.
pub(super) struct Proxy {
    url: String,
    line: Arc<Line>,
}

struct Line {
    upstream: Upstream,
    faults: [watch::Sender<Fault>; 2],
    cuts: [AtomicUsize; 3],
    done: AtomicUsize,
}

enum Upstream {
    Unix(PathBuf),
    Tcp(String),
}

impl Proxy {
    /// In front of the database at `url`.
    pub(super) async fn start(url: &str) -> Self {
        let mut url = url::Url::parse(url).unwrap();
        let port = url.port().unwrap_or(5432);
        let folder = url.query_pairs().find(|(name, _)| name == "host").map(|(_, folder)| folder.into_owned());
        let upstream = match folder {
            Some(folder) => Upstream::Unix(PathBuf::from(folder).join(format!(".s.PGSQL.{port}"))),
            None => Upstream::Tcp(format!("{}:{port}", url.host_str().unwrap())),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(address.port())).unwrap();
        url.set_query(Some("sslmode=disable"));
        let faults = [Fault::None; 2].map(|fault| watch::channel(fault).0);
        let line = Arc::new(Line { upstream, faults, cuts: Default::default(), done: AtomicUsize::new(0) });
        tokio::spawn(accept(listener, Arc::clone(&line)));
        Self { url: url.into(), line }
    }

    /// The database behind the proxy.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// From now on.
    pub(super) fn set(&self, paths: &[Path], fault: Fault) {
        for path in paths {
            self.line.fault(*path).send_replace(fault);
        }
    }

    /// The next `count` commits are lost.
    pub(super) fn cut_commits(&self, cut: Cut, count: usize) {
        self.line.cuts[cut as usize].store(count, Ordering::SeqCst);
    }

    /// How many were lost so far.
    pub(super) fn lost_commits(&self) -> usize {
        self.line.done.load(Ordering::SeqCst)
    }
}

impl Line {
    fn fault(&self, path: Path) -> &watch::Sender<Fault> {
        &self.faults[path as usize]
    }

    async fn connect(&self) -> std::io::Result<Box<dyn Stream>> {
        Ok(match &self.upstream {
            Upstream::Unix(path) => Box::new(UnixStream::connect(path).await?),
            Upstream::Tcp(address) => Box::new(TcpStream::connect(address).await?),
        })
    }

    /// Whether a commit that is on its way is to be lost, and where.
    fn takes_commit(&self) -> Option<Cut> {
        [Cut::Before, Cut::After, Cut::Gone].into_iter().find(|cut| {
            let left = &self.cuts[*cut as usize];
            left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok()
        })
    }
}

async fn accept(listener: TcpListener, line: Arc<Line>) {
    while let Ok((client, _)) = listener.accept().await {
        let _ = client.set_nodelay(true);
        tokio::spawn(carry(client, Arc::clone(&line)));
    }
}

/// Carries one connection. An error on either side is the end of both, as it would be without a proxy.
async fn carry(mut client: TcpStream, line: Arc<Line>) -> std::io::Result<()> {
    let mut first = vec![0; 4];
    client.read_exact(&mut first).await?;
    let length = u32::from_be_bytes([first[0], first[1], first[2], first[3]]);
    first.resize(usize::try_from(length).unwrap(), 0);
    client.read_exact(&mut first[4..]).await?;
    let path = if find(&first, b"tenure-feed") { Path::Feed } else { Path::Queries };
    let mut fault = line.fault(path).subscribe();
    pass(&mut fault).await?;
    let mut server = line.connect().await?;
    server.write_all(&first).await?;
    let (mut up, mut down) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        pass(&mut fault).await?;
        tokio::select! {
            _ = fault.changed() => {}
            read = client.read(&mut up) => {
                let sent = end(read)?;
                pass(&mut fault).await?;
                match find(&up[..sent], b"COMMIT\0").then(|| line.takes_commit()).flatten() {
                    None => server.write_all(&up[..sent]).await?,
                    Some(cut) => return lose(&mut server, &up[..sent], cut, &line).await,
                }
            }
            read = server.read(&mut down) => {
                let sent = end(read)?;
                pass(&mut fault).await?;
                client.write_all(&down[..sent]).await?;
            }
        }
    }
}

/// Ends a connection at its commit.
async fn lose(server: &mut Box<dyn Stream>, sent: &[u8], cut: Cut, line: &Line) -> std::io::Result<()> {
    if cut != Cut::Before {
        server.write_all(sent).await?;
        // Its answer: the commit is done.
        end(server.read(&mut [0; 1024]).await)?;
    }
    if cut == Cut::Gone {
        for fault in &line.faults {
            fault.send_replace(Fault::Closed);
        }
    }
    line.done.fetch_add(1, Ordering::SeqCst);
    Ok(())
}

/// Waits while nothing passes; an error once connections end.
async fn pass(fault: &mut watch::Receiver<Fault>) -> std::io::Result<()> {
    let now = *fault.wait_for(|fault| *fault != Fault::Silent).await.map_err(std::io::Error::other)?;
    if now == Fault::Closed { Err(std::io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
}

fn end(read: std::io::Result<usize>) -> std::io::Result<usize> {
    match read? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        some => Ok(some),
    }
}

fn find(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}
