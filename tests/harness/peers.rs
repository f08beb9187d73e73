//! Foreign clients and libraries from `PyPI` and npm, which `tests/peers/install` puts under `target/peers`.
//!
//! A peer is a script in `tests/peers`: it reads one JSON value from standard input and writes one to standard output.
//! Where the peers aren't installed, the tests that need one pass after one loud line; `TENURE_TEST_PEERS=required` makes
//! them fail.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

use serde_json::Value;

/// What a peer (a file of `tests/peers`) answers to a question; `None` where the peers aren't installed.
pub(crate) async fn ask(script: &str, question: Value) -> Option<Value> {
    let command = command(installed()?, script);
    Some(tokio::task::spawn_blocking(move || run(command, &question)).await.unwrap())
}

/// Runs a Python script of `tests/peers` to its end, which must be a good one; what it says. `None` where the peers aren't
/// installed.
pub(crate) async fn check(script: &str, arguments: &[&str]) -> Option<String> {
    let mut command = command(installed()?, script);
    command.args(arguments).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = tokio::task::spawn_blocking(move || finish(command.spawn().unwrap())).await.unwrap();
    let [said, complained] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert!(output.status.success(), "{script}: {said}{complained}");
    Some(said)
}

/// Where the peers are.
fn installed() -> Option<&'static Path> {
    static INSTALLED: OnceLock<Option<PathBuf>> = OnceLock::new();
    INSTALLED.get_or_init(find_or_say_why_not).as_deref()
}

fn find_or_say_why_not() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers");
    if folder.join("installed").is_file() {
        return Some(folder);
    }
    let required = std::env::var("TENURE_TEST_PEERS").is_ok_and(|value| value == "required");
    assert!(!required, "TENURE_TEST_PEERS=required, but they aren't installed: run tests/peers/install");
    // Past the capture of test output, which would hide it from who needs to know.
    let _ = writeln!(std::io::stderr(), "\n*** NOT RUN WITH FOREIGN PEERS: tests/peers/install has not been run ***\n");
    None
}

fn command(folder: &Path, script: &str) -> Command {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(script);
    let Some("py") = path.extension().and_then(|extension| extension.to_str()) else {
        // An ES module resolves its imports from where it stands: this one stands in the folder of the packages.
        let mut command = Command::new("node");
        command.current_dir(folder).args(["--input-type=module", "--eval"]).arg(std::fs::read_to_string(path).unwrap());
        return command;
    };
    let mut command = Command::new(folder.join("venv/bin/python"));
    command.arg(path);
    command
}

fn run(mut command: Command, question: &Value) -> Value {
    let mut peer = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Taken, so that the pipe is closed once the question is written.
    peer.stdin.take().unwrap().write_all(question.to_string().as_bytes()).unwrap();
    let output = finish(peer);
    assert!(output.status.success(), "the peer failed: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a peer said until its end, which comes by force if it hangs: no other test would be heard of then.
fn finish(peer: Child) -> Output {
    let (id, (over, is_over)) = (peer.id().to_string(), mpsc::channel::<()>());
    std::thread::spawn(move || {
        if is_over.recv_timeout(Duration::from_mins(5)) == Err(mpsc::RecvTimeoutError::Timeout) {
            let _ = Command::new("kill").args(["-9", &id]).status();
        }
    });
    let output = peer.wait_with_output().unwrap();
    drop(over);
    output
}
