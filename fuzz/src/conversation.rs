//! A client and a server, and whoever carries their bytes in any amounts and steps them in any order,
//! often for nothing, on a clock that goes on now and then: what the client is told is what it is told
//! when nothing comes in between, or less where something has; and nothing stays lent.

use crate::asker::{Asker, Question};
use crate::drive::step;
use crate::node::{self, Host, assert_nothing_lent};
use core::time::Duration;
use unstick::{Client, Closed, Instant, Limits, Next, Server, Service, Session, Step};

/// Bytes on the way, and bytes that have come and are not consumed, at most.
const ROOM: usize = 160;

/// What may be asked of the echo service, of the frame and message services, and of the command service.
const BODIES: [Question; 4] = [("", b"hello"), ("", b""), ("", TEXT), ("", b"a\nb\0c")];
const LINES: [Question; 8] = [
    ("upper hello", b""),
    ("info", b""),
    ("list", b""),
    ("nope", b""),
    ("count 12", b""),
    ("wait 250", b""),
    ("config {\"rate\":3,\"name\":\"x\"}", b""),
    ("count 120", b""), // it breaks off
];
const COMMANDS: [Question; 24] = [
    LINES[0],
    LINES[1],
    LINES[2],
    LINES[3],
    LINES[4],
    LINES[5],
    LINES[6],
    LINES[7],
    ("stats", b""),
    ("put a", TEXT),
    ("get a", b""),
    ("remove a", b""),
    ("put late", b"abc"),
    ("get late", b""),
    ("put torn", b"abc"),
    ("put torn", TEXT),
    ("put lost", b"abc"),
    ("get lost", b""),
    ("sum", b"1\n2\n39\n"),
    ("sum", b"none"),
    ("check 99", TEXT),
    ("check 9", TEXT),
    ("config", b"{\"rate\":7,\"name\":\"pump\"}"),
    ("put a", &[0x55; 2 * node::SIZE]), // it is over the limit
];
const TEXT: &[u8] = b"Pack my box with five dozen liquor jugs. 0123456789";

/// The service, the number of requests, which, and what happens then.
pub fn run(bytes: &[u8]) {
    let [kind, count, rest @ ..] = bytes else { return };
    let service = Service::ALL[usize::from(kind % 4)];
    let Some((chosen, events)) = rest.split_at_checked(usize::from(count % 8)) else { return };
    let menu: &[Question] = match service {
        Service::Echo => &BODIES,
        Service::Frame | Service::Message => &LINES,
        Service::Command => &COMMANDS,
    };
    let asked: Vec<_> = chosen.iter().map(|it| menu[usize::from(*it) % menu.len()]).collect();

    let mut calm = Conversation::new(service, &asked, kind & 4 != 0);
    calm.run_to_end();
    let mut other = Conversation::new(service, &asked, kind & 4 != 0);
    for event in events {
        other.happens(*event);
    }
    other.run_to_end();
    let broken = other.disturbed || [&calm, &other].into_iter().any(is_broken);
    let (told, calm) = (other.asker.told, calm.asker.told);
    let shown = [&told, &calm].map(|it| it.escape_ascii().to_string());
    assert!(calm.starts_with(&told) || broken && told.starts_with(&calm), "{shown:#?}");
    assert!(broken || told == calm, "{shown:#?}");
}

/// Whether that ended before all was answered, for a reason that hangs on when something came.
fn is_broken(conversation: &Conversation) -> bool {
    let ends = [conversation.client_closed, conversation.server_closed];
    ends.iter().any(|it| matches!(it, Some(Closed::Timeout(_) | Closed::Refused)))
}

struct Conversation {
    service: Service,
    client: Client<256>,
    asker: Asker,
    server: Server<Host, 256, 256>,
    host: Host,
    now: Instant,
    up: Way,
    down: Way,
    client_closed: Option<Closed>,
    server_closed: Option<Closed>,
    /// Whether the client is in the middle of a request.
    writes: bool,
    /// Whether somebody asked for an end before it was reached.
    disturbed: bool,
}

/// Bytes that are on their way one way, and those that have come and were not consumed.
#[derive(Default)]
struct Way {
    sent: Vec<u8>,
    came: Vec<u8>,
}

impl Way {
    fn carry(&mut self, most: usize) -> usize {
        let len = self.sent.len().min(most).min(ROOM.saturating_sub(self.came.len()));
        self.came.extend(self.sent.drain(..len));
        len
    }
}

