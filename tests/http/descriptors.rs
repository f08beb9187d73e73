//! More connections than the process may have open (row G-15): the program itself, under a small limit.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How many files the process may have open.
const LIMIT: usize = 256;

/// A server in a process of its own; ends with this value.
struct Process {
    child: Child,
    public: String,
    ops: String,
    _folder: tempfile::TempDir,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Process {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [public, ops] = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
        let script = format!("ulimit -n {LIMIT} && exec \"$0\" serve --listen {public} --ops-listen {ops}");
        let mut command = Command::new("sh");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_tenure")]).current_dir(folder.path());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        // The banner says that it listens.
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "it didn't start");
        Self { child, public, ops, _folder: folder }
    }

    /// Processor time that it has used, in seconds.
    fn processor_time(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: f64 = fields[11..13].iter().map(|field| field.parse::<f64>().unwrap()).sum();
        ticks / 100.0
    }
}

/// What a GET is answered with; `None` without an answer in time.
fn status(address: &str, target: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let request = format!("GET {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).ok()?;
    std::str::from_utf8(&answer).ok()?.get(9..12)?.parse().ok()
}

/// Waits until both ports answer; a busy machine takes its time.
fn until_served(process: &Process, otherwise: &str) {
    let begun = Instant::now();
    while [(&process.public, "/docs"), (&process.ops, "/health/live")]
        .iter()
        .any(|(at, what)| status(at, what) != Some(200))
    {
        assert!(begun.elapsed() < Duration::from_secs(30), "{otherwise}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_process_without_descriptors_waits_and_recovers() {
    let process = Process::start();
    until_served(&process, "it doesn't start");
    // The system completes connections that the process has yet to accept, so all of these are made.
    let crowd: Vec<TcpStream> = (0..2 * LIMIT).map(|_| TcpStream::connect(&process.public).unwrap()).collect();
    std::thread::sleep(Duration::from_millis(500));
    let before = process.processor_time();
    std::thread::sleep(Duration::from_secs(3));
    let used = process.processor_time() - before;
    assert!(used < 0.6, "it spins: {used} s of processor time in 3 s");
    drop(crowd);
    until_served(&process, "it doesn't recover");
}
