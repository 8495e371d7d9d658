use super::ends::{GREETING, HELLO, write_frame};
use super::*;
use crate::host::Identity;
use crate::keys::handshake::Initiator;
use crate::keys::tests::{Files, Locked, hex, key, locked};
use crate::keys::{Ephemerals, Keyring};
use crate::store::RamStore;
use crate::{Caller, Cancelled, Client, Limits, Node, ReplyEvent, Request, Server, Service};
use std::string::String;
use std::vec;
use std::vec::Vec;

/// Asks for these, with a body of so many bytes, and keeps what is answered.
struct Asker {
    requests: Vec<(String, u64)>,
    statuses: Vec<String>,
    bodies: Vec<Vec<u8>>,
}

impl Asker {
    fn of(requests: &[(&str, u64)]) -> Self {
        let requests = requests.iter().map(|(line, size)| ((*line).into(), *size)).collect();
        Self { requests, statuses: vec![], bodies: vec![] }
    }
}

impl Caller for Asker {
    fn request(&mut self, index: u64) -> Option<Request<'_>> {
        let (line, size) = self.requests.get(index as usize)?;
        Some(Request::new(line).with_body(*size, None))
    }
    fn supply(&mut self, _: u64, output: &mut [u8]) -> usize {
        output.fill(b'x');
        output.len()
    }
    fn reply(&mut self, _: u64, event: ReplyEvent<'_>) -> Result<(), Cancelled> {
        match event {
            ReplyEvent::Begin { header, .. } => {
                let status = header.and_then(|it| it.status).ok_or(Cancelled)?;
                self.statuses.push(status.chars().collect());
                self.bodies.push(vec![]);
            }
            ReplyEvent::Body(piece) => self.bodies.last_mut().unwrap().extend_from_slice(piece),
            ReplyEvent::End(_) => {}
        }
        Ok(())
    }
}

const M: usize = 256;

/// A client, a node, and what is on its way between them.
struct Pair {
    client: KeyedClient<Client, M>,
    asker: Asker,
    to_node: Vec<u8>,
    server: KeyedServer<Server<Locked>, M>,
    node: Locked,
    to_client: Vec<u8>,
    now: Instant,
}

impl Pair {
    fn new(key: Key, requests: &[(&str, u64)]) -> Self {
        let limits = Limits::DEFAULT;
        Self {
            client: Keyed::offer(Client::new(Service::Command, limits), key, [1; KEY]),
            asker: Asker::of(requests),
            to_node: vec![],
            server: Keyed::accept(Server::new(Service::Command, limits)),
            node: locked(),
            to_client: vec![],
            now: Instant::from_millis(1000),
        }
    }

    /// Steps the client with space for so much. Returns what it waits for, and whether anything moved.
    fn step_client(&mut self, space: usize) -> (Next, bool) {
        let Self { client, asker, to_client, to_node, now, .. } = self;
        let mut output = vec![0xA5; space];
        let step = client.step(*now, asker, to_client, &mut output);
        to_client.drain(..step.consumed);
        to_node.extend_from_slice(&output[..step.written]);
        (step.next, step.consumed + step.written > 0)
    }

    fn step_server(&mut self, space: usize) -> (Next, bool) {
        let Self { server, node, to_client, to_node, now, .. } = self;
        let mut output = vec![0xA5; space];
        let step = server.step(*now, node, to_node, &mut output);
        to_node.drain(..step.consumed);
        to_client.extend_from_slice(&output[..step.written]);
        (step.next, step.consumed + step.written > 0)
    }

    /// Steps both until nothing moves. Returns what they wait for.
    fn run(&mut self, space: usize) -> (Next, Next) {
        for _ in 0..1_000_000 {
            let (client, moved) = self.step_client(space);
            let (server, also) = self.step_server(space);
            if !moved && !also {
                return (client, server);
            }
        }
        panic!("they do not come to rest");
    }

    /// Bytes of the whole greeting, both ways.
    fn greet(&mut self) {
        self.step_client(4096);
        assert_eq!(self.to_node.len(), PREFIX + HELLO);
        self.step_server(4096);
        assert_eq!(self.to_client.len(), PREFIX + GREETING);
    }

    fn counted(&self, counter: Counter) -> u64 {
        self.node.node.counters.get(counter)
    }
}

const FORGED: Next = Next::Closed(Closed::Forged);

