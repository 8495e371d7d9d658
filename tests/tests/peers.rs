//! Peers that are not ours: the Python programs of `tests/peers`, as clients of our node and as
//! servers of our client.
//!
//! Without python3 they are skipped, loudly; in CI that is a failure.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use unstick::message::Integrity;
use unstick::{Endpoint, Service};
use unstick_std::client::blocking::Client;
use unstick_std::client::{Error, Reply};
use unstick_std::node::{Config, Ports, Running};

/// `python3` with a program of `tests/peers`; `None` where there is no Python.
fn python(program: &str) -> Option<Command> {
    let there = Command::new("python3").arg("--version").output();
    if there.is_ok_and(|output| output.status.success()) {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers").join(program);
        let mut command = Command::new("python3");
        command.arg("-X").arg("utf8").arg(path).env("PYTHONDONTWRITEBYTECODE", "1");
        return Some(command);
    }
    unstick_conformance::skip(&format!("python3 is missing, {program} is not tested"));
    None
}

/// Runs a client of theirs against our node; `None` where there is no Python.
fn client(program: &str, endpoint: Endpoint, args: &[&str]) -> Option<Output> {
    let mut python = python(program)?;
    let config = Config::new().ports(Ports::ANY);
    let node = Running::start(config).expect("a node on ports that the system chooses");
    let address = node.address(endpoint).expect("every service is served");
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let output = python.args([host, port]).args(args).output().expect("python3 runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {complaint}");
    Some(output)
}

/// What a client of theirs prints.
#[track_caller]
fn prints(program: &str, endpoint: Endpoint, args: &[&str], expected: &str) {
    if let Some(output) = client(program, endpoint, args) {
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{program}");
    }
}

#[test]
fn their_echo_client() {
    let texts = ["hello", "Grüße, 文件", "x"];
    prints("echo_client.py", Endpoint::tcp(Service::Echo), &texts, "HELLO\nGRüßE, 文件\nX\n");
}

#[test]
fn their_frame_client() {
    let commands = ["upper hello", "echo 文件", "nope", "echo", "upper a\r\n"];
    let bodies = "HELLO\n文件\nthere is no command `nope`; try help\n\nA";
    prints("frame_client.py", Endpoint::tcp(Service::Frame), &commands, bodies);
}

#[test]
fn their_message_client() {
    let commands = ["upper hello", "echo 文件", "echo"];
    let output = client("message_client.py", Endpoint::tcp(Service::Message), &commands);
    let Some(output) = output else { return };
    assert_eq!(String::from_utf8_lossy(&output.stdout), "HELLO文件");
    let headers = String::from_utf8_lossy(&output.stderr);
    let first = r#"{"filename": "", "total_size": 5, "md5": "eb61eead90e3b899c6bcbe27ac581660"}"#;
    assert_eq!(headers.lines().next(), Some(first));
    assert_eq!(headers.lines().count(), 3, "{headers}");
}

#[test]
fn their_command_client() {
    // The body goes with the last command.
    let args = ["--body", "hello 文件", "upper a", "nope", "put unstick-文件.txt"];
    let replies = r#"{"id": 1, "status": "ok", "filename": "", "total_size": 1, "body": "A"}
{"id": 2, "status": "unknown-command", "filename": "", "total_size": 36, "body": "there is no command `nope`; try help"}
{"id": 3, "status": "ok", "filename": "", "total_size": 35, "body": "stored unstick-\u6587\u4ef6.txt, 12 bytes"}
"#;
    prints("command_client.py", Endpoint::tcp(Service::Command), &args, replies);
}

#[test]
fn their_udp_echo_client() {
    let texts = ["hello", "", "Grüße"];
    prints("udp_echo_client.py", Endpoint::UDP_ECHO, &texts, "HELLO\n\nGRüßE\n");
}

