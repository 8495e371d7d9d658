//! The faults of `docs/faults.md` by their numbers, as a node on real sockets meets them. Those that want
//! another place bear their number there.

mod connections;
mod framing;
mod header;
mod udp;

use core::time::Duration;
use serde_json::Value;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::time::Instant;
use unstick::{Endpoint, Service};
use unstick_std::node::{Config, Ports, Running, Storage, demo};

/// How long it waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

fn start(config: Config) -> Running {
    Running::start(config).expect("a node")
}

fn any() -> Config {
    demo::with_commands(Config::new().ports(Ports::ANY))
}

fn connect(node: &Running, service: Service) -> TcpStream {
    let address = node.address(Endpoint::tcp(service)).expect("it is served");
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_nodelay(true).expect("no delay");
    stream
}

fn socket(node: &Running, service: Service) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let endpoint = Endpoint::udp(service).expect("a service with datagrams");
    socket.connect(node.address(endpoint).expect("it is served")).expect("a connection");
    socket
}

/// A message: a header's text, and a body.
fn message(header: &str, body: &[u8]) -> Vec<u8> {
    let prefix = u32::try_from(header.len()).expect("it is short").to_le_bytes();
    [&prefix, header.as_bytes(), body].concat()
}

/// A request with an id and no body.
fn request(id: u32, command: &str) -> Vec<u8> {
    message(&format!(r#"{{"id":{id},"command":"{command}"}}"#), b"")
}

/// A request with a body.
fn put(id: u32, command: &str, body: &[u8]) -> Vec<u8> {
    let size = body.len();
    message(&format!(r#"{{"id":{id},"command":"{command}","total_size":{size}}}"#), body)
}

/// A reply of the command service.
#[derive(Debug, PartialEq)]
struct Reply {
    header: Value,
    body: String,
}

impl Reply {
    /// A datagram; one that is `truncated` has no body, whatever its size.
    fn of(datagram: &[u8]) -> Self {
        let (prefix, rest) = datagram.split_first_chunk().expect("a prefix");
        let (header, body) = rest.split_at(u32::from_le_bytes(*prefix) as usize);
        let header = serde_json::from_slice(header).expect("JSON");
        Self { header, body: String::from_utf8(body.into()).expect("text") }
    }

    /// The next one, or `None` where the stream ends.
    fn read(stream: &mut TcpStream) -> Option<Self> {
        let mut prefix = [0; 4];
        match stream.read_exact(&mut prefix).map_err(|error| error.kind()) {
            Ok(()) => {}
            Err(ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => return None,
            Err(error) => panic!("no reply: {error}"),
        }
        let mut header = vec![0; u32::from_le_bytes(prefix) as usize];
        stream.read_exact(&mut header).expect("a header");
        let header: Value = serde_json::from_slice(&header).expect("JSON");
        let size = header["total_size"].as_u64().expect("a size");
        let mut body = vec![0; usize::try_from(size).expect("it fits")];
        stream.read_exact(&mut body).expect("a body");
        Some(Self { header, body: String::from_utf8(body).expect("text") })
    }

    fn status(&self) -> &str {
        self.header["status"].as_str().expect("a status")
    }
}

/// Everything that a node says until it closes, after what is sent it.
fn all_said(stream: &mut TcpStream) -> Vec<Reply> {
    core::iter::from_fn(|| Reply::read(stream)).collect()
}

/// What a node says to these bytes, after which nothing comes.
fn said_to(node: &Running, bytes: &[u8]) -> Vec<Reply> {
    let mut stream = connect(node, Service::Command);
    // It may have been refused already.
    let _ = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
    all_said(&mut stream)
}

/// Whether a connection is served: an echo comes back.
fn echoes(stream: &mut TcpStream) -> bool {
    let mut reply = [0; 2];
    stream.write_all(b"hi").is_ok() && stream.read_exact(&mut reply).is_ok() && reply == *b"HI"
}

/// Whether the node answers somebody new.
fn serves(node: &Running) -> bool {
    said_to(node, &request(1, "upper hello")).iter().map(|reply| &*reply.body).eq(["HELLO"])
}

/// The value of a counter.
fn stat(node: &Running, name: &str) -> u64 {
    let stats = said_to(node, &request(1, "stats"));
    let mut lines = stats[0].body.lines();
    let line = lines.find_map(|line| line.strip_prefix(name)).expect("a counter of that name");
    line.trim().parse().expect("a number")
}

/// Waits for what must come to be.
fn until(what: &str, mut is: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < PATIENCE, "{what} does not come to be");
        std::thread::sleep(Duration::from_millis(5));
    }
}