#[test]
fn commands_and_files_pass_whatever_the_windows() {
    let requests =
        [("upper hello", 0), ("put a", 3000), ("get a", 0), ("nonsense", 0), ("remove a", 0)];
    for space in [1, 5, 20, 63, 64, 65, 100, 255, 256, 300, 4096] {
        let mut pair = Pair::new(key(1), &requests);
        assert_eq!(pair.run(space), (Next::Wait, Next::Input), "{space}");
        assert_eq!(pair.asker.statuses, ["ok", "ok", "ok", "unknown-command", "ok"], "{space}");
        assert_eq!((&pair.asker.bodies[0][..], pair.asker.bodies[2].len()), (&b"HELLO"[..], 3000));
        Session::<Asker>::finish(&mut pair.client);
        assert_eq!(pair.step_client(space).0, Next::Closed(Closed::Finished));
        Session::<Locked>::end(&mut pair.server);
        assert_eq!(pair.run(space).1, Next::Closed(Closed::End), "{space}");
        assert_eq!(pair.counted(Counter::Denied), 0);
    }
}

/// What Python's noiseprotocol says with the same key, the same secrets (the client's is 32 ones, the node's the
/// first of a chain that begins with 32 twos) and 256 for the longest message.
#[test]
fn the_bytes_of_a_conversation() {
    let mut pair = Pair::new(key(1), &[("upper a", 0)]);
    pair.step_client(4096);
    assert_eq!(
        pair.to_node,
        hex(
            "38000000554b0101a4e09292b651c278b9772c569f5fa9bb13d906b46ab68c9df9dc2b4409f8a2096075f8a3925f056bbb36fb9d2b583ea20371bcd6"
        )
    );
    pair.step_server(4096);
    assert_eq!(
        pair.to_client,
        hex(
            "34000000001ae63e55709a84b5859958da64a64e222996c1f06a39cb90df4eec394b98273329c4b1ff930a8c196f2560156161f2941f400c"
        )
    );
    pair.step_client(4096);
    assert_eq!(
        pair.to_node,
        hex(
            "3f000000e31376f3d5b7ed8f25bd6f68cbf2139000a5f9c273455102f800f97e6efb1afc7724d4fbf2c2c8fcb154264212c130c86c01c07091b4c405713aa32d580a31"
        )
    );
    pair.step_server(4096);
    assert_eq!(
        pair.to_client,
        hex(
            "48000000d2137fe686687d053cf4f676f40f141e27559341fa8ea9bd755742999fd960c0f2947ee59435f22496866b05d5afcf242d21a477331e791de5f55d17d65710c6e5410c2528a5797e"
        )
    );
}

/// What goes over the wire is no longer than its receiver takes, and never empty.
#[test]
fn messages_have_the_lengths_that_were_agreed() {
    let mut pair = Pair::new(key(1), &[("put a", 3000), ("get a", 0)]);
    pair.greet();
    pair.step_client(0); // takes the greeting
    let (mut frames, mut said) = (0, [vec![], vec![]]);
    loop {
        let before = pair.to_node.len();
        let (_, sent) = pair.step_client(4096);
        said[0].extend_from_slice(&pair.to_node[before..]);
        let before = pair.to_client.len();
        let (_, answered) = pair.step_server(4096);
        said[1].extend_from_slice(&pair.to_client[before..]);
        if !sent && !answered {
            break;
        }
    }
    for wire in said {
        let mut rest = &wire[..];
        while let Some((prefix, after)) = rest.split_first_chunk() {
            let len = u32::from_le_bytes(*prefix) as usize;
            assert!((TAG + 1..=M).contains(&len), "{len}");
            rest = &after[len..];
            frames += 1;
        }
        assert!(rest.is_empty() && !wire.windows(4).any(|it| it == b"xxxx"), "nothing is readable");
    }
    assert!(frames > 20, "{frames}");
}

#[test]
fn who_may_only_read_changes_nothing() {
    let requests = [("put a", 3), ("remove a", 0), ("list", 0), ("upper a", 0)];
    let mut pair = Pair::new(key(2), &requests);
    pair.run(4096);
    assert_eq!(pair.asker.statuses, ["denied", "denied", "ok", "ok"]);
    let why = "put may change something, and this key may only read";
    assert_eq!(pair.asker.bodies[0], why.as_bytes());
    assert_eq!(pair.counted(Counter::Denied), 2);
}