#[test]
fn their_udp_command_client() {
    let args = ["--body", "hello", "upper a", "help", "put unstick-u"];
    let replies = r#"{"id": 1, "status": "ok", "filename": "", "total_size": 1, "body": "A"}
{"id": 2, "status": "truncated", "filename": null, "total_size": SIZE, "body": ""}
{"id": 3, "status": "ok", "filename": "", "total_size": 25, "body": "stored unstick-u, 5 bytes"}
"#;
    let output = client("udp_command_client.py", Endpoint::UDP_COMMAND, &args);
    let Some(output) = output else { return };
    let printed = String::from_utf8_lossy(&output.stdout);
    // How long the help is differs from node to node.
    let size = printed.lines().nth(1).and_then(|line| line.split("total_size\": ").nth(1));
    let size = size.and_then(|rest| rest.split(',').next()).unwrap_or_default();
    assert!(size.parse().is_ok_and(|size: usize| size > 300), "{printed}");
    assert_eq!(printed, replies.replace("SIZE", size));
}

/// A server of theirs, on a port that the system chose.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(program: &str, args: &[&str]) -> Option<Self> {
        let mut python = python(program)?;
        python.args(["127.0.0.1", "0"]).args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = python.spawn().expect("python3 runs");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        stdout.read_line(&mut line).expect("it prints text");
        let port = line.trim().strip_prefix("listening ").and_then(|port| port.parse().ok());
        Some(Self { port: port.unwrap_or_else(|| panic!("{program} printed {line:?}")), child })
    }

    fn client(&self, scheme: &str) -> Client {
        Client::connect(format!("{scheme}://127.0.0.1:{}", self.port)).expect("it listens")
    }
}

impl Drop for Server {
    /// It ends when its standard input does.
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn texts(client: &Client, commands: &[&str]) -> Vec<String> {
    let call = |command: &&str| client.call(command).expect("an answer").text().into_owned();
    commands.iter().map(call).collect()
}

#[test]
fn their_echo_server() {
    let Some(server) = Server::start("echo_server.py", &[]) else { return };
    let long = "x".repeat(5000);
    let answers = texts(&server.client("echo"), &["hello", "Grüße", &long]);
    assert_eq!(answers, ["HELLO", "GRüßE", &long.to_uppercase()]);
}

#[test]
fn their_frame_server() {
    let Some(server) = Server::start("frame_server.py", &[]) else { return };
    let answers = texts(&server.client("frame"), &["upper hello", "echo 文件", "repeat 3000 ab"]);
    assert_eq!(answers, ["HELLO", "文件", &"ab".repeat(3000)]);
}

#[test]
fn their_message_server() {
    let Some(server) = Server::start("message_server.py", &["--name", "文件 😀.txt"]) else {
        return;
    };
    let client = server.client("message");
    let Reply { filename, integrity, body, size, .. } = client.call("repeat 3000 ab").unwrap();
    assert_eq!((filename.as_deref(), integrity), (Some("文件 😀.txt"), Integrity::Verified));
    assert_eq!((size, body), (6000, b"ab".repeat(3000)));
    assert_eq!(texts(&client, &["upper hello", "echo b"]), ["HELLO", "b"]);
}

#[test]
fn their_message_server_as_the_tutorial_has_it() {
    let Some(server) = Server::start("message_server.py", &["--tutorial"]) else { return };
    let reply = server.client("message").call("upper hello").unwrap();
    assert_eq!(reply.filename.as_deref(), Some("a.txt"), "`filenema` is read as `filename`");
    assert_eq!((&reply.body[..], reply.integrity), (&b"HELLO"[..], Integrity::Unverified));
}

#[test]
fn their_message_server_with_a_damaged_body() {
    let Some(server) = Server::start("message_server.py", &["--bad-md5"]) else { return };
    let error = server.client("message").call("upper hello").unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
}

#[test]
fn their_udp_echo_server() {
    let Some(server) = Server::start("udp_echo_server.py", &[]) else { return };
    let answers = texts(&server.client("echo+udp"), &["hello", "", "Grüße"]);
    assert_eq!(answers, ["HELLO", "", "GRüßE"]);
}
