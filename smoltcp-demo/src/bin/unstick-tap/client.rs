//! The core's client on smoltcp, across the TAP to a node on this machine's own sockets.

use crate::cable::Cable;
use crate::node::{Clock, interface, made_from, rest};
use core::net::{Ipv4Addr, SocketAddrV4};
use core::time::Duration;
use smoltcp::iface::{SocketSet, SocketStorage};
use smoltcp::wire::Ipv4Cidr;
use std::io;
use unstick::digest::Hasher;
use unstick::message::Integrity;
use unstick::{Caller, Cancelled, Client, Limits, ReplyEvent, Request, Service, Session};
use unstick_smoltcp::{Connection, Scratch, TcpBuffers, core_time, stack_time};

/// How long a conversation may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes of the socket's rings: less than the file, so that it has to flow.
const RING: usize = 16 * 1024;

/// A command, its body, and the body of the reply that must come.
pub(crate) struct Call {
    pub(crate) command: String,
    pub(crate) body: Vec<u8>,
    pub(crate) reply: Vec<u8>,
}

/// A named list of calls, all sent at once on one connection.
pub(crate) struct Conversation {
    pub(crate) name: &'static str,
    pub(crate) calls: Vec<Call>,
}

/// What the client is asked to say.
pub(crate) fn conversations() -> Vec<Conversation> {
    let call = |command: &str, body: &[u8], reply: &[u8]| Call {
        command: command.to_owned(),
        body: body.to_vec(),
        reply: reply.to_vec(),
    };
    let file: Vec<u8> = (0..40_000_u32).map(|n| (n.wrapping_mul(40_503) >> 8) as u8).collect();
    let many =
        (0..100).map(|n| call(&format!("upper hello {n}"), b"", format!("HELLO {n}").as_bytes()));
    vec![
        Conversation { name: "one command", calls: vec![call("upper hello", b"", b"HELLO")] },
        Conversation {
            name: "40 KB there and back, verified",
            calls: vec![
                call("put tap-client", &file, b"stored tap-client, 40000 bytes"),
                call("get tap-client", b"", &file),
                call("remove tap-client", b"", b"removed tap-client"),
            ],
        },
        Conversation { name: "100 commands in one go", calls: many.collect() },
    ]
}

/// Has a conversation; what went wrong, if anything.
pub(crate) fn run_conversation(
    cable: &mut Cable,
    from: (Ipv4Addr, u8),
    to: SocketAddrV4,
    conversation: &Conversation,
) -> Result<(), String> {
    let mut asks = Asks {
        calls: &conversation.calls,
        supplied: (0, 0),
        answered: 0,
        came: Vec::new(),
        wrong: None,
    };
    let why = drive(cable, from, to, &mut asks).map_err(|error| error.to_string())?;
    match (asks.wrong, asks.calls.len() - asks.answered) {
        (Some(wrong), _) => Err(wrong),
        (None, 0) => Ok(()),
        (None, missing) => Err(format!("{missing} replies did not come: {why}")),
    }
}

/// Moves bytes until all replies are there and the connection is closed; returns why it ended.
fn drive(
    cable: &mut Cable,
    (address, prefix): (Ipv4Addr, u8),
    to: SocketAddrV4,
    asks: &mut Asks<'_>,
) -> io::Result<String> {
    let clock = Clock::new();
    let mut iface =
        interface(cable, made_from(address), Some(Ipv4Cidr::new(address, prefix)), clock.now());
    let mut buffers = TcpBuffers::<RING, RING>::new();
    let mut storage = [SocketStorage::EMPTY];
    let mut sockets = SocketSet::new(&mut storage[..]);
    let mut socket = buffers.socket();
    let local = fastrand::u16(49152..);
    socket.connect(iface.context(), (*to.ip(), to.port()), local).map_err(io::Error::other)?;
    let handle = sockets.add(socket);
    let mut connection = Connection::new(Client::new(Service::Command, Limits::DEFAULT));
    let (mut input, mut output) = (vec![0; RING], vec![0; RING]);
    let end = clock.now() + PATIENCE.into();
    let mut finished = false;
    loop {
        let now = clock.now();
        iface.poll(now, cable, &mut sockets);
        let mut scratch = Scratch { input: &mut input, output: &mut output };
        let socket = sockets.get_mut(handle);
        let deadline = connection.poll(core_time(now), asks, socket, &mut scratch);
        if !socket.is_open() || now >= end {
            let why = connection.closed().map(|why| why.to_string());
            return Ok(why.unwrap_or_else(|| format!("nothing came for {PATIENCE:?}")));
        }
        iface.poll_egress(now, cable, &mut sockets);
        if asks.answered == asks.calls.len() && !finished {
            Session::<Asks<'_>>::finish(&mut connection.session);
            finished = true;
            continue;
        }
        let session = deadline.map(stack_time);
        let stack = iface.poll_at(now, &sockets);
        rest(cable, clock, session.into_iter().chain(stack).chain([end]).min(), None)?;
    }
}

/// Asks all the calls, and compares the replies.
struct Asks<'a> {
    calls: &'a [Call],
    /// The bytes of the body that have been sent, of the call that is being sent.
    supplied: (u64, usize),
    /// The replies that are whole.
    answered: usize,
    came: Vec<u8>,
    wrong: Option<String>,
}

impl Asks<'_> {
    fn call(&self, index: u64) -> Option<&Call> {
        self.calls.get(usize::try_from(index).ok()?)
    }
}

impl Caller for Asks<'_> {
    fn request(&mut self, index: u64) -> Option<Request<'_>> {
        let Call { command, body, .. } = self.call(index)?;
        Some(Request::new(command).with_body(body.len() as u64, Hasher::digest(body)))
    }

    fn supply(&mut self, index: u64, output: &mut [u8]) -> usize {
        if self.supplied.0 != index {
            self.supplied = (index, 0);
        }
        let at = self.supplied.1;
        let Some(rest) = self.call(index).and_then(|call| call.body.get(at..)) else { return 0 };
        let len = rest.len().min(output.len());
        output[..len].copy_from_slice(&rest[..len]);
        self.supplied.1 += len;
        len
    }

    fn reply(&mut self, index: u64, event: ReplyEvent<'_>) -> Result<(), Cancelled> {
        match event {
            ReplyEvent::Begin { .. } => self.came.clear(),
            ReplyEvent::Body(piece) => self.came.extend_from_slice(piece),
            ReplyEvent::End(integrity) => {
                self.answered += 1;
                let right = self.call(index).is_some_and(|call| call.reply == self.came);
                if self.wrong.is_none() && !(right && integrity == Integrity::Verified) {
                    let came = self.came.get(..80).unwrap_or(&self.came).escape_ascii();
                    self.wrong = Some(format!("\"{came}\" came, {integrity:?}"));
                }
            }
        }
        Ok(())
    }
}