#[test]
fn who_has_no_key_hears_nothing() {
    let wrong = Key::new(1, Role::Full, [9; KEY]).unwrap();
    let unknown = Key::new(3, Role::Full, [7; KEY]).unwrap();
    for key in [wrong, unknown] {
        let mut pair = Pair::new(key, &[("upper a", 0)]);
        pair.step_client(4096);
        assert_eq!(pair.step_server(4096).0, FORGED);
        assert_eq!((pair.to_client.len(), pair.counted(Counter::Denied)), (0, 1));
        assert_eq!(pair.step_server(4096), (FORGED, false), "it is counted once");
        assert_eq!(pair.counted(Counter::Denied), 1);
        Session::<Asker>::end(&mut pair.client);
        assert_eq!(pair.step_client(4096).0, Next::Closed(Closed::Unwelcome));
    }
    for hello in [
        &b"\x20\0\0\0{\"id\":1,\"command\":\"upper hello\"}"[..],
        b"upper hello\n",
        b"\x39\0\0\0",
        b"\x37\0\0\0",
        b"\xFF\xFF\xFF\xFF",
        b"GET / HTTP/1.1\r\n\r\n",
    ] {
        let mut pair = Pair::new(key(1), &[]);
        pair.to_node = hello.to_vec();
        assert_eq!(pair.step_server(4096).0, FORGED);
        assert_eq!((pair.to_client.len(), pair.counted(Counter::Denied)), (0, 1));
    }
}

/// Rule of the page: a node that has keys answers no command without one.
#[test]
fn no_other_service_answers_commands() {
    let mut node = locked();
    let why = b"this node answers only who has a key, on its command service";
    let mut output = [0; 256];
    let mut bare = Server::<Locked>::new(Service::Frame, Limits::DEFAULT);
    let step = bare.step(Instant::ZERO, &mut node, b"upper a\n", &mut output);
    assert_eq!(&output[PREFIX..step.written], why);
    let mut plain = Server::<Locked>::new(Service::Command, Limits::DEFAULT);
    let request = b"\x17\0\0\0{\"command\":\"upper abc\"}";
    let step = plain.step(Instant::ZERO, &mut node, request, &mut output);
    assert!(output[..step.written].ends_with(why));
    let envelope = crate::datagram::Envelope { from_port: 4000, own_ports: &[], broadcast: false };
    let came = crate::datagram::Datagram::Whole(request);
    let now = Instant::ZERO;
    let answer =
        crate::datagram::answer(Service::Command, now, &mut node, envelope, came, &mut output);
    assert_eq!((answer, node.node.counters.get(Counter::Denied)), (None, 3));
}

/// Every bit of a conversation flipped, one after the other.
#[test]
fn a_bit_that_is_flipped_ends_the_connection() {
    let whole = |flip: Option<(bool, usize)>| {
        let mut pair = Pair::new(key(1), &[("upper hello", 0)]);
        let mut sent = [0, 0];
        for _ in 0..8 {
            for to_node in [true, false] {
                let side = usize::from(to_node);
                let before = sent[side];
                let _ = if to_node { pair.step_client(4096) } else { pair.step_server(4096) };
                let bytes = if to_node { &mut pair.to_node } else { &mut pair.to_client };
                sent[side] += bytes.len();
                if let Some((way, bit)) = flip
                    && way == to_node
                    && (before..sent[side]).contains(&(bit / 8))
                {
                    bytes[bit / 8 - before] ^= 1 << (bit % 8);
                }
            }
        }
        // Nothing more comes to who still waits for the rest of a frame.
        Session::<Asker>::end(&mut pair.client);
        Session::<Locked>::end(&mut pair.server);
        let ends = pair.run(4096);
        let frames = pair.counted(Counter::Frames);
        (sent, ends, pair.asker.bodies, frames)
    };
    let ([from_node, from_client], _, bodies, frames) = whole(None);
    assert_eq!((bodies, frames), (vec![b"HELLO".to_vec()], 1));
    for (way, bytes) in [(true, from_client), (false, from_node)] {
        for bit in 0..8 * bytes {
            let (_, (client, server), bodies, frames) = whole(Some((way, bit)));
            let is_found = if way { server == FORGED } else { client == FORGED };
            let is_unwelcome = client == Next::Closed(Closed::Unwelcome);
            assert!(is_found || (!way && is_unwelcome), "bit {bit}: {client:?}, {server:?}");
            assert_eq!(bodies.concat(), b"", "bit {bit}");
            assert_eq!(frames, u64::from(!way && bit >= 8 * (PREFIX + GREETING)), "bit {bit}");
        }
    }
}

