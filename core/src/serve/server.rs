//! The server's side of a connection.

use super::command::{self, Shown};
use super::copy_upper;
use super::exchange::{Blocked, BodyRefused, Exchange, Origin};
use super::host::{Access, Counter, Host};
use super::line::{Line, LineReader, is_foreign};
use super::reply::{Refusal, Status};
use crate::bytes::number;
use crate::endpoint::Service;
#[cfg(feature = "noise")]
use crate::keys::{Guarded, Role};
use crate::limits::{HEADER, Limits, TEXT};
use crate::session::{Closed, HeadWriter, Next, Phase, Session, Step, Timer};
use crate::time::Instant;
use crate::wire::frame::{self, FrameError, PREFIX};
use crate::wire::header::{Fields, Header, HeaderError};
use crate::wire::message::{self, Kind, MessageError, Place, Reader};
use heapless::String;
use heapless::string::StringView;

/// A node's side of connections: what its driver begins for each that comes.
///
/// [`Server`] is one, for a node that answers whoever reaches it; around it, [`KeyedServer`] is one that
/// answers commands of who has a key.
///
/// [`KeyedServer`]: crate::keys::KeyedServer
pub trait Serve<H: Host>: Session<H> {
    /// A session at the start of a connection of that service.
    fn begin(service: Service, limits: Limits) -> Self;

    /// Whether it is between requests: every request that has begun has been answered.
    fn is_idle(&self) -> bool;
}

/// Serves one connection of any service.
///
/// `N` is the header limit and `T` the longest text a command can write, both in bytes; the session
/// is about their sum and 500 bytes more. Requests are answered in their order; while an answer is
/// on its way out no further request is consumed, so a peer that does not read sends no faster.
///
/// ```
/// use unstick::host::{Identity, Node};
/// use unstick::store::RamStore;
/// use unstick::{Instant, Limits, Next, Server, Service, Session as _};
///
/// let mut node = Node::new(Identity::new("pump-7", "1.0"), RamStore::new([[0; 64]; 2]));
/// let mut server = Server::new(Service::Frame, Limits::DEFAULT);
/// let mut output = [0; 64];
/// let step = server.step(Instant::ZERO, &mut node, b"upper hello\n", &mut output);
/// assert_eq!(&output[..step.written], b"\x05\0\0\0HELLO");
/// assert_eq!((step.consumed, step.next), (12, Next::Input));
/// ```
pub struct Server<H: Host, const N: usize = HEADER, const T: usize = TEXT> {
    service: Service,
    limits: Limits,
    timer: Timer,
    requests: Requests<N>,
    exchange: Exchange<H, T>,
    state: State,
    /// Why to close once the reply is out.
    last: Option<Closed>,
    /// Whether a request began in this step.
    begun: bool,
    /// When what the host is asked for is to be asked for again.
    wake: Option<Instant>,
    /// Bytes of this step's input that are not counted yet.
    uncounted: usize,
    ended: bool,
    finishing: bool,
    /// The request whose body is being read has been refused, and its reply sent (rule C4).
    skipping: bool,
    shown: Shown,
}

/// How requests are told apart: messages, or lines.
enum Requests<const N: usize> {
    Messages(Reader<N>),
    Lines(LineReader<N>),
}

#[derive(Clone, Copy)]
enum State {
    Receiving,
    /// The request is whole, the answer not known.
    Waiting,
    Head(HeadWriter),
    Body,
    Closed(Closed),
}

impl<H: Host> Server<H> {
    /// A session at the start of a connection, with the default limits of headers and texts.
    #[must_use]
    pub fn new(service: Service, limits: Limits) -> Self {
        Self::with_capacity(service, limits)
    }
}

impl<H: Host, const N: usize, const T: usize> Server<H, N, T> {
    /// A session at the start of a connection, with room for headers of `N` and texts of `T` bytes.
    #[must_use]
    pub fn with_capacity(service: Service, limits: Limits) -> Self {
        Self {
            service,
            limits,
            timer: Timer::new(),
            requests: match service {
                Service::Command => Requests::Messages(Reader::new(Kind::Request)),
                _ => Requests::Lines(LineReader::new()),
            },
            exchange: Exchange::new(),
            state: State::Receiving,
            last: None,
            begun: false,
            wake: None,
            uncounted: 0,
            ended: false,
            finishing: false,
            skipping: false,
            shown: Shown::NOTHING,
        }
    }

