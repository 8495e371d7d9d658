//! The tool built for Windows, run by Wine: as a node for this machine, as a client of a node here, and
//! in what only Windows does its own way.
//!
//! `./ci.sh machines` builds it, sets Wine up, and says in `UNSTICK_WINDOWS` where the tool is and in
//! `WINE` what runs it.
//!
//! Wine 8 cannot show Ctrl-Break and a console that is closed: `GenerateConsoleCtrlEvent` fails there,
//! and a terminal that hangs up is no event. They take the way of Ctrl-C.
#![cfg(unix)]

use core::net::SocketAddr;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use core::time::Duration;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Instant;
use unstick::{Endpoint, Service};
use unstick_conformance::{Column, FILE, Played, SMALL, Scenario, Setup, live, matrix, scenarios};
use unstick_std::client::blocking::Client;
use unstick_std::client::{Ask, Body, Progress};
use unstick_std::node::{Config, Ports, Running, Storage, demo};

const PATIENCE: Duration = Duration::from_secs(10);

/// How long something may take that the system does when it gets to it.
const SOON: Duration = Duration::from_secs(10);

const COMMAND: Endpoint = Endpoint::tcp(Service::Command);

/// A variable that `./ci.sh machines` sets.
fn told(name: &str) -> PathBuf {
    std::env::var_os(name)
        .unwrap_or_else(|| panic!("{name} is not set: type ./ci.sh machines"))
        .into()
}

/// A program, run by Wine.
fn wine(program: &Path) -> Command {
    let mut wine = Command::new(told("WINE"));
    wine.arg(program);
    wine
}

fn tool<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut tool = wine(&told("UNSTICK_WINDOWS"));
    tool.args(args);
    tool
}

fn run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> (i32, String) {
    text(&tool(args).stdin(Stdio::null()).output().unwrap())
}

fn text(output: &Output) -> (i32, String) {
    let both = [&output.stdout[..], &output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&both).replace('\r', ""))
}

/// A path of this machine, as Windows has it.
fn windows(path: &Path) -> String {
    format!("Z:{}", path.display()).replace('/', "\\")
}

