//! A client: what it asks, what it was told, and whether that is true.

use crate::datagrams::Datagrams;
use crate::files::{Content, Files};
use crate::network::Nic;
use crate::script::{Asked, Expected, Script};
use crate::{address, interface, secret};
use rand::{Rng as _, RngExt as _};
use rand_chacha::ChaCha8Rng;
use smoltcp::iface::{Interface, SocketHandle, SocketSet};
use smoltcp::socket::tcp;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::Ipv4Address;
use unstick::frame::FrameError;
use unstick::keys::{Key, KeyedClient};
use unstick::message::{Integrity, MessageError};
use unstick::{
    Caller, Cancelled, Client, Closed, Endpoint, Limits, ReplyEvent, Request, Service, Step,
};
use unstick_smoltcp::{Connection, Scratch, core_time, stack_time};

/// Bytes of each ring.
const RING: usize = 8 * 1024;
/// How long a client waits after a connection whose outcome it does not know: longer than a frame is on its
/// way, so that what it put then is decided when it asks again.
const DECIDED: Duration = Duration::from_secs(20);

pub struct Peer {
    rng: ChaCha8Rng,
    /// What nodes ask for, if anything.
    key: Option<Key>,
    number: usize,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    datagrams: Datagrams,
    iface: Interface,
    nic: Nic,
    scratch: [Vec<u8>; 2],
    files: Files,
    next_port: u16,
    /// Connections begun.
    begun: u64,
    state: State,
    /// What a client saw that must not be.
    pub broken: Option<String>,
    answered: u64,
    told: String,
}

enum State {
    Resting {
        until: Instant,
    },
    Talking(Box<Talk>),
    /// Sends a header that never comes to its end, a byte a second.
    Dribbling {
        next: Instant,
        sent: usize,
    },
}

/// A client's session, with a key where that is asked for.
#[expect(clippy::large_enum_variant, reason = "it is in a box")]
enum Session {
    Open(Client),
    Keyed(KeyedClient<Client>),
}

impl unstick::Session<Asker> for Session {
    fn step(
        &mut self,
        now: unstick::Instant,
        asker: &mut Asker,
        input: &[u8],
        output: &mut [u8],
    ) -> Step {
        match self {
            Self::Open(client) => client.step(now, asker, input, output),
            Self::Keyed(client) => client.step(now, asker, input, output),
        }
    }

    fn end(&mut self) {
        match self {
            Self::Open(client) => unstick::Session::<Asker>::end(client),
            Self::Keyed(client) => unstick::Session::<Asker>::end(client),
        }
    }

    fn finish(&mut self) {
        match self {
            Self::Open(client) => client.finish(),
            Self::Keyed(client) => unstick::Session::<Asker>::finish(client),
        }
    }

    fn abort(&mut self, asker: &mut Asker) {
        match self {
            Self::Open(client) => client.abort(asker),
            Self::Keyed(client) => client.abort(asker),
        }
    }
}

struct Talk {
    node: Ipv4Address,
    connection: Connection<Session>,
    asker: Asker,
    /// When it does something that nobody likes, and what.
    mischief: Option<(Instant, Mischief)>,
    /// It does nothing until then.
    dozes: Instant,
}

#[derive(Clone, Copy)]
enum Mischief {
    /// Resets the connection.
    Reset,
    /// Is gone without a word.
    Vanish,
    /// Reads and writes nothing for a while.
    Doze(Duration),
}

impl Peer {
    pub fn start(
        mut nic: Nic,
        number: usize,
        now: Instant,
        seed: u64,
        rng: ChaCha8Rng,
        key: Option<Key>,
    ) -> Self {
        let mut sockets = SocketSet::new(Vec::new());
        let ring = || tcp::SocketBuffer::new(vec![0; RING]);
        let mut socket = tcp::Socket::new(ring(), ring());
        socket.set_nagle_enabled(false);
        let handle = sockets.add(socket);
        let datagrams = Datagrams::start(&mut sockets, key.is_some());
        let iface = interface(&mut nic, address::client(number), now, seed);
        Self {
            rng,
            key,
            number,
            sockets,
            handle,
            datagrams,
            iface,
            nic,
            scratch: [vec![0; RING], vec![0; RING]],
            files: Files::default(),
            next_port: 49152,
            begun: 0,
            state: State::Resting { until: now },
            broken: None,
            answered: 0,
            told: String::new(),
        }
    }

