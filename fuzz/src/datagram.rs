//! Any bytes as a datagram to each UDP service, whole or cut on arrival, from any port, with any
//! space for the reply: what is answered is one message that the request may have (rules U1 to U5),
//! the same as over TCP; all of it is counted, and the node gets back what it lent.

use crate::clock::Clock;
use crate::drive::{LARGE, step};
use crate::node::{self, Host, SIZE, assert_nothing_lent, list};
use unstick::datagram::{Datagram, Envelope, answer};
use unstick::digest::Hasher;
use unstick::header::{Fields, Id};
use unstick::host::{Counter, Counters};
use unstick::limits::{AMPLIFICATION, HEADER};
use unstick::message::{self, Integrity, Kind, MessageError};
use unstick::{Closed, Endpoint, Instant, Limits, Next, Server, Service, Session as _, Status};

/// Whether it is a command (1) and cut (2), the sender's port, the space, and the bytes.
pub fn run(bytes: &[u8]) {
    let Some((&[kind, p, q, low, high], bytes)) = bytes.split_first_chunk::<5>() else { return };
    let (service, cut) = ([Service::Echo, Service::Command][usize::from(kind & 1)], kind & 2 != 0);
    let envelope = Envelope {
        from_port: u16::from_le_bytes([p, q]),
        own_ports: &Endpoint::UDP_PORTS,
        broadcast: false,
    };
    let space = usize::from(u16::from_le_bytes([low, high]) % 2048);

    let (mut host, mut twin) = (node(), node());
    let mut output = vec![0xA5; space];
    let datagram = Datagram::received(bytes, bytes.len() + usize::from(cut));
    let len = answer(service, Instant::ZERO, &mut host, envelope, datagram, &mut output);
    let reply = len.map(|len| &output[..len]);

    let mut due = Counters::default();
    if envelope.from_port == 0 || envelope.own_ports.contains(&envelope.from_port) {
        assert_eq!(reply, None);
    } else {
        due.count(Counter::Bytes, bytes.len() as u64);
        due.count(Counter::Truncated, u64::from(cut));
        match service {
            Service::Command => {
                // Of what it takes for a reply it does not even count that an answer has no room.
                let silent = reply.is_none() && host.counters.get(Counter::Truncated) == 0;
                assert_answers(bytes, cut, silent, space, reply, &mut twin, &mut due);
            }
            _ if cut => assert_eq!(reply, None),
            _ => {
                due.count(Counter::Frames, 1);
                let upper = bytes.to_ascii_uppercase();
                assert_eq!(reply, (bytes.len() <= space).then_some(&upper[..]));
            }
        }
    }
    due.count(Counter::Rejected, u64::from(reply.is_none()));
    assert_eq!(host.counters, due);
    assert_eq!(list(&mut host.store), list(&mut twin.store));
    assert_nothing_lent(&mut host.store);
}

/// A node with files, one of them late, one that breaks off, and one that is not to be read after all.
fn node() -> Host {
    let mut host = node::new();
    for (name, size) in [("a", SIZE), ("late", 3), ("torn", 8), ("lost", 0)] {
        host.store.keep(name, &[b'a'; SIZE][..size]);
    }
    host
}