fn within(time: Duration, mut is: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + time;
    loop {
        if is() {
            return true;
        }
        if Instant::now() > end {
            return false;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// A node on Windows, on ports that the system chose; dropped, it is gone.
struct Node {
    child: Child,
    at: Vec<(Endpoint, SocketAddr)>,
}

impl Node {
    fn start<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Self {
        let ports = ["--echo", "--frame", "--message", "--command", "--udp-echo", "--udp-command"];
        let mut serve = tool(["serve"]);
        serve.args(ports.into_iter().flat_map(|it| [it, "0"])).args(args);
        Self::of(&mut serve)
    }

    fn of(serve: &mut Command) -> Self {
        let mut child = serve.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.as_mut().unwrap());
        let lines = stdout.lines().map_while(Result::ok).take(Endpoint::ALL.len());
        let at = lines.filter_map(|line| {
            let (endpoint, address) = line.strip_prefix("listening ")?.rsplit_once(' ')?;
            let known = Endpoint::ALL.into_iter();
            let name = |it: &Endpoint| format!("{} {}", it.service(), it.transport());
            let endpoint = known.into_iter().find(|it| name(it) == endpoint)?;
            Some((endpoint, address.trim_end().parse().ok()?))
        });
        let at: Vec<_> = at.collect();
        assert_eq!(at.len(), Endpoint::ALL.len(), "all services are announced");
        Self { child, at }
    }

    fn address(&self, endpoint: Endpoint) -> SocketAddr {
        self.at.iter().find(|it| it.0 == endpoint).unwrap().1
    }

    fn client(&self) -> Client {
        Client::connect(self.url().as_str()).unwrap()
    }

    fn url(&self) -> String {
        format!("{COMMAND}://{}", self.address(COMMAND))
    }

    /// Sends the signal by which Wine tells a program of Ctrl-C.
    fn interrupt(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Options of a node that is set up so.
fn options(setup: Setup) -> Vec<String> {
    let largest = if setup == Setup::Small { SMALL } else { FILE };
    let mut options = vec!["--test-commands".into(), format!("--max-file={largest}")];
    options.push(format!("--max-datagram={}", setup.datagram()));
    options.extend((setup == Setup::Close).then(|| "--close-oversize".into()));
    options
}

fn here(setup: Setup) -> Running {
    let largest = if setup == Setup::Small { SMALL } else { FILE };
    let config = Config::new()
        .ports(Ports::ANY)
        .files(Storage::Memory { largest })
        .limits(setup.limits())
        .datagrams(setup.datagram());
    Running::start(demo::with_commands(config)).unwrap()
}

#[test]
#[ignore = "needs the tool for Windows: ./ci.sh machines"]
fn every_scenario_goes_on_a_node_on_windows_as_it_is_written() {
    let mut running: Option<(Setup, Node)> = None;
    let play = |scenario: &Scenario| -> Option<Played> {
        if !scenario.pauses().is_zero() {
            return None;
        }
        let setup = scenario.setup;
        if running.as_ref().is_none_or(|it| it.0 != setup || setup.wants_a_fresh_node()) {
            running = Some((setup, Node::start(options(setup))));
        }
        live::play(scenario, running.as_ref()?.1.address(scenario.endpoint), PATIENCE)
    };
    let mut out = Vec::new();
    let mut columns = [Column { name: "windows", play: Box::new(play) }];
    let summary = matrix(&scenarios(), &mut columns, &mut out, false).unwrap();
    drop(columns);
    eprintln!("a node on Windows: {summary}");
    assert_eq!(summary.differ, 0, "\n{}", String::from_utf8_lossy(&out));
    assert!(summary.agree > 300, "{summary}");
}

#[test]
#[ignore = "needs the tool for Windows: ./ci.sh machines"]
fn a_client_on_windows_finds_that_a_node_here_conforms() {
    for setup in Setup::ALL {
        let node = here(setup);
        let urls = Endpoint::ALL.map(|it| node.url(it).unwrap().to_string());
        let set_up: &[&str] = match setup {
            Setup::Default => &[],
            setup => &["--set-up", setup.as_str()],
        };
        let (code, said) =
            text(&tool(["check", "--exact"]).args(set_up).args(&urls).output().unwrap());
        assert_eq!(code, 0, "{}: {said}", setup.as_str());
        eprintln!("{}: {}", setup.as_str(), said.lines().last().unwrap_or_default());
    }
}

#[test]
#[ignore = "needs the tool for Windows: ./ci.sh machines"]
fn two_nodes_behave_alike() {
    let (there, node) = (Node::start(["--test-commands"]), here(Setup::Default));
    let url = |it: Endpoint| node.url(it).unwrap().to_string();
    for endpoint in Endpoint::ALL {
        let there = format!("{endpoint}://{}", there.address(endpoint));
        let (code, said) = run(["crosscheck", &there, &url(endpoint)]);
        assert_eq!(code, 0, "{endpoint}: {said}");
    }
}

/// Without a TAP interface, which Windows has not: memory, desktop, and smoltcp over a wire.
#[test]
#[ignore = "needs the tool for Windows: ./ci.sh machines"]
fn the_main_job_agrees_with_itself() {
    let job = told("UNSTICK_WINDOWS").with_file_name("unstick-tap.exe");
    let (code, said) = text(&wine(&job).stdin(Stdio::null()).output().unwrap());
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("not over a TAP interface") && said.contains(" 0 differ"), "{said}");
}

/// The programs of `tests/peers`, which are written from the page alone.
#[test]
#[ignore = "needs the tool for Windows: ./ci.sh machines"]
fn their_clients_are_served() {
    let node = Node::start([""; 0]);
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
    for (program, endpoint, args, expected) in [
        ("echo_client.py", Endpoint::tcp(Service::Echo), ["Grüße, 文件", "x"], "GRüßE, 文件\nX\n"),
        ("frame_client.py", Endpoint::tcp(Service::Frame), ["echo 文件", "upper a"], "文件\nA"),
        ("message_client.py", Endpoint::tcp(Service::Message), ["echo 文件", "upper a"], "文件A"),
        ("udp_echo_client.py", Endpoint::UDP_ECHO, ["hello", "Grüße"], "HELLO\nGRüßE\n"),
    ] {
        let address = node.address(endpoint);
        let (ip, port) = (address.ip().to_string(), address.port().to_string());
        let mut python = Command::new("python3");
        python.args(["-X", "utf8"]).arg(peers.join(program)).args([ip, port]).args(args);
        let output = python.output().expect("python3 runs");
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{program}");
    }
    let address = node.address(COMMAND);
    let mut python = Command::new("python3");
    python.args(["-X", "utf8"]).arg(peers.join("command_client.py"));
    python.args([address.ip().to_string(), address.port().to_string()]);
    let (_, said) = text(&python.args(["upper a", "nope"]).output().unwrap());
    assert!(said.contains(r#""status": "ok""#) && said.contains("unknown-command"), "{said}");
}

/// Servers of theirs, asked from Windows.
#[test]
#[ignore = "needs the tool for Windows: ./ci.sh machines"]
fn their_servers_are_asked() {
    for (program, service, expected) in
        [("echo_server.py", "echo", "HELLO"), ("frame_server.py", "frame", "HELLO")]
    {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(program);
        let mut python = Command::new("python3");
        python.arg(path).args(["127.0.0.1", "0"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut server = python.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim_end().rsplit(|it: char| !it.is_ascii_digit()).next().unwrap();
        let words = if service == "echo" { "hello" } else { "echo HELLO" };
        let (code, said) = run(["call", &format!("{service}://127.0.0.1:{port}"), words]);
        server.kill().unwrap();
        server.wait().unwrap();
        assert_eq!((code, said.trim_end()), (0, expected), "{program}");
    }
}

#[test]
#[ignore = "needs the tool for Windows: ./ci.sh machines"]
fn files_go_both_ways() {
    let (root, desk) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let body: Vec<u8> = (0..8_000_000_u32).map(|n| (n.wrapping_mul(40_503) >> 8) as u8).collect();
    let (whole, copy) = (desk.path().join("whole"), desk.path().join("copy"));
    std::fs::write(&whole, &body).unwrap();

    // A node there, a client here.
    let node = Node::start(["--root", &windows(root.path())]);
    let client = node.client();
    let moved = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&moved);
    let reply = client.put_file(&whole, "whole", move |it| {
        if let Progress::Sent { bytes, .. } = it {
            seen.fetch_max(bytes, Relaxed);
        }
    });
    assert_eq!(reply.unwrap().text(), "stored whole, 8000000 bytes");
    assert_eq!(moved.load(Relaxed), 8_000_000);
    assert_eq!(std::fs::read(root.path().join("whole")).unwrap(), body);
    client.get_file("whole", &copy, |_| {}).unwrap();
    assert_eq!(std::fs::read(&copy).unwrap(), body);

    // A client there, a node here.
    let node = Running::start(
        Config::new().ports(Ports::ANY).files(Storage::Directory(desk.path().to_owned())),
    );
    let node = node.unwrap();
    let url = node.url(COMMAND).unwrap().to_string();
    let (code, said) = run(["put", &url, &windows(&whole), "again"]);
    assert_eq!((code, said.trim_end()), (0, "stored again, 8000000 bytes"));
    let (code, said) = run(["get", &url, "again", &windows(&root.path().join("again"))]);
    assert_eq!((code, said.trim_end()), (0, "unstick: got again, 8000000 bytes, verified"));
    assert_eq!(std::fs::read(root.path().join("again")).unwrap(), body);
}

/// Who reads a file has the old one to its end. It is replaced meanwhile as Windows 10 allows it, or the
/// node says why not, as on Wine 8, and nothing is left behind.
#[test]
#[ignore = "needs the tool for Windows: ./ci.sh machines"]
fn a_file_that_is_read_is_replaced_or_the_node_says_why_not() {
    let root = tempfile::tempdir().unwrap();
    let node = Node::start(["--root", &windows(root.path())]);
    std::fs::write(root.path().join("log"), vec![b'a'; 4_000_000]).unwrap();
    let mut reader = TcpStream::connect(node.address(Endpoint::tcp(Service::Frame))).unwrap();
    reader.write_all(b"get log\n").unwrap();
    let mut first = [0; 4];
    reader.read_exact(&mut first).unwrap();
    let put = || node.client().ask(Ask::new("put log").body(Body::new(&b"new"[..], 3))).unwrap();
    let meanwhile = put();
    if !meanwhile.is_ok() {
        let why = "the file cannot be stored: somebody has it open, or the node may not use it";
        assert_eq!((meanwhile.status.as_deref(), &*meanwhile.text()), (Some("failed"), why));
    }
    let mut rest = vec![0; 4_000_000];
    reader.read_exact(&mut rest).unwrap();
    assert!(rest.iter().all(|it| *it == b'a'));
    drop(reader);
    assert!(within(SOON, || put().is_ok()));
    assert_eq!(node.client().call("get log").unwrap().text(), "new");
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1);
}

#[test]
#[ignore = "needs the tool for Windows: ./ci.sh machines"]
fn a_folder_may_be_deep() {
    let root = tempfile::tempdir().unwrap();
    let deep = (0..6).fold(root.path().to_owned(), |path, _| path.join("x".repeat(60)));
    std::fs::create_dir_all(&deep).unwrap();
    assert!(windows(&deep).len() > 260);
    let node = Node::start(["--root", &windows(&deep)]);
    let client = node.client();
    assert!(client.ask(Ask::new("put a").body(Body::new(&b"hello"[..], 5))).unwrap().is_ok());
    assert_eq!(client.call("list").unwrap().text(), "       5 a\n");
    let (code, said) = run(["get", &node.url(), "a", &windows(&deep.join("b"))]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(std::fs::read(deep.join("b")).unwrap(), b"hello");
}

#[test]
#[ignore = "needs the tool for Windows: ./ci.sh machines"]
fn a_port_is_not_shared() {
    let node = Node::start([""; 0]);
    for endpoint in [Endpoint::tcp(Service::Echo), Endpoint::UDP_ECHO] {
        let port = node.address(endpoint).port().to_string();
        let option = if endpoint == Endpoint::UDP_ECHO { "--udp-echo" } else { "--echo" };
        let (code, said) = run(["serve", option, &port]);
        assert_eq!(code, 1, "{said}");
        assert!(said.contains(&port), "{said}");
    }
}

/// Windows tells a socket that an earlier datagram reached nobody, by an error of the next receive.
#[test]
#[ignore = "needs the tool for Windows: ./ci.sh machines"]
fn a_peer_that_is_gone_stops_no_datagram_service() {
    let node = Node::start([""; 0]);
    let echo = node.address(Endpoint::UDP_ECHO);
    for _ in 0..50 {
        let gone = UdpSocket::bind("127.0.0.1:0").unwrap();
        gone.send_to(b"hello", echo).unwrap();
    }
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.set_read_timeout(Some(SOON)).unwrap();
    peer.connect(echo).unwrap();
    let mut reply = [0; 8];
    assert!(within(SOON, || {
        peer.send(b"hello").unwrap();
        peer.recv(&mut reply).is_ok_and(|len| reply[..len] == *b"HELLO")
    }));
}

/// A program, and what it has started, end with the client that asked, and with the node.
#[test]
#[ignore = "needs the tool for Windows: ./ci.sh machines"]
fn programs_are_in_a_job_that_ends_with_its_client_and_with_the_node() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let tool = windows(&told("UNSTICK_WINDOWS"));
    let node = Node::start(["--allow", "cmd"]);
    let client = node.client();
    let reply = client.call("cmd '/c echo hello& exit 3'").unwrap();
    assert_eq!((reply.exit, reply.text().trim_end()), (Some(3), "hello"));
    // A child's child, which serves while it lives.
    let off = "--frame off --message off --command off --udp-echo off --udp-command off";
    let line = format!("cmd '/c {tool} serve --echo {} {off}'\n", free.port());
    let ask = || {
        let mut asked = TcpStream::connect(node.address(Endpoint::tcp(Service::Frame))).unwrap();
        asked.write_all(line.as_bytes()).unwrap();
        assert!(within(SOON, || TcpStream::connect(free).is_ok()), "it runs");
        asked
    };
    let is_gone = || within(SOON, || TcpStream::connect(free).is_err());
    let asked = ask();
    socket2::SockRef::from(&asked).set_linger(Some(Duration::ZERO)).unwrap();
    drop(asked);
    assert!(is_gone(), "it outlives its client");
    let _asked = ask();
    drop(node); // killed
    assert!(is_gone(), "it outlives the node");
}

#[test]
#[ignore = "needs the tool for Windows: ./ci.sh machines"]
fn ctrl_c_ends_a_node_once_what_is_in_flight_is_done() {
    let mut node = Node::start(["--test-commands"]);
    let client = node.client();
    let asked = thread::spawn(move || client.call("wait 1500").unwrap().text().into_owned());
    thread::sleep(Duration::from_millis(500));
    node.interrupt();
    assert_eq!(asked.join().unwrap(), "waited");
    assert_eq!(node.child.wait().unwrap().code(), Some(0));
}

/// What programs print on a Chinese console is GBK, and so is what the document's servers answer.
#[test]
#[ignore = "needs the tool for Windows: ./ci.sh machines"]
fn the_code_page_of_the_console_is_the_encoding_of_auto() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("frame://{}", listener.local_addr().unwrap());
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 64];
        let len = stream.read(&mut request).unwrap();
        stream.write_all(b"\x04\0\0\0\xce\xc4\xbc\xfe").unwrap();
        request[..len].to_vec()
    });
    let (wine, tool) = (told("WINE"), windows(&told("UNSTICK_WINDOWS")).replace('\\', r"\\"));
    let line = format!("chcp 936 > nul & {tool} call --encoding auto {url} echo 文件");
    // A console there is a terminal here.
    let printed = tempfile::NamedTempFile::new().unwrap();
    let to = printed.path().display();
    let mut script = Command::new("script");
    script.args(["-qec", &format!("{} cmd /c '{line}' > {to}", wine.display()), "/dev/null"]);
    assert!(script.stdin(Stdio::null()).status().unwrap().success());
    assert_eq!(std::fs::read_to_string(printed.path()).unwrap().trim_end(), "文件");
    assert_eq!(served.join().unwrap(), b"echo \xce\xc4\xbc\xfe");
}
