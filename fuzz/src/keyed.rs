//! Both ends of a keyed connection around pipes, and somebody in between who carries their bytes, damages
//! them, leaves some out, says something of his own, and knows no key: what an end hears is what the other
//! has said, from its start, and all of it where nobody has meddled.

use core::cell::RefCell;
use core::time::Duration;
use std::rc::Rc;
use unstick::command::Role;
use unstick::host::{Counter, Counters, Identity};
use unstick::keys::{Ephemerals, Guarded, Key, KeyedClient, KeyedServer, Keyring, Keys};
use unstick::store::RamStore;
use unstick::{Closed, Command, Host, Instant, Next, NoTask, Session, Step};

/// Bytes of the longest message that an end takes: so that what is said is cut.
const MESSAGE: usize = 80;

/// Bytes on the way, at most.
const ROOM: usize = 300;

/// What is said, from its start.
const TEXT: &[u8; 256] = &{
    let mut text = [0; 256];
    let mut at = 0;
    while at < text.len() {
        text[at] = at as u8;
        at += 1;
    }
    text
};

/// What happens, an event a byte or two; the first says whether there is a client with the key at all.
pub fn run(bytes: &[u8]) {
    let [kind, events @ ..] = bytes else { return };
    let mut pair = Pair::new(kind % 4 != 0);
    let mut events = events.iter().copied();
    while let Some(event) = events.next() {
        pair.happens(event, &mut events);
        pair.holds();
    }
    pair.run_to_end();
    pair.holds();
    if !pair.meddled && !pair.ends && pair.closed == [None, None] {
        let (here, there) = (pair.here.0.borrow(), pair.there.0.borrow());
        assert_eq!((there.heard.len(), here.heard.len()), (here.wanted, there.wanted));
    }
}

/// What a pipe is to say and has heard.
#[derive(Default)]
struct Ends {
    /// Bytes of the text that have been asked for, and said.
    wanted: usize,
    said: usize,
    heard: Vec<u8>,
    finishing: bool,
    ended: bool,
    /// Times that it was told that it is lost.
    aborted: usize,
}

impl Ends {
    fn want(&mut self, more: usize) {
        self.wanted = TEXT.len().min(self.wanted + more);
    }
}

/// The session inside of each end.
#[derive(Clone, Default)]
struct Pipe(Rc<RefCell<Ends>>);

impl<H> Session<H> for Pipe {
    fn step(&mut self, _: Instant, _: &mut H, input: &[u8], output: &mut [u8]) -> Step {
        let mut ends = self.0.borrow_mut();
        ends.heard.extend_from_slice(input);
        let (said, wanted) = (ends.said, ends.wanted);
        let written = (wanted - said).min(output.len());
        output[..written].copy_from_slice(&TEXT[said..said + written]);
        ends.said += written;
        let next = match ends.said < wanted {
            true => Next::Output,
            false if ends.finishing => Next::Closed(Closed::Finished),
            false if ends.ended => Next::Closed(Closed::End),
            false => Next::Input,
        };
        Step { consumed: input.len(), written, next, deadline: None }
    }

    fn end(&mut self) {
        self.0.borrow_mut().ended = true;
    }

    fn finish(&mut self) {
        self.0.borrow_mut().finishing = true;
    }

    fn abort(&mut self, _: &mut H) {
        self.0.borrow_mut().aborted += 1;
    }
}

impl Guarded for Pipe {
    fn asks_for_key(&self) -> bool {
        true
    }

    fn restrict(&mut self, id: u8, role: Role) {
        assert_eq!((id, role), (7, Role::Read));
    }
}

/// A node with a key.
struct Node {
    keys: Keyring<1>,
    counters: Counters,
    store: RamStore<[u8; 0], 0>,
}

impl Host for Node {
    type Store = RamStore<[u8; 0], 0>;
    type Task = NoTask;

    fn commands(&self) -> &[Command<Self>] {
        &[]
    }
    fn store(&mut self) -> &mut Self::Store {
        &mut self.store
    }
    fn identity(&self) -> Identity<'_> {
        Identity::new("keyed", "1")
    }
    fn count(&mut self, counter: Counter, count: u64) {
        self.counters.count(counter, count);
    }
    fn counters(&self) -> Counters {
        self.counters
    }
    fn keys(&mut self) -> Option<&mut dyn Keys> {
        Some(&mut self.keys)
    }
}

fn key() -> Key {
    Key::new(7, Role::Read, [7; 32]).expect("it is a key")
}

struct Pair {
    client: KeyedClient<Pipe, MESSAGE>,
    here: Pipe,
    server: KeyedServer<Pipe, MESSAGE>,
    there: Pipe,
    node: Node,
    now: Instant,
    /// Bytes to the node, and from it.
    ways: [Vec<u8>; 2],
    closed: [Option<Closed>; 2],
    /// Whether the client's bytes are its own at all.
    honest: bool,
    /// Whether anything was done that a network does not do.
    meddled: bool,
    /// Whether somebody asked for an end.
    ends: bool,
    /// Whether the node has said anything.
    answered: bool,
}