    /// Takes a request. Returns `None` once it is whole or refused, and the answer is next.
    fn receive(&mut self, now: Instant, host: &mut H, input: &mut &[u8]) -> Option<Next> {
        if self.finishing && self.is_idle() {
            return Some(Next::Closed(Closed::Finished));
        }
        if self.ended && self.is_idle() && input.is_empty() {
            return Some(Next::Closed(Closed::End));
        }
        match self.service {
            Service::Command => self.receive_message(now, host, input),
            _ => self.receive_line(now, host, input),
        }
    }

    /// A bare request (rules B1 and B4).
    fn receive_line(&mut self, now: Instant, host: &mut H, input: &mut &[u8]) -> Option<Next> {
        let Requests::Lines(reader) = &mut self.requests else { return None };
        let Some(line) = reader.read(input, self.ended) else {
            return Some(if self.ended { Next::Closed(Closed::End) } else { Next::Input });
        };
        count_bytes(&mut self.uncounted, host, input);
        let (start, text) = match line {
            Line::Whole(line) => (line, check_utf8(line)),
            Line::TooLong(start) => (start, Err(too_long(LineReader::<N>::MOST))),
        };
        let is_known = command::begins(host, start);
        let is_foreign = !is_known && is_foreign(start);
        let is_unknown = !is_known && matches!(line, Line::Whole(_));
        let text = if is_foreign { Err(foreign()) } else { text };
        let origin = Origin { header: N, limits: Some(&self.limits), shown: self.shown };
        self.exchange.begin(host, now, None, text, None, origin);
        if is_foreign || (is_unknown && !is_blank(input)) {
            self.last = Some(Closed::Foreign);
        }
        self.begun = true;
        self.state = State::Waiting;
        None
    }

    fn receive_message(&mut self, now: Instant, host: &mut H, input: &mut &[u8]) -> Option<Next> {
        let Self { requests, exchange, limits, uncounted, skipping, shown, .. } = self;
        let Requests::Messages(reader) = requests else { return None };
        let origin = Origin { header: N, limits: Some(limits), shown: *shown };
        let stop = loop {
            // Headers are long: they are looked at where they are.
            match &reader.read_with(host.digester(), input) {
                Ok(Some(message::Event::Header { header, size })) => {
                    let size = *size;
                    count_bytes(uncounted, host, input);
                    let mut decoded = String::<N>::new();
                    let line = line(header, &mut decoded).map_err(|error| refusal(&error));
                    exchange.begin(host, now, header.id, line, Some(size), origin);
                    self.begun = true;
                    if size > 0 && exchange.drops_body() {
                        break Err(size);
                    }
                }
                Ok(Some(message::Event::Body(piece))) => {
                    if let Err(BodyRefused) = exchange.body_piece(host, piece) {
                        break Err(reader.left());
                    }
                }
                Ok(Some(message::Event::End(_))) if *skipping => {
                    *skipping = false;
                    return None; // the request has been answered
                }
                Ok(Some(message::Event::End(end))) => {
                    exchange.body_end(host, now, *end, origin);
                    self.state = State::Waiting;
                    return None;
                }
                Ok(None) if self.ended => match reader.end() {
                    Err(error) if !*skipping => break Ok(error),
                    _ => return Some(Next::Closed(Closed::End)),
                },
                Ok(None) => return Some(Next::Input),
                Err(error) => break Ok(*error),
            }
        };
        self.state = State::Waiting;
        let error = match stop {
            Ok(error) => error,
            // The refusal is sent at once, and of the body what fits the budget is skipped behind it.
            Err(left) if limits.oversize.skips(left) => {
                *skipping = true;
                return None;
            }
            Err(left) => {
                self.last = Some(Closed::Oversized { declared: left });
                return None;
            }
        };
        // The next request's start is not known: answer, then close. Of a request cut short in its
        // body the id is known, and stays.
        let why = refusal(&error);
        if reader.place() != Place::Body {
            exchange.forget_id();
            host.access(Access::Request(Err(&why)));
        }
        exchange.refuse(host, &why);
        self.last = Some(Closed::Protocol(error));
        None
    }