    /// A node has restarted without its files.
    pub fn node_restarted(&mut self, node: Ipv4Address) {
        match &mut self.state {
            State::Talking(talk) => {
                talk.asker.restarted |= talk.node == node;
                talk.asker.files.lost(node);
            }
            _ => self.files.lost(node),
        }
    }

    /// Returns when to call again. Where `quiet` it begins nothing new.
    pub fn poll(&mut self, now: Instant, quiet: bool) -> Option<Instant> {
        self.iface.poll(now, &mut self.nic, &mut self.sockets);
        let own = self.talk(now, quiet);
        let Self { datagrams, sockets, rng, .. } = self;
        let next = datagrams.poll(now, quiet, sockets, rng).unwrap_or_else(|why| {
            self.broken = Some(format!("client {}: {why}", self.number));
            None
        });
        self.iface.poll(now, &mut self.nic, &mut self.sockets);
        let stack = self.iface.poll_at(now, &self.sockets);
        [own, next, stack].into_iter().flatten().min()
    }

    /// Its requests that were answered, rightly.
    pub fn answered(&self) -> u64 {
        self.answered + self.datagrams.answered
    }

    /// Whether it does nothing.
    pub fn rests(&self) -> bool {
        matches!(self.state, State::Resting { .. })
    }

    fn talk(&mut self, now: Instant, quiet: bool) -> Option<Instant> {
        match &mut self.state {
            State::Resting { .. } if quiet => None,
            State::Resting { until } if now < *until => Some(*until),
            State::Resting { .. } => {
                let node =
                    if self.rng.random_bool(0.5) { address::DEVICE } else { address::DESKTOP };
                let service = Service::ALL[self.rng.random_range(0..Service::ALL.len())];
                let mut script = Script::any(&mut self.rng, service, self.number);
                if self.key.is_some() && matches!(service, Service::Frame | Service::Message) {
                    script = script.denied();
                }
                let mischief = self.mischief(now);
                self.begin(node, service, script, mischief);
                Some(now)
            }
            State::Talking(talk) if now < talk.dozes => Some(talk.dozes),
            State::Talking(_) => self.go_on(now),
            State::Dribbling { .. } => self.dribble_on(now),
        }
    }

    fn mischief(&mut self, now: Instant) -> Option<(Instant, Mischief)> {
        if self.rng.random_bool(0.7) {
            return None;
        }
        let at = now + Duration::from_millis(self.rng.random_range(0..4000));
        let what = match self.rng.random_range(0..3) {
            0 => Mischief::Reset,
            1 => Mischief::Vanish,
            _ => Mischief::Doze(Duration::from_millis(self.rng.random_range(0..90_000))),
        };
        Some((at, what))
    }

    /// Asks this of a node's command service.
    pub fn ask(&mut self, node: Ipv4Address, script: Script) {
        self.begin(node, Service::Command, script, None);
    }

    /// Its requests on connections that were answered, rightly.
    pub fn replies(&self) -> u64 {
        self.answered
    }

    /// The body of the last answer.
    pub fn told(&self) -> &str {
        &self.told
    }

    /// Sends a node's command service a header as slowly as it can; it rests once the node has had enough.
    pub fn dribble(&mut self, now: Instant, node: Ipv4Address) {
        self.connect(node, Service::Command);
        self.state = State::Dribbling { next: now, sent: 0 };
    }

    fn dribble_on(&mut self, now: Instant) -> Option<Instant> {
        let State::Dribbling { next, sent } = &mut self.state else { return None };
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(self.handle);
        let connects = socket.state() == tcp::State::SynSent;
        let _ = socket.recv(|bytes| (bytes.len(), ()));
        if !connects && !socket.may_recv() {
            socket.abort();
            self.state = State::Resting { until: now };
            return Some(now);
        }
        if now >= *next && socket.can_send() {
            // A header of a hundred bytes, or a greeting, were it ever whole.
            let len = if self.key.is_some() { 56 } else { 100 };
            let byte = [len, 0, 0, 0].get(*sent).copied().unwrap_or(b' ');
            let _ = socket.send_slice(&[byte]);
            *sent += 1;
            *next = now + Duration::from_secs(1);
        }
        // Until it can send it waits for a packet.
        Some(*next).filter(|next| *next > now)
    }