impl Conversation {
    fn new(service: Service, questions: &[Question], waits: bool) -> Self {
        Self {
            service,
            client: Client::with_capacity(service, Limits::DEFAULT),
            asker: Asker::new(service, questions, waits),
            server: Server::with_capacity(service, Limits::DEFAULT),
            host: node::new(),
            now: Instant::from_millis(1),
            up: Way::default(),
            down: Way::default(),
            client_closed: None,
            server_closed: None,
            writes: false,
            disturbed: false,
        }
    }

    /// An event is what happens (three bits) and how much of it.
    fn happens(&mut self, event: u8) {
        let much = usize::from(event >> 3);
        match event % 8 {
            0 => drop(self.step_client(much)),
            1 => drop(self.step_client(ROOM)),
            2 => drop(self.step_server(much)),
            3 => drop(self.step_server(ROOM)),
            4 => drop(self.carry_up(much)),
            5 => drop(self.down.carry(much)),
            6 => self.now = self.now.after(Duration::from_millis(1 << (much / 2))),
            _ => match much {
                0 => Session::<Asker>::finish(&mut self.client),
                1 => self.server.finish(),
                2 => {
                    // The connection is lost.
                    Session::<Asker>::abort(&mut self.client, &mut self.asker);
                    self.server.abort(&mut self.host);
                    self.client_closed.get_or_insert(Closed::Aborted);
                    self.server_closed.get_or_insert(Closed::Aborted);
                }
                3 if self.client_closed.is_none() => {
                    // The client's end is gone, and the server learns of it.
                    self.client_closed = Some(Closed::Aborted);
                    self.server.end();
                }
                _ => return,
            },
        }
        self.disturbed |= event % 8 == 7;
    }

    /// A bare request is what one receive delivers (rule B1), so it is carried whole.
    fn carry_up(&mut self, most: usize) -> usize {
        match self.service {
            Service::Frame | Service::Message if self.writes => 0,
            Service::Frame | Service::Message => self.up.carry(usize::MAX),
            Service::Echo | Service::Command => self.up.carry(most),
        }
    }

    fn step_client(&mut self, most: usize) -> Option<Step> {
        if self.client_closed.is_some() {
            return None;
        }
        let Self { client, asker, now, up, down, .. } = self;
        let space = most.min(ROOM - up.sent.len());
        let mut came = &down.came[..];
        let step = step(client, asker, *now, &mut came, space, &mut up.sent);
        let left = came.len();
        down.came.drain(..down.came.len() - left);
        self.writes = step.next == Next::Output;
        if let Next::Closed(why) = step.next {
            self.client_closed = Some(why);
        }
        Some(step)
    }

    fn step_server(&mut self, most: usize) -> Option<Step> {
        if self.server_closed.is_some() {
            return None;
        }
        let Self { server, host, now, up, down, .. } = self;
        let space = most.min(ROOM - down.sent.len());
        let mut came = &up.came[..];
        let step = step(server, host, *now, &mut came, space, &mut down.sent);
        let left = came.len();
        up.came.drain(..up.came.len() - left);
        if let Next::Closed(why) = step.next {
            self.server_closed = Some(why);
        }
        Some(step)
    }

    /// Everything comes, and everybody is stepped, until both are closed.
    fn run_to_end(&mut self) {
        let mut waits = 0;
        for _ in 0..20_000 {
            if self.client_closed.is_some() && self.server_closed.is_some() {
                assert_nothing_lent(&mut self.host.store);
                return;
            }
            let carried = self.carry_up(ROOM) + self.down.carry(ROOM);
            // Who is closed has shut its sending side, and takes nothing more.
            if self.server_closed.is_some() {
                self.up = Way::default();
                if self.down.sent.is_empty() {
                    Session::<Asker>::end(&mut self.client);
                }
            }
            if self.client_closed.is_some() {
                self.down = Way::default();
                if self.up.sent.is_empty() {
                    self.server.end();
                }
            }
            if self.asker.is_done() {
                Session::<Asker>::finish(&mut self.client);
            }
            let steps = [self.step_client(ROOM), self.step_server(ROOM)];
            let steps = steps.into_iter().flatten();
            let closed = |step: &Step| matches!(step.next, Next::Closed(_));
            if carried > 0 || steps.clone().any(|it| it.consumed + it.written > 0 || closed(&it)) {
                waits = 0;
                continue;
            }
            waits += 1;
            if waits > node::LATE {
                let deadline = steps.filter_map(|it| it.deadline).min();
                self.now = deadline.expect("nobody can do anything, ever").max(self.now);
            }
        }
        panic!("it comes to no end");
    }
}