    /// Goes on as far as input and output allow. Returns what stopped it.
    fn run(
        &mut self,
        now: Instant,
        host: &mut H,
        input: &mut &[u8],
        output: &mut [u8],
        written: &mut usize,
    ) -> Next {
        if self.service == Service::Echo {
            return self.echo(input, output, written);
        }
        let is_sealed = self.shown.is_sealed();
        loop {
            let space = output.get_mut(*written..).unwrap_or_default();
            match &mut self.state {
                State::Closed(why) => return Next::Closed(*why),
                State::Receiving => {
                    if let Some(next) = self.receive(now, host, input) {
                        return next;
                    }
                }
                State::Waiting => match self.exchange.poll(host, now) {
                    Err(Blocked::Failed) => return Next::Closed(Closed::BodyFailed),
                    Err(Blocked::Until(at)) => {
                        self.wake = at;
                        return Next::Wait;
                    }
                    Ok(size) => {
                        if self.service == Service::Frame && i32::try_from(size).is_err() {
                            let why = format_args!(
                                "an output of {size} bytes is more than a frame can have: use the message service"
                            );
                            self.exchange.refuse(host, &Refusal::new(Status::TooLarge, why));
                        }
                        host.access(Access::Reply { status: self.exchange.status(), size });
                        self.state = State::Head(HeadWriter::default());
                    }
                },
                State::Head(head) => {
                    let service = self.service;
                    let hashed = service != Service::Frame && !is_sealed;
                    let head = self.exchange.with_fields(host, hashed, |fields| {
                        let fields =
                            if is_sealed { &Fields { md5: None, ..*fields } } else { fields };
                        head.write(space, |output| write_head(service, fields, output))
                    });
                    let Some((len, done)) = head.flatten() else {
                        return Next::Closed(Closed::BodyFailed);
                    };
                    *written = written.saturating_add(len);
                    if !done {
                        return Next::Output;
                    }
                    self.state = State::Body;
                }
                State::Body if self.exchange.left() == 0 => {
                    self.exchange.abort(host);
                    self.state = match self.last {
                        Some(why) => State::Closed(why),
                        None => State::Receiving,
                    };
                }
                State::Body if space.is_empty() => return Next::Output,
                State::Body => match self.exchange.read(host, now, space) {
                    Ok(len) => *written = written.saturating_add(len),
                    Err(Blocked::Failed) => self.state = State::Closed(Closed::BodyFailed),
                    Err(Blocked::Until(at)) => {
                        self.wake = at;
                        // Each piece has the time that an answer has.
                        self.begun |= *written > 0;
                        return Next::Wait;
                    }
                },
            }
        }
    }

    fn echo(&self, input: &mut &[u8], output: &mut [u8], written: &mut usize) -> Next {
        if let State::Closed(why) = self.state {
            return Next::Closed(why);
        }
        let len = copy_upper(input, output);
        *written = len;
        *input = input.get(len..).unwrap_or_default();
        if !input.is_empty() {
            Next::Output
        } else if self.ended {
            Next::Closed(Closed::End)
        } else if self.finishing {
            Next::Closed(Closed::Finished)
        } else {
            Next::Input
        }
    }

    fn phase(&self, next: Next) -> Phase {
        match (next, &self.requests) {
            (Next::Output, _) => Phase::Output,
            (Next::Wait, _) => Phase::Answer,
            (_, Requests::Lines(reader)) if reader.is_between() => Phase::Idle,
            (_, Requests::Lines(_)) => Phase::Header,
            (_, Requests::Messages(reader)) => match reader.place() {
                Place::Between => Phase::Idle,
                Place::Header => Phase::Header,
                Place::Body => Phase::Body,
            },
        }
    }
}

impl<H: Host, const N: usize, const T: usize> Session<H> for Server<H, N, T> {
    fn step(&mut self, now: Instant, host: &mut H, input: &[u8], output: &mut [u8]) -> Step {
        let (mut rest, mut written) = (input, 0);
        (self.begun, self.wake, self.uncounted) = (false, None, input.len());
        if let Requests::Lines(reader) = &mut self.requests {
            reader.received(input);
        }
        let next = self.run(now, host, &mut rest, output, &mut written);
        let mut step = Step { consumed: 0, written, next, deadline: None };
        count_bytes(&mut self.uncounted, host, rest);
        step.consumed = input.len().saturating_sub(rest.len());
        if !matches!(step.next, Next::Closed(_)) {
            let (phase, moved) = (self.phase(step.next), step.consumed > 0 || written > 0);
            match self.timer.check(now, phase, moved, self.begun, &self.limits) {
                Ok(at) => step.deadline = self.wake.into_iter().chain([at]).min(),
                Err(phase) => {
                    host.count(Counter::Timeouts, 1);
                    step.next = Next::Closed(Closed::Timeout(phase));
                }
            }
        }
        if let Next::Closed(why) = step.next {
            self.exchange.abort(host);
            self.state = State::Closed(why);
            step.deadline = Some(self.timer.give_up(now, why, &self.limits));
        }
        step
    }