    fn begin(
        &mut self,
        node: Ipv4Address,
        service: Service,
        script: Script,
        mischief: Option<(Instant, Mischief)>,
    ) {
        self.connect(node, service);
        let client = Client::new(service, Limits::DEFAULT);
        let session = match &self.key {
            Some(key) if service == Service::Command => {
                let secret = secret(self.rng.next_u64());
                Session::Keyed(KeyedClient::offer(client, key.clone(), secret))
            }
            _ => Session::Open(client),
        };
        let connection = Connection::new(session);
        let asker = Asker::new(self.begun, service, node, script, core::mem::take(&mut self.files));
        let talk = Talk { node, connection, asker, mischief, dozes: Instant::ZERO };
        self.state = State::Talking(Box::new(talk));
    }

    fn connect(&mut self, node: Ipv4Address, service: Service) {
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(self.handle);
        socket.abort();
        self.begun += 1;
        self.next_port = if self.next_port == u16::MAX { 49152 } else { self.next_port + 1 };
        let port = Endpoint::tcp(service).port();
        socket.set_timeout(Some(Duration::from_secs(60)));
        socket.connect(self.iface.context(), (node, port), self.next_port).expect("it is closed");
    }

    fn go_on(&mut self, now: Instant) -> Option<Instant> {
        let State::Talking(talk) = &mut self.state else { return None };
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(self.handle);
        let mut wake = None;
        match talk.mischief {
            Some((at, what)) if now >= at => {
                talk.mischief = None;
                match what {
                    Mischief::Doze(time) => {
                        talk.dozes = now + time;
                        return Some(talk.dozes);
                    }
                    Mischief::Reset => socket.abort(),
                    Mischief::Vanish => {
                        // Nothing is said, now or later: the host behind that port is another.
                        let ring = || tcp::SocketBuffer::new(vec![0; RING]);
                        *socket = tcp::Socket::new(ring(), ring());
                        socket.set_nagle_enabled(false);
                    }
                }
            }
            Some((at, _)) => wake = Some(at),
            None => {}
        }
        if talk.asker.is_done() {
            unstick::Session::<Asker>::finish(&mut talk.connection.session);
        }
        let [input, output] = &mut self.scratch;
        let mut scratch = Scratch { input, output };
        let next = talk
            .connection
            .poll(core_time(now), &mut talk.asker, socket, &mut scratch)
            .map(stack_time);
        if let Some(closed) = talk.connection.closed()
            && !socket.is_open()
        {
            let asker = &mut talk.asker;
            // A node says nothing that breaks the protocol, whatever the weather.
            if breaks_the_protocol(closed) {
                asker.wrong.get_or_insert_with(|| "the node breaks the protocol".into());
            }
            self.told = core::mem::take(&mut asker.told);
            if let Some(why) = asker.wrong.take() {
                let who = self.number;
                self.broken =
                    Some(format!("client {who} of {}: {why}; it ended by: {closed}", talk.node));
            }
            self.answered += asker.answered as u64;
            let decided = asker.is_done();
            self.files = core::mem::take(&mut asker.files);
            let rest = Duration::from_millis(self.rng.random_range(0..3000));
            let until = now + if decided { rest } else { DECIDED + rest };
            self.state = State::Resting { until };
            return Some(until);
        }
        next.into_iter().chain(wake).min()
    }
}

/// Whether the peer said what it must not; that it went in the middle of a reply is another matter.
fn breaks_the_protocol(closed: Closed) -> bool {
    match closed {
        Closed::Protocol(
            MessageError::Incomplete { .. } | MessageError::Frame(FrameError::Incomplete { .. }),
        ) => false,
        Closed::Protocol(_) | Closed::WrongReply | Closed::Unsendable(_) | Closed::Forged => true,
        _ => false,
    }
}

/// Asks what is in a script, and compares the answers.
struct Asker {
    /// Of this client's connections.
    number: u64,
    service: Service,
    node: Ipv4Address,
    script: Script,
    files: Files,
    answered: usize,
    /// The node has restarted: what it still says may be of before.
    restarted: bool,
    body: Vec<u8>,
    status: Option<String>,
    /// Bytes of the body of that request that have been sent.
    supplied: (u64, usize),
    /// The last answer.
    told: String,
    wrong: Option<String>,
}

impl Asker {
    fn new(number: u64, service: Service, node: Ipv4Address, script: Script, files: Files) -> Self {
        Self {
            number,
            service,
            node,
            script,
            files,
            answered: 0,
            restarted: false,
            body: Vec::new(),
            status: None,
            supplied: (0, 0),
            told: String::new(),
            wrong: None,
        }
    }