impl Pair {
    fn new(honest: bool) -> Self {
        let (here, there) = (Pipe::default(), Pipe::default());
        let mut keys = Keyring::new(Ephemerals::random([3; 32]));
        keys.add(key()).expect("there is room");
        Self {
            client: KeyedClient::offer(here.clone(), key(), [5; 32]),
            here,
            server: KeyedServer::accept(there.clone()),
            there,
            node: Node { keys, counters: Counters::default(), store: RamStore::new([]) },
            now: Instant::from_millis(1),
            ways: Default::default(),
            closed: [None; 2],
            honest,
            meddled: !honest,
            ends: false,
            answered: false,
        }
    }

    /// An event is what happens (four bits) and how much of it.
    fn happens(&mut self, event: u8, more: &mut impl Iterator<Item = u8>) {
        let much = usize::from(event >> 4);
        match event % 16 {
            0 | 1 => drop(self.step_client(much * 9)),
            2 | 3 => drop(self.step_server(much * 9, 1 + much * much)),
            4 => drop((self.step_client(1000), self.step_server(1000, 1000))),
            5 => self.here.0.borrow_mut().want(much * 3),
            6 => self.there.0.borrow_mut().want(much * 3),
            7 => self.now = self.now.after(Duration::from_millis(1 << much.min(12))),
            8 => self.meddle(much % 2, |way| {
                let at = more.next().map_or(0, usize::from) % way.len();
                way[at] ^= 1 << (much / 2);
            }),
            9 => self.meddle(much % 2, |way| {
                way.remove(much / 2 % way.len());
            }),
            10 => self.meddle(much % 2, |way| way.insert(much / 2 % way.len(), 0)),
            11 => {
                // Somebody says something of his own.
                self.meddled = true;
                self.ways[much % 2].extend(more.take(much));
            }
            12 => {
                self.ends = true;
                Session::<Node>::end(&mut self.server);
            }
            13 => {
                self.ends = true;
                match much % 4 {
                    0 => Session::<()>::finish(&mut self.client),
                    1 => Session::<Node>::finish(&mut self.server),
                    2 => Session::<()>::end(&mut self.client),
                    _ => self.server.abort(&mut self.node),
                }
            }
            14 if much == 15 => {
                self.ends = true;
                self.node.keys.remove(7);
            }
            _ => {}
        }
    }

    /// Does something to what is on its way.
    fn meddle(&mut self, way: usize, how: impl FnOnce(&mut Vec<u8>)) {
        if !self.ways[way].is_empty() {
            self.meddled = true;
            how(&mut self.ways[way]);
        }
    }

    fn step_client(&mut self, space: usize) -> bool {
        if !self.honest {
            return false;
        }
        let space = space.min(ROOM.saturating_sub(self.ways[0].len()));
        let mut output = vec![0; space];
        let step = self.client.step(self.now, &mut (), &self.ways[1], &mut output);
        self.ways[1].drain(..step.consumed);
        self.ways[0].extend_from_slice(&output[..step.written]);
        self.after(0, step)
    }

    fn step_server(&mut self, space: usize, shown: usize) -> bool {
        let space = space.min(ROOM.saturating_sub(self.ways[1].len()));
        let mut output = vec![0; space];
        let input = &self.ways[0][..shown.min(self.ways[0].len())];
        let step = self.server.step(self.now, &mut self.node, input, &mut output);
        self.ways[0].drain(..step.consumed);
        self.ways[1].extend_from_slice(&output[..step.written]);
        self.answered |= step.written > 0;
        self.after(1, step)
    }

    /// Whether anything moved.
    fn after(&mut self, end: usize, step: Step) -> bool {
        if let Next::Closed(why) = step.next {
            let first = *self.closed[end].get_or_insert(why);
            assert_eq!(first, why, "closed is closed");
        }
        step.consumed > 0 || step.written > 0
    }

    fn run_to_end(&mut self) {
        let mut idle = 0;
        for _ in 0..2000 {
            let moved = self.step_client(200) | self.step_server(200, 1000);
            idle = if moved { 0 } else { idle + 1 };
            // A handshake may have to wait for its turn.
            self.now = self.now.after(Duration::from_millis(if moved { 0 } else { 120 }));
            if idle > 3 {
                return;
            }
        }
        panic!("it never comes to rest");
    }

    fn holds(&self) {
        let (here, there) = (self.here.0.borrow(), self.there.0.borrow());
        assert!(TEXT[..here.said].starts_with(&there.heard), "the node heard {:?}", there.heard);
        assert!(TEXT[..there.said].starts_with(&here.heard), "the client heard {:?}", here.heard);
        if !self.honest {
            let answered = self.answered || !there.heard.is_empty();
            assert!(!answered, "who has no key is answered");
        }
        assert!(here.aborted < 2 && there.aborted < 3, "an end is told once");
    }
}
