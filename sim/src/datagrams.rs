//! A client's datagrams: any answer that comes is to one of them, and right.

use crate::address;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::udp::{PacketBuffer, PacketMetadata, Socket};
use smoltcp::time::{Duration, Instant};
use std::collections::BTreeMap;
use unstick::header::{Fields, Id};
use unstick::message::{self, Kind};
use unstick::{Endpoint, Service};

/// Bytes of the longest.
const LONGEST: usize = 1472;

pub struct Datagrams {
    handle: SocketHandle,
    /// When the next one is sent.
    next: Instant,
    /// What was sent to the echo, in upper case.
    echoes: Vec<Vec<u8>>,
    /// What was sent to the command service, by id: the status and the text of the answer.
    commands: BTreeMap<u64, (&'static str, String)>,
    pub answered: u64,
    /// Whether commands are for who has a key alone.
    keyed: bool,
}

impl Datagrams {
    pub fn start(sockets: &mut SocketSet<'static>, keyed: bool) -> Self {
        let ring = || PacketBuffer::new(vec![PacketMetadata::EMPTY; 8], vec![0; 8 * 1024]);
        let mut socket = Socket::new(ring(), ring());
        socket.bind(40_000).expect("the port is not 0");
        let handle = sockets.add(socket);
        Self {
            handle,
            next: Instant::ZERO,
            echoes: Vec::new(),
            commands: BTreeMap::new(),
            answered: 0,
            keyed,
        }
    }

    /// Sends one now and then. Returns when to call again, or what is wrong with an answer.
    pub fn poll(
        &mut self,
        now: Instant,
        quiet: bool,
        sockets: &mut SocketSet<'static>,
        rng: &mut ChaCha8Rng,
    ) -> Result<Option<Instant>, String> {
        let socket = sockets.get_mut::<Socket<'_>>(self.handle);
        while let Ok((bytes, from)) = socket.recv() {
            let service = Endpoint::UDP.into_iter().find(|it| it.port() == from.endpoint.port);
            let right = match service.map(Endpoint::service) {
                Some(Service::Echo) => self.echoes.iter().any(|echo| echo == bytes),
                _ => !self.keyed && self.is_answer(bytes),
            };
            if !right {
                return Err(format!("a datagram answers nothing: {}", bytes.escape_ascii()));
            }
            self.answered += 1;
        }
        if quiet {
            return Ok(None);
        }
        if now >= self.next {
            self.next = now + Duration::from_millis(rng.random_range(0..4000));
            let (service, datagram) = match rng.random_bool(0.5) {
                true => (Service::Echo, self.echo(rng)),
                false => (Service::Command, self.command(rng)),
            };
            let port = Endpoint::udp(service).expect("it has datagrams").port();
            // One that finds no room is lost, as others are.
            let _ = socket.send_slice(&datagram, (address::DEVICE, port));
        }
        Ok(Some(self.next))
    }

    fn echo(&mut self, rng: &mut ChaCha8Rng) -> Vec<u8> {
        let len = rng.random_range(0..=LONGEST);
        let datagram: Vec<u8> = (0..len).map(|_| rng.random()).collect();
        self.echoes.push(datagram.to_ascii_uppercase());
        datagram
    }

    fn command(&mut self, rng: &mut ChaCha8Rng) -> Vec<u8> {
        let number = self.commands.len() as u64 + 1;
        let (line, answer) = match rng.random_range(0..4) {
            0 => ("wait 1000".to_owned(), ("busy", String::new())), // no datagram waits
            1 => ("count 3000".to_owned(), ("truncated", String::new())),
            2 => (format!("what-{number}"), ("unknown-command", String::new())),
            _ => (format!("upper text-{number}"), ("ok", format!("TEXT-{number}"))),
        };
        let raw = number.to_string();
        let fields = Fields { id: Id::parse(&raw).ok(), command: Some(&line), ..Fields::default() };
        let mut datagram = vec![0; LONGEST];
        let len = message::encode(&fields, b"", &mut datagram).expect("it is short");
        datagram.truncate(len);
        self.commands.insert(number, answer);
        datagram
    }

    fn is_answer(&self, bytes: &[u8]) -> bool {
        let Ok((header, body)) = message::split::<1024>(bytes) else { return false };
        if header.status.is_some_and(|status| status != "truncated")
            && message::decode::<1024>(Kind::Reply, bytes).is_err()
        {
            return false;
        }
        let id = header.id.and_then(|id| id.raw().parse().ok());
        let Some((status, text)) = id.and_then(|id: u64| self.commands.get(&id)) else {
            return false;
        };
        // An answer over three times its request is one without a body (rule U4).
        let truncated = header.status.is_some_and(|it| it == "truncated") && body.is_empty();
        let is_text = text.is_empty() || body == text.as_bytes();
        truncated || (header.status.is_some_and(|it| it == *status) && is_text)
    }
}