    fn is_done(&self) -> bool {
        self.answered == self.script.asked.len()
    }

    /// Whether the answer to this is what it must be.
    fn judge(&mut self, index: usize) -> Result<(), String> {
        let Asked { line, expected, .. } = &self.script.asked[index];
        let change = (self.number, index as u64);
        let body = core::mem::take(&mut self.body);
        let status = self.status.take();
        self.told = String::from_utf8_lossy(&body).into_owned();
        let told = format!("{status:?} and {} bytes to {line:?}", body.len());
        let ok = status.as_deref().is_none_or(|status| status == "ok");
        let right = match expected {
            Expected::Exact(bytes) => ok && body == *bytes,
            Expected::Status(wanted) => status.as_deref().is_none_or(|status| status == *wanted),
            Expected::Count(last) => ok && body == count(*last),
            Expected::Any => ok && !body.is_empty(),
            Expected::Told => status.is_some(),
            Expected::Put { name, .. } => match (ok, status.as_deref()) {
                (true, _) => {
                    self.files.done(self.node, name, change);
                    true
                }
                // There was no room: nothing has changed.
                (false, Some("failed" | "busy")) => {
                    self.files.refused(self.node, name, change);
                    true
                }
                _ => false,
            },
            Expected::Get { name } => match (ok, status.as_deref()) {
                (true, _) => self.files.may_be(self.node, name, Some(&body)),
                (false, Some("failed")) => self.files.may_be(self.node, name, None),
                _ => false,
            },
            Expected::Remove { name } => match (ok, status.as_deref()) {
                (true, _) => {
                    let there_was = self.files.may_exist(self.node, name);
                    self.files.done(self.node, name, change);
                    there_was
                }
                (false, Some("failed")) => {
                    let there_was_none = self.files.may_be(self.node, name, None);
                    self.files.refused(self.node, name, change);
                    there_was_none
                }
                _ => false,
            },
        };
        if self.restarted {
            self.files.lost(self.node);
        }
        if right { Ok(()) } else { Err(told) }
    }
}

impl Caller for Asker {
    fn request(&mut self, index: u64) -> Option<Request<'_>> {
        let index = index as usize;
        if index >= self.answered + self.script.depth {
            return None;
        }
        let asked = self.script.asked.get(index)?;
        let change = (self.number, index as u64);
        match &asked.expected {
            Expected::Put { name, content } => {
                self.files.asked(self.node, name, change, Some(content));
            }
            Expected::Remove { name } => self.files.asked(self.node, name, change, None),
            _ => {}
        }
        if self.service == Service::Echo {
            return Some(Request::new("").with_body(asked.body.len() as u64, None));
        }
        let digest =
            unstick::digest::Hasher::digest(&asked.body).filter(|_| !asked.body.is_empty());
        Some(Request::new(&asked.line).with_body(asked.body.len() as u64, digest))
    }

    fn supply(&mut self, index: u64, output: &mut [u8]) -> usize {
        let body: &Content = &self.script.asked[index as usize].body;
        let at = if self.supplied.0 == index { self.supplied.1 } else { 0 };
        let rest = &body[at..];
        let len = rest.len().min(output.len());
        output[..len].copy_from_slice(&rest[..len]);
        self.supplied = (index, at + len);
        len
    }

    fn reply(&mut self, index: u64, event: ReplyEvent<'_>) -> Result<(), Cancelled> {
        match event {
            ReplyEvent::Begin { header, .. } => {
                self.body.clear();
                let status = header.and_then(|header| header.status);
                self.status = status.map(|status| status.chars().collect());
            }
            ReplyEvent::Body(piece) => self.body.extend(piece),
            ReplyEvent::End(integrity) => {
                let index = index as usize;
                let mut judged = self.judge(index);
                if let Integrity::Mismatch { .. } = integrity {
                    judged = Err(format!("a damaged reply to {:?}", self.script.asked[index].line));
                }
                self.answered = index + 1;
                if let Err(why) = judged {
                    self.wrong = Some(why);
                    return Err(Cancelled);
                }
            }
        }
        Ok(())
    }
}

/// The lines that `count` writes.
fn count(last: u64) -> Vec<u8> {
    (1..=last).flat_map(|number| format!("{number}\n").into_bytes()).collect()
}