#[test]
fn what_was_recorded_is_of_no_use() {
    let mut first = Pair::new(key(1), &[("put a", 3)]);
    first.greet();
    let hello = {
        let mut again = Pair::new(key(1), &[]);
        again.step_client(4096);
        again.to_node
    };
    first.step_client(4096);
    let recorded = first.to_node.clone();
    let message = &recorded[..];
    // The whole conversation once more: the node's part is another.
    let mut replayed = Pair::new(key(1), &[]);
    replayed.node.keys = {
        let mut keys = Keyring::new(Ephemerals::random([3; KEY]));
        keys.add(key(1)).unwrap();
        keys
    };
    replayed.to_node = [&hello[..], message].concat();
    assert_eq!(replayed.step_server(4096).0, FORGED);
    assert_eq!(replayed.counted(Counter::Frames), 0);
    // Only the hello: it holds its place for five seconds.
    let mut silent = Pair::new(key(1), &[]);
    silent.to_node = hello;
    assert_eq!(silent.step_server(4096), (Next::Input, true));
    silent.now = silent.now.after(HANDSHAKE);
    assert_eq!(silent.step_server(4096).0, Next::Closed(Closed::Timeout(Phase::Header)));
    assert_eq!(silent.counted(Counter::Timeouts), 1);
    // A message twice.
    first.to_node = [message, message].concat();
    assert_eq!(first.step_server(4096).0, FORGED);
    assert_eq!(first.counted(Counter::Frames), 1);
}

#[test]
fn what_is_reordered_reflected_or_cut_short_is_found() {
    let with = |change: &dyn Fn(Vec<u8>, &mut Pair) -> Vec<u8>| {
        let mut pair = Pair::new(key(1), &[("put a", 1000)]);
        pair.greet();
        pair.step_client(4096);
        let sent = core::mem::take(&mut pair.to_node);
        pair.to_node = change(sent, &mut pair);
        pair.step_server(4096).0
    };
    assert_eq!(with(&|sent, _| sent), Next::Input);
    let second_first = |sent: Vec<u8>, _: &mut Pair| {
        let (first, rest) = sent.split_at(PREFIX + M);
        let (second, rest) = rest.split_at(PREFIX + M);
        [second, first, rest].concat()
    };
    assert_eq!(with(&second_first), FORGED);
    let one_left_out = |sent: Vec<u8>, _: &mut Pair| sent[PREFIX + M..].to_vec();
    assert_eq!(with(&one_left_out), FORGED);
    let cut_short = |mut sent: Vec<u8>, pair: &mut Pair| {
        sent.truncate(PREFIX + M - 1);
        Session::<Locked>::end(&mut pair.server);
        sent
    };
    assert_eq!(with(&cut_short), FORGED);
    let empty = |_: Vec<u8>, _: &mut Pair| [&[16, 0, 0, 0][..], &[0; TAG]].concat();
    assert_eq!(with(&empty), FORGED);
    // What the node itself has said.
    let mut pair = Pair::new(key(1), &[("upper a", 0)]);
    pair.greet();
    pair.step_client(4096);
    pair.step_server(4096);
    pair.to_node = pair.to_client.clone();
    assert_eq!(pair.step_server(4096).0, FORGED);
}

#[test]
fn a_key_that_is_removed_ends_its_connections() {
    let mut pair = Pair::new(key(1), &[("put a", 1000)]);
    pair.greet();
    pair.step_client(300);
    pair.step_server(4096);
    pair.node.keys.remove(1);
    assert_eq!(pair.run(4096).1, FORGED);
    // What was on its way in is undone.
    let free =
        [(); 2].map(|()| crate::store::Store::create(&mut pair.node.node.store, "b", 9).is_ok());
    assert_eq!(free, [true, true]);
}

#[test]
fn another_key_of_the_same_id_is_another_key() {
    let changed = [Key::new(1, Role::Full, [9; KEY]), Key::new(1, Role::Read, [7; KEY])];
    for changed in changed.map(Result::unwrap) {
        let mut pair = Pair::new(key(1), &[("upper a", 0)]);
        pair.greet();
        pair.node.keys.add(changed).unwrap();
        assert_eq!(pair.run(4096).1, FORGED);
    }
}

#[test]
fn where_no_key_is_asked_for_everything_passes() {
    for (service, input, answer) in [
        (Service::Echo, &b"abc"[..], &b"ABC"[..]),
        (Service::Frame, b"upper abc\n", b"\x03\0\0\0ABC"),
        (Service::Command, b"\x15\0\0\0{\"command\":\"upper a\"}", b""),
    ] {
        for ended in [false, true] {
            let store = RamStore::new([vec![0; 10], vec![0; 10]]);
            let mut node = Node::new(Identity::new("open", "1"), store);
            let mut open: Server<Node<Files>> = Server::begin(service, Limits::DEFAULT);
            let mut keyed: KeyedServer<Server<_>> = Serve::begin(service, Limits::DEFAULT);
            let (mut expected, mut output) = ([0; 200], [0; 200]);
            if ended {
                open.end();
                Session::<Node<Files>>::end(&mut keyed);
            }
            let step = open.step(Instant::ZERO, &mut node, input, &mut expected);
            assert_eq!(keyed.step(Instant::ZERO, &mut node, input, &mut output), step);
            assert_eq!((keyed.is_idle(), output), (open.is_idle(), expected));
            assert!(output.starts_with(answer) && step.written > 0);
            assert_eq!(ended, matches!(step.next, Next::Closed(_)), "{service:?}");
            if !ended {
                Session::<Node<Files>>::end(&mut keyed);
                let step = keyed.step(Instant::ZERO, &mut node, b"", &mut output);
                assert_eq!(step.next, Next::Closed(Closed::End));
            }
        }
    }
}

