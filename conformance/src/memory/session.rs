//! Sessions and datagrams, driven by hand: input cut anywhere, output through any window.

use crate::fixture::{self, Node};
use crate::{Act, Link, Played, Scenario, play};
use core::iter::Cycle;
use core::slice;
use core::time::Duration;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use unstick::datagram::{self, Datagram, Envelope};
use unstick::{Endpoint, Instant, Next, Server, Service, Session};

/// How a scenario's bytes are brought to a session, and its answers back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Where the input is split.
    pub splits: Splits,
    /// Bytes of space for each step's output, over and over. A step without any space is one too
    /// many, and does no harm.
    pub windows: Vec<usize>,
}

/// Where a stream is split before it reaches a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Splits {
    /// Each send is one receive.
    Scripted,
    /// All that the script ever sends is there at once, in two pieces, cut here.
    At(usize),
    /// All of it is there, in pieces of so many bytes, over and over.
    Pieces(Vec<usize>),
}

/// Plays a scenario on sessions, with each of its [`deliveries`], until something else comes.
pub fn sessions(scenario: &Scenario) -> Played {
    deliveries(scenario).iter().try_for_each(|delivery| session(scenario, delivery))
}

/// Plays a scenario on a session, with one delivery. A datagram is never split.
///
/// # Panics
///
/// When the session breaks the drive contract of [`Session`].
pub fn session(scenario: &Scenario, delivery: &Delivery) -> Played {
    if scenario.is_udp() {
        return play(scenario, &mut DatagramLink::new(scenario));
    }
    let mut link = Connection::new(scenario, &delivery.windows);
    if delivery.splits != Splits::Scripted {
        link.send_ahead(&scenario.sends().collect::<Vec<_>>().concat(), &delivery.splits);
        if scenario.script.contains(&Act::Finish) {
            link.end();
        }
    }
    play(scenario, &mut link)
}

/// The deliveries to try: every place to split the input, the windows taking turns, and every window
/// with a few lengths of pieces.
///
/// Of input over 2 KiB the cuts near the ends of each send, where the headers are, and every 997th.
/// Bare requests are what one receive delivers, so there a cut would change their meaning.
#[must_use]
pub fn deliveries(scenario: &Scenario) -> Vec<Delivery> {
    let windows = |splits: Splits| {
        WINDOWS.map(|it| Delivery { splits: splits.clone(), windows: it.to_vec() })
    };
    let mut deliveries = Vec::from(windows(Splits::Scripted));
    // What is there at once is there in time.
    let is_timed = !scenario.pauses().is_zero();
    if scenario.is_udp() || is_timed || scenario.endpoint.service().is_bare() {
        return deliveries;
    }
    deliveries.extend(
        [1, 2, 3, 5, 64, 1000].into_iter().flat_map(|len| windows(Splits::Pieces(vec![len]))),
    );
    // With a small window every byte is a step, and there are many deliveries here.
    let large = WINDOWS.into_iter().filter(|windows| windows.contains(&LARGE)).cycle();
    let cuts = cuts(&scenario.sends().collect::<Vec<_>>()).into_iter().map(Splits::At);
    deliveries
        .extend(cuts.zip(large).map(|(splits, it)| Delivery { splits, windows: it.to_vec() }));
    deliveries
}

const WINDOWS: [&[usize]; 9] =
    [&[1], &[2], &[3], &[7], &[64], &[0, 1, 0, 0, 13], &[LARGE], &[0, LARGE], &[1, 0, 9, LARGE]];

/// Space that is never too little for what the table asks.
const LARGE: usize = 1 << 17;

fn cuts(sends: &[&[u8]]) -> Vec<usize> {
    let all = sends.iter().map(|send| send.len()).sum::<usize>();
    let mut cuts = vec![all];
    let mut start = 0;
    for send in sends {
        let near = |at: &usize| *at < 160 || send.len() - at < 16 || at.is_multiple_of(997);
        let places = (0..send.len()).filter(|at| all <= 2048 || near(at));
        cuts.extend(places.map(|at| start + at));
        start += send.len();
    }
    cuts
}

/// A connection to a session.
struct Connection<'w> {
    node: Node,
    server: Server<Node>,
    /// It stands still but for answers that are late.
    now: Instant,
    windows: Cycle<slice::Iter<'w, usize>>,
    window: Vec<u8>,
    output: Vec<u8>,
    /// The script's sends have been sent before it was begun.
    ahead: bool,
    closed: bool,
}

