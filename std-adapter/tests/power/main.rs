//! What a node has answered `ok` outlives it, and with `--sync` the machine's power.
#![cfg(target_os = "linux")]

mod disk;

use core::time::Duration;
use disk::{Disk, Kept};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;
use unstick_std::client::blocking::Client;
use unstick_std::client::{Ask, Body};

const TOOL: &str = env!("CARGO_BIN_EXE_unstick");

/// A node with its files in a folder, and the URL of its commands.
struct Node {
    process: Child,
    url: String,
}

impl Node {
    fn start(mut command: Command, root: &Path, options: &[&str]) -> Self {
        command.args(["serve", "--echo", "off", "--frame", "off", "--message", "off"]);
        command.args(["--command", "0", "--udp-echo", "off", "--udp-command", "off", "--root"]);
        command.arg(root).args(options).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.stderr(Stdio::null()).spawn().expect("a node");
        let mut line = String::new();
        let mut stdout = BufReader::new(process.stdout.as_mut().expect("it is piped"));
        stdout.read_line(&mut line).expect("it says where it listens");
        let address = line.trim_end().rsplit(' ').next().expect("an address");
        Self { url: format!("command://{address}"), process }
    }

    fn put(&self, name: &str, body: &'static [u8]) {
        let client = Client::connect(&*self.url).expect("a connection");
        let ask = Ask::new(format!("put {name}")).body(Body::new(body, body.len() as u64));
        let reply = client.ask(ask).expect("an answer");
        assert!(reply.is_ok(), "{}", reply.text());
    }

    /// A `put` of which half has come.
    fn begin_to_put(&self, root: &Path) -> TcpStream {
        let header = br#"{"command":"put half","total_size":100}"#;
        let mut stream = TcpStream::connect(&self.url["command://".len()..]).expect("it listens");
        let prefix = u32::try_from(header.len()).expect("it is short").to_le_bytes();
        stream.write_all(&[&prefix[..], header, &[b'x'; 50]].concat()).expect("it is sent");
        until("a file on its way in", || parts(root) == 1);
        stream
    }

    /// As Ctrl-C does.
    fn end(mut self) {
        let id = i32::try_from(self.process.id()).expect("a process");
        let id = rustix::process::Pid::from_raw(id).expect("a process");
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it runs");
        self.process.wait().expect("it has ended");
    }

    /// As `kill -9` does.
    fn kill(mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it has ended");
    }
}

fn until(what: &str, mut is: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what} does not come to be");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The number of files on their way in.
fn parts(root: &Path) -> usize {
    let names = fs::read_dir(root).expect("a folder").map(|it| it.expect("a file").file_name());
    names.filter(|name| name.to_string_lossy().ends_with(".part")).count()
}

#[test]
fn what_was_put_outlives_a_node_that_is_killed_and_half_a_file_does_not() {
    let root = tempfile::tempdir().expect("a folder");
    let root = root.path();
    let node = Node::start(Command::new(TOOL), root, &[]);
    node.put("a", b"whole");
    let _half = node.begin_to_put(root);
    node.kill();
    assert_eq!(fs::read(root.join("a")).expect("it is there"), b"whole");
    assert_eq!(parts(root), 1, "nobody was there to remove it");

    // One that lives keeps what it is about to have, whoever else starts there.
    let node = Node::start(Command::new(TOOL), root, &[]);
    assert_eq!(parts(root), 0, "it is swept");
    let mut half = node.begin_to_put(root);
    let other = Node::start(Command::new(TOOL), root, &[]);
    assert_eq!(parts(root), 1, "it is not the other's");
    half.write_all(&[b'x'; 50]).expect("it is sent");
    let mut reply = [0; 4];
    half.read_exact(&mut reply).expect("an answer");
    assert_eq!(fs::read(root.join("half")).expect("it is there"), [b'x'; 100]);
    assert_eq!(parts(root), 0);
    other.kill();
    node.kill();
}

/// What the system was asked for, up to the moment when an answer left, is what a disk has then that
/// keeps only what it was told to flush.
#[test]
fn with_sync_what_was_put_outlives_a_power_cut() {
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        assert!(std::env::var_os("CI").is_none(), "strace is missing");
        println!("SKIPPED: strace is missing; type: apt-get install strace");
        return;
    }
    let at_answers = |options: &[&str]| {
        let root = tempfile::tempdir().expect("a folder");
        let log = tempfile::NamedTempFile::new().expect("a file");
        fs::write(root.path().join("a"), b"before").expect("it is written");
        let mut strace = Command::new("strace");
        // Beside the node, so that it is the node which is told to end.
        strace.args([
            "--daemonize",
            "--follow-forks",
            "--quiet=attach,personality",
            "--signal=none",
        ]);
        strace.args([
            "--decode-fds=all",
            "--string-limit=4096",
            "--trace",
            disk::CALLS,
            "--output",
        ]);
        strace.arg(log.path()).arg(TOOL);
        let node = Node::start(strace, root.path(), options);
        node.put("a", b"after it");
        node.put("b", b"another");
        let client = Client::connect(&*node.url).expect("a connection");
        assert!(client.call("remove b").expect("an answer").is_ok());
        let id = node.process.id().to_string();
        node.end();
        let read = || fs::read_to_string(log.path()).expect("a log");
        // A short number has more than one space behind it.
        let is_end = |line: &str| line.starts_with(&id) && line.contains(" +++ exited");
        until("the end of the log", || read().lines().any(is_end));
        Disk::new(root.path(), [("a", &b"before"[..])]).play(&read())
    };
    let [put, other, removed]: [_; 3] = at_answers(&["--sync"]).try_into().expect("three answers");
    assert_eq!(put, [("a".into(), b"after it".to_vec())].into());
    assert_eq!(other.get("b").map(Vec::as_slice), Some(&b"another"[..]));
    assert_eq!(removed, put);
    // Without it the disk has what was before: so this test can fail.
    let before = [("a".into(), b"before".to_vec())].into();
    assert_eq!(at_answers(&[]), [(); 3].map(|()| Kept::clone(&before)));
}