#[test]
fn it_is_idle_between_requests_and_before_the_handshake() {
    let mut pair = Pair::new(key(1), &[("put a", 1000)]);
    assert!(pair.server.is_idle());
    pair.step_client(4096);
    pair.to_node.truncate(20);
    pair.step_server(4096);
    assert!(pair.server.is_idle(), "half a greeting is no request");
    let mut pair = Pair::new(key(1), &[("put a", 1000)]);
    pair.greet();
    assert!(pair.server.is_idle());
    pair.step_client(300);
    let message = core::mem::take(&mut pair.to_node);
    pair.to_node = message[..3].to_vec();
    pair.step_server(4096);
    assert!(!pair.server.is_idle(), "a part of a prefix is the begin of a message");
    pair.to_node = message[3..].to_vec();
    pair.step_server(4096);
    assert!(!pair.server.is_idle(), "a part of a request");
    pair.run(4096);
    assert!(pair.server.is_idle());
}

#[test]
fn handshakes_wait_for_their_turn_and_for_a_secret() {
    let mut first = Pair::new(key(1), &[("upper a", 0)]);
    first.greet();
    let mut second = Pair::new(key(1), &[("upper a", 0)]);
    second.node = first.node;
    second.step_client(4096);
    let mut output = [0; 128];
    let step = second.server.step(second.now, &mut second.node, &second.to_node, &mut output);
    let turn = second.now.after(crate::limits::HANDSHAKES_APART);
    assert_eq!((step.next, step.written, step.deadline), (Next::Wait, 0, Some(turn)));
    second.to_node.clear();
    second.now = turn;
    assert_eq!(second.run(4096), (Next::Wait, Next::Input));
    assert_eq!(second.asker.bodies, [b"A"]);

    let mut without = Pair::new(key(1), &[]);
    without.node.keys = Keyring::new(None);
    without.node.keys.add(key(1)).unwrap();
    without.step_client(4096);
    assert_eq!(without.step_server(4096), (FORGED, true));
    assert_eq!(without.counted(Counter::Denied), 1);
}

#[test]
fn a_peer_that_takes_too_little_is_refused() {
    type Small = KeyedClient<Client, 64>;
    let mut small: Small =
        Keyed::offer(Client::new(Service::Command, Limits::DEFAULT), key(1), [1; KEY]);
    let mut output = [0; 64];
    let hello = small.step(Instant::ZERO, &mut Asker::of(&[]), b"", &mut output).written;
    let mut pair = Pair::new(key(1), &[]);
    pair.to_node = output[..hello].to_vec();
    assert_eq!(pair.step_server(4096).0, Next::Input, "sixty-four will do");

    // One less, sealed by hand.
    let (prologue, mut payload) = ([b'U', b'K', 1, 1], 63_u32.to_le_bytes());
    let (_, message) = Initiator::new(&prologue, key(1).secret(), [1; KEY], &mut payload).unwrap();
    let len = write_frame(&mut output, &prologue, &message).unwrap();
    let mut pair = Pair::new(key(1), &[]);
    pair.to_node = output[..len].to_vec();
    assert_eq!(pair.step_server(4096).0, FORGED);
}

#[test]
fn a_connection_that_is_lost_is_counted_and_undone() {
    let mut pair = Pair::new(key(1), &[("put a", 1000)]);
    pair.greet();
    pair.step_client(300);
    pair.step_server(4096);
    pair.server.abort(&mut pair.node);
    assert_eq!(pair.counted(Counter::Resets), 1);
    assert_eq!(pair.step_server(4096).0, Next::Closed(Closed::Aborted));
    // Before the handshake, too.
    let mut pair = Pair::new(key(1), &[]);
    Session::<Locked>::end(&mut pair.server);
    assert_eq!(pair.step_server(4096), (Next::Closed(Closed::End), false));
    let mut pair = Pair::new(key(1), &[]);
    Session::<Locked>::finish(&mut pair.server);
    assert_eq!(pair.step_server(4096), (Next::Closed(Closed::Finished), false));
}