impl<'w> Connection<'w> {
    fn new(scenario: &Scenario, windows: &'w [usize]) -> Self {
        Self {
            node: fixture::node(scenario.setup),
            server: Server::new(scenario.endpoint.service(), scenario.setup.limits()),
            now: Instant::ZERO,
            windows: windows.iter().cycle(),
            window: vec![0xA5; windows.iter().copied().max().unwrap_or_default()],
            output: Vec::new(),
            ahead: false,
            closed: false,
        }
    }

    fn send_ahead(&mut self, mut input: &[u8], cuts: &Splits) {
        self.ahead = true;
        let pieces = match cuts {
            Splits::Scripted => return,
            Splits::At(at) => vec![*at, input.len() - at],
            Splits::Pieces(pieces) => pieces.clone(),
        };
        for len in pieces.into_iter().cycle() {
            if input.is_empty() {
                return;
            }
            let (piece, rest) = input.split_at(len.min(input.len()));
            self.deliver(piece);
            input = rest;
        }
    }

    /// One receive has delivered these bytes: steps the session until it wants more.
    fn deliver(&mut self, mut input: &[u8]) {
        while !self.closed {
            let window = *self.windows.next().expect("a window");
            let output = &mut self.window[..window];
            let step = self.server.step(self.now, &mut self.node, input, output);
            input = &input[step.consumed..];
            self.output.extend_from_slice(&output[..step.written]);
            match step.next {
                Next::Input => {
                    assert!(input.is_empty(), "it asks for input and has some");
                    return;
                }
                Next::Output => {
                    assert!(step.consumed + step.written > 0 || window == 0, "it does not get on");
                }
                Next::Wait => {
                    let deadline = step.deadline.expect("who waits says until when");
                    assert!(deadline > self.now, "it waits for a time that has come");
                    self.now = deadline;
                }
                Next::Closed(_) => self.closed = true,
            }
        }
    }

    fn end(&mut self) {
        self.server.end();
        self.deliver(&[]);
    }
}

impl Link for Connection<'_> {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.ahead {
            self.deliver(bytes);
        }
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8], _: Duration) -> io::Result<Option<usize>> {
        if self.output.is_empty() {
            return if self.closed { Ok(None) } else { Err(ErrorKind::TimedOut.into()) };
        }
        let len = self.output.len().min(buffer.len());
        buffer[..len].copy_from_slice(&self.output[..len]);
        self.output.drain(..len);
        Ok(Some(len))
    }

    fn finish(&mut self) -> io::Result<()> {
        if !self.ahead {
            self.end();
        }
        Ok(())
    }

    fn pause(&mut self, time: Duration) {
        self.now = self.now.after(time);
        self.deliver(&[]);
    }
}

/// Datagrams to a node, each answered at once or not at all.
struct DatagramLink {
    node: Node,
    service: Service,
    limit: usize,
    from_own_port: bool,
    replies: VecDeque<Vec<u8>>,
}

impl DatagramLink {
    fn new(scenario: &Scenario) -> Self {
        let Scenario { endpoint, setup, from_own_port, .. } = *scenario;
        let (node, limit) = (fixture::node(setup), setup.datagram());
        Self { node, service: endpoint.service(), limit, from_own_port, replies: VecDeque::new() }
    }
}

impl Link for DatagramLink {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let came = Datagram::received(&bytes[..bytes.len().min(self.limit)], bytes.len());
        let mut output = vec![0xA5; self.limit];
        let (node, now) = (&mut self.node, Instant::ZERO);
        let from_port = if self.from_own_port { Endpoint::UDP_PORTS[0] } else { 4000 };
        let envelope = Envelope { from_port, own_ports: &Endpoint::UDP_PORTS, broadcast: false };
        if let Some(len) = datagram::answer(self.service, now, node, envelope, came, &mut output) {
            output.truncate(len);
            self.replies.push_back(output);
        }
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8], _: Duration) -> io::Result<Option<usize>> {
        let reply = self.replies.pop_front().ok_or(ErrorKind::TimedOut)?;
        buffer[..reply.len()].copy_from_slice(&reply);
        Ok(Some(reply.len()))
    }

    fn finish(&mut self) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }
}