/// Whether that is the reply to a request of the command service: the same as over TCP, where the
/// request is a whole message. A `twin` of the node is asked that; what is counted is added to `due`.
fn assert_answers(
    request: &[u8],
    cut: bool,
    silent: bool,
    space: usize,
    reply: Option<&[u8]>,
    twin: &mut Host,
    due: &mut Counters,
) {
    let split = message::split::<HEADER>(request);
    let id = split.ok().and_then(|(header, _)| header.id);
    let mentions = |piece: &[u8]| request.windows(piece.len()).any(|it| it == piece);
    let is_reply = match split {
        Ok((header, _)) => header.status.is_some(),
        // Its status, which may have escapes, may stand before what is wrong.
        Err(_) => silent && (mentions(b"status") || mentions(b"\\")),
    };
    if request.is_empty() || is_reply || (cut && id.is_none()) {
        assert_eq!(reply, None);
        return;
    }
    let room = space.min(AMPLIFICATION * request.len());
    let full = match split {
        _ if cut => {
            due.count(Counter::Frames, 1);
            due.count(Counter::Oversized, 1);
            let why = format!("the datagram is over the limit of {} bytes", request.len());
            refusal(id, Status::TooLarge, &why)
        }
        Ok((header, body)) if header.total_size.unwrap_or(0) != body.len() as u64 => {
            due.count(Counter::Frames, 1);
            due.count(Counter::Rejected, 1);
            let declared = header.total_size.unwrap_or(0);
            let why = MessageError::Size { declared, seen: body.len() as u64 };
            refusal(id, Status::BadRequest, &why.to_string())
        }
        _ => {
            let Tcp { reply: full, late, broken } = over_tcp(request, twin);
            let full = without_times(full);
            for (counter, count) in twin.counters.iter().filter(|(it, _)| *it != Counter::Bytes) {
                due.count(counter, count);
            }
            // That there is no room for a body is seen before the body is read.
            let fits = late == Some(0) || len_of(&full) <= room;
            if fits && late.is_some() {
                due.count(Counter::Busy, 1);
                refusal(id, Status::Busy, LATE)
            } else if fits && broken {
                assert_eq!(reply, None);
                return;
            } else {
                full
            }
        }
    };
    let (header, body) = message::split::<HEADER>(&full).expect("a message");
    assert_eq!(header.id, id);
    if len_of(&full) <= room {
        assert_eq!(reply, Some(&full[..]));
        let integrity = message::verify(Kind::Reply, &header, body).integrity;
        assert!(!matches!(integrity, Integrity::Mismatch { .. }));
    } else {
        due.count(Counter::Truncated, 1);
        // What has changed something is not to be asked for again.
        let command = split.ok().and_then(|(header, _)| header.command);
        let command: String = command.map_or_else(String::new, |it| it.chars().collect());
        let changes = matches!(command.split(' ').next(), Some("put" | "remove" | "config"));
        let is_ok = header.status.is_some_and(|status| status == *"ok");
        let size = header.total_size.unwrap_or_default();
        let (status, size) = if changes && is_ok { ("ok", 0) } else { ("truncated", size) };
        let short = no_room(id, status, size);
        assert_eq!(reply, (short.len() <= room).then_some(&short[..]));
    }
}

const LATE: &str = "a datagram does not wait for this answer: ask again over TCP";

/// Bytes of a message of which there is the header at least.
fn len_of(message: &[u8]) -> usize {
    let (header, body) = message::split::<HEADER>(message).expect("a header");
    message.len() - body.len() + header.total_size.unwrap_or_default() as usize
}

/// What a request is answered over TCP, where nothing is too long.
struct Tcp {
    reply: Vec<u8>,
    /// The bytes of it that came before the first that was waited for, if one was.
    late: Option<usize>,
    broken: bool,
}

fn over_tcp(mut request: &[u8], host: &mut Host) -> Tcp {
    let mut server = Server::<Host>::new(Service::Command, Limits::DEFAULT);
    let (mut clock, mut reply, mut late) = (Clock::standing(), Vec::new(), None);
    loop {
        let step = step(&mut server, host, clock.tick(), &mut request, LARGE, &mut reply);
        match step.next {
            Next::Wait => {
                late.get_or_insert(reply.len());
                clock.wait(&step);
            }
            Next::Closed(why) => return Tcp { reply, late, broken: why == Closed::BodyFailed },
            Next::Input => server.end(),
            Next::Output => {}
        }
    }
}

/// An `info` says nothing of time over UDP.
fn without_times(reply: Vec<u8>) -> Vec<u8> {
    const TIMES: &str = r#","idle_ms":300000,"header_ms":10000,"stall_ms":30000,"answer_ms":60000"#;
    let Ok((header, body)) = message::split::<HEADER>(&reply) else { return reply };
    let Some(body) = core::str::from_utf8(body).ok().filter(|it| it.contains(TIMES)) else {
        return reply;
    };
    let body = body.replace(TIMES, "");
    let (total_size, md5) = (body.len() as u64, Hasher::digest(body.as_bytes()));
    let (status, filename) = (Some("ok"), Some(""));
    let fields = Fields { id: header.id, status, filename, total_size, md5, ..Fields::default() };
    let mut reply = vec![0xA5; 1024];
    let len = message::encode(&fields, body.as_bytes(), &mut reply).expect("there is space");
    reply.truncate(len);
    reply
}

fn refusal(id: Option<Id<'_>>, status: Status, why: &str) -> Vec<u8> {
    let fields = Fields {
        id,
        status: Some(status.as_str()),
        filename: Some(""),
        total_size: why.len() as u64,
        md5: Hasher::digest(why.as_bytes()),
        ..Fields::default()
    };
    let mut reply = vec![0xA5; 512];
    let len = message::encode(&fields, why.as_bytes(), &mut reply).expect("there is space");
    reply.truncate(len);
    reply
}

/// What is sent for a reply that has no room (rule U4).
fn no_room(id: Option<Id<'_>>, status: &str, size: u64) -> Vec<u8> {
    let id = id.map(|id| format!(r#""id":{},"#, id.raw())).unwrap_or_default();
    let header = format!(r#"{{{id}"status":"{status}","total_size":{size}}}"#);
    [&u32::try_from(header.len()).unwrap().to_le_bytes(), header.as_bytes()].concat()
}