    fn end(&mut self) {
        self.ended = true;
    }

    fn finish(&mut self) {
        self.finishing = true;
    }

    fn abort(&mut self, host: &mut H) {
        if !matches!(self.state, State::Closed(_)) {
            host.count(Counter::Resets, 1);
            self.exchange.abort(host);
            self.state = State::Closed(Closed::Aborted);
        }
    }
}

impl<H: Host, const N: usize, const T: usize> Serve<H> for Server<H, N, T> {
    fn begin(service: Service, limits: Limits) -> Self {
        Self::with_capacity(service, limits)
    }

    fn is_idle(&self) -> bool {
        matches!(self.state, State::Receiving)
            && match &self.requests {
                Requests::Messages(reader) => self.skipping || reader.place() == Place::Between,
                Requests::Lines(reader) => reader.is_between(),
            }
    }
}

#[cfg(feature = "noise")]
impl<H: Host, const N: usize, const T: usize> Guarded for Server<H, N, T> {
    fn asks_for_key(&self) -> bool {
        self.service == Service::Command
    }

    fn restrict(&mut self, id: u8, role: Role) {
        self.shown = Shown::key(id, role);
        if let Requests::Messages(reader) = &mut self.requests {
            reader.sealed();
        }
    }
}

/// Counts what has been consumed of the input since it was last counted: before each request begins,
/// so that `stats` answers the same however its request was cut.
fn count_bytes<H: Host>(uncounted: &mut usize, host: &mut H, rest: &[u8]) {
    host.count(Counter::Bytes, uncounted.saturating_sub(rest.len()) as u64);
    *uncounted = rest.len();
}

/// Writes what goes before a reply's body. Returns the number of bytes written, or `None` if it does
/// not fit.
fn write_head(service: Service, fields: &Fields<'_>, output: &mut [u8]) -> Option<usize> {
    let head = match service {
        Service::Echo => return Some(0),
        Service::Command => return message::write_header(fields, output),
        Service::Message => {
            let fields = Fields { status: None, exit: None, ..*fields }; // it has no id
            return message::write_header(&fields, output);
        }
        Service::Frame => frame::prefix(usize::try_from(fields.total_size).ok()?).ok()?,
    };
    *output.first_chunk_mut()? = head;
    Some(PREFIX)
}

/// A bare request as text.
fn check_utf8(line: &[u8]) -> Result<&str, Refusal> {
    core::str::from_utf8(line).map_err(|error| {
        let at = number(error.valid_up_to());
        Refusal::new(Status::BadRequest, format_args!("the request is not UTF-8 at byte {at}"))
    })
}

/// The reply to a request of more bytes than that, of which the rest may still have to come.
fn too_long(most: usize) -> Refusal {
    let most = number(most);
    let why = format_args!(
        "the request is over the limit of {most} bytes; all of it, up to a newline, is dropped"
    );
    Refusal::new(Status::TooLarge, why)
}

/// The reply to what plainly belongs to another protocol. It repeats nothing of it: that may be
/// meant for whoever reads the answer.
fn foreign() -> Refusal {
    let why = format_args!("this is no request but another protocol's: goodbye");
    Refusal::new(Status::BadRequest, why)
}

/// Whether there is no request in it.
fn is_blank(input: &[u8]) -> bool {
    input.iter().all(|byte| matches!(byte, b'\r' | b'\n'))
}

/// The line of a request that is a message, decoded where it has escapes.
pub(crate) fn line<'h>(
    header: &Header<'h>,
    decoded: &'h mut StringView,
) -> Result<&'h str, MessageError> {
    if header.status.is_some() {
        return Err(MessageError::Header(HeaderError::Reply));
    }
    let line = header.command.and_then(|command| command.decode(decoded));
    line.ok_or(MessageError::Header(HeaderError::Missing { field: "command" }))
}

/// The reply to a message that breaks a rule.
pub(crate) fn refusal(error: &MessageError) -> Refusal {
    let status = match error {
        MessageError::Frame(FrameError::Oversized { .. }) => Status::TooLarge,
        _ => Status::BadRequest,
    };
    Refusal::new(status, format_args!("{error}"))
}

#[cfg(test)]
mod tests;
