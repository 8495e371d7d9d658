//! What the node says of its limits in `info` is true, on real sockets and with real programs.
#![cfg(unix)]

use core::time::Duration;
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::time::Instant;
use unstick::{Endpoint, Limits, Service};
use unstick_conformance::bounds::{Peer, drive};
use unstick_std::node::{Config, Ports, ProgramLimits, Running, Storage, demo};

/// Longer than any limit of time.
const PATIENCE: Duration = Duration::from_secs(60);

struct Client {
    node: Running,
    start: Instant,
}

impl Peer for Client {
    type Connection = TcpStream;

    fn connect(&mut self, service: Service) -> TcpStream {
        let address = self.node.address(Endpoint::tcp(service)).unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    fn send(&mut self, stream: &mut TcpStream, bytes: &[u8]) {
        let _ = stream.write_all(bytes); // that it has ended is to be seen where an answer is missing
    }

    fn receive(&mut self, stream: &mut TcpStream, len: usize) -> Vec<u8> {
        let mut bytes = vec![];
        if let Err(error) = stream.take(len as u64).read_to_end(&mut bytes) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
        bytes
    }

    fn close(&mut self, stream: TcpStream) {
        drop(stream);
    }

    fn echo(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(self.node.address(Endpoint::UDP_ECHO).unwrap()).unwrap();
        socket.send(datagram).unwrap();
        let mut space = vec![0; 65_536];
        // Nothing is lost on the way. What is not answered is known by the answer to the next.
        socket.send(b"next").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let len = socket.recv(&mut space).unwrap();
        (&space[..len] != b"NEXT").then(|| space[..len].to_vec())
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

#[test]
fn every_limit_in_info_is_reached_and_passed() {
    // Each is waited for once; a machine under load has to do within it what is not to exceed it.
    let limits = Limits::DEFAULT
        .with_idle(Duration::from_secs(4))
        .with_header(Duration::from_secs(2))
        .with_stall(Duration::from_secs(3))
        .with_answer(Duration::from_secs(1));
    let programs =
        ProgramLimits::DEFAULT.at_once(2).time(Duration::from_secs(4)).output(1024, 1 << 20);
    let config = Config::new()
        .ports(Ports::ANY)
        .files(Storage::Memory { largest: 10_000 })
        .connections(8)
        .limits(limits)
        .programs(programs)
        .allow("sleep")
        .allow("yes");
    let node = Running::start(demo::with_commands(config)).unwrap();
    let driven = drive(&mut Client { node, start: Instant::now() });
    let due = [
        "answer_ms",
        "connections",
        "datagram",
        "file",
        "files",
        "header",
        "header_ms",
        "idle_ms",
        "output",
        "program_ms",
        "programs",
        "request",
        "stall_ms",
        "text",
    ];
    assert_eq!(driven, due);
}

/// `docs/limits.md` says what a node's limits are where nobody has set them.
#[test]
fn the_docs_have_the_defaults() {
    let node = Running::start(Config::new().ports(Ports::ANY).allow("sleep")).unwrap();
    let command = node.url(Endpoint::tcp(Service::Command)).unwrap();
    let info =
        unstick_std::client::blocking::Client::connect(command).unwrap().call("info").unwrap();
    let info: serde_json::Value = serde_json::from_slice(&info.body).unwrap();
    let said: Vec<_> = include_str!("../../docs/limits.md")
        .lines()
        .take_while(|line| *line != "## What a node takes")
        .filter_map(|line| {
            let mut cells = line.split('|').map(str::trim).skip(1);
            let name = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
            let number = cells.next()?.split(' ').next()?.parse::<u64>().ok()?;
            Some((name.to_owned(), number))
        })
        .collect();
    let is: Vec<_> =
        said.iter().map(|(name, _)| (name.clone(), info["limits"][name].as_u64())).collect();
    assert_eq!(said.into_iter().map(|(name, number)| (name, Some(number))).collect::<Vec<_>>(), is);
    assert_eq!(is.len(), info["limits"].as_object().unwrap().len(), "{info}");
}
