//! The server's side of a connection.

use crate::bytes::copy_upper;
use crate::command::Terms;
use crate::exchange::{Broken, Exchange};
use crate::frame::FrameError;
use crate::header::{Header, HeaderError};
use crate::host::{Event, Host};
use crate::limits::{HEADER, Limits, REQUEST, TEXT};
use crate::message::{self, MessageError, Position, Reader, Role};
use crate::reply::{Refusal, Status, Text};
use crate::service::{Head, Service};
use crate::session::{Closed, Next, Phase, Session, Step, Watch};
use crate::time::Instant;
use core::task::Poll;
use heapless::String;

/// Serves one connection of any service.
///
/// `N` is the header limit and `T` the longest text a command can write, both in bytes; the session
/// is about their sum and 500 bytes more. Requests are answered in their order; while an answer is
/// on its way out no further request is taken, so a peer that does not read sends no faster.
pub struct Server<H: Host, const N: usize = HEADER, const T: usize = TEXT> {
    service: Service,
    limits: Limits,
    watch: Watch,
    reader: Reader<N>,
    exchange: Exchange<H, T>,
    state: State,
    /// Why to close once the reply is out.
    last: Option<Closed>,
    /// Whether a request began in this step.
    begun: bool,
    /// Bytes of this step's input that are not counted yet.
    uncounted: usize,
    ended: bool,
    finishing: bool,
}

#[derive(Clone, Copy)]
enum State {
    Receiving,
    /// The request is whole, the answer not known.
    Waiting,
    Head(Head),
    Body,
    Closed(Closed),
}

impl<H: Host, const N: usize, const T: usize> Server<H, N, T> {
    /// A session at the start of a connection.
    #[must_use]
    pub fn new(service: Service, limits: Limits) -> Self {
        Self {
            service,
            limits,
            watch: Watch::new(),
            reader: Reader::new(Role::Request),
            exchange: Exchange::new(),
            state: State::Receiving,
            last: None,
            begun: false,
            uncounted: 0,
            ended: false,
            finishing: false,
        }
    }

    /// Whether nothing was begun that is not done.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Receiving) && self.reader.position() == Position::Between
    }

    /// Takes a request; `None` once it is whole or refused, and the answer is next.
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

    /// A bare request (rule B1): a line, or all that one receive delivered after the last line.
    fn receive_line(&mut self, now: Instant, host: &mut H, input: &mut &[u8]) -> Option<Next> {
        loop {
            if input.is_empty() {
                return Some(Next::Input);
            }
            let newline = input.iter().position(|byte| *byte == b'\n');
            let (line, rest) = match newline.and_then(|at| input.split_at_checked(at)) {
                Some((line, rest)) => (line, rest.get(1..).unwrap_or_default()),
                None => (*input, &[][..]),
            };
            *input = rest;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if !line.is_empty() {
                count_taken(&mut self.uncounted, host, input);
                let terms = Terms { now, body: None, at_once: false, header: N };
                self.exchange.begin(host, None, check_line(line), terms);
                self.begun = true;
                self.state = State::Waiting;
                return None;
            }
        }
    }

    fn receive_message(&mut self, now: Instant, host: &mut H, input: &mut &[u8]) -> Option<Next> {
        let Self { reader, exchange, limits, uncounted, .. } = self;
        let error = loop {
            match reader.read(input) {
                Ok(Some(message::Event::Header { header, size })) => {
                    count_taken(uncounted, host, input);
                    let mut decoded = String::<N>::new();
                    let line = line(&header, &mut decoded).map_err(|error| refusal(&error));
                    let terms = Terms { now, body: Some(size), at_once: false, header: N };
                    exchange.begin(host, header.id, line, terms);
                    self.begun = true;
                    if size > 0 && exchange.drops_body() && !limits.oversize.skips(size) {
                        self.last = Some(Closed::Oversized { declared: size });
                        self.state = State::Waiting;
                        return None;
                    }
                }
                Ok(Some(message::Event::Body(piece))) => {
                    if exchange.take(host, piece).is_err() {
                        let left = reader.left();
                        if !limits.oversize.skips(left) {
                            self.last = Some(Closed::Oversized { declared: left });
                            self.state = State::Waiting;
                            return None;
                        }
                    }
                }
                Ok(Some(message::Event::End(verdict))) => {
                    exchange.taken(host, verdict);
                    self.state = State::Waiting;
                    return None;
                }
                Ok(None) if self.ended => match reader.end() {
                    Ok(()) => return Some(Next::Closed(Closed::End)),
                    Err(error) => break error,
                },
                Ok(None) => return Some(Next::Input),
                Err(error) => break error,
            }
        };
        // The next request's start is not known: answer, then close. Of a request cut short in its
        // body the id is known, and stays.
        if reader.position() != Position::Body {
            exchange.forget_id();
        }
        exchange.refuse(host, &refusal(&error));
        self.last = Some(Closed::Protocol(error));
        self.state = State::Waiting;
        None
    }

    /// Does all that input and output allow; gives what stopped it.
    fn run(
        &mut self,
        now: Instant,
        host: &mut H,
        input: &mut &[u8],
        output: &mut [u8],
        given: &mut usize,
    ) -> Next {
        if self.service == Service::Echo {
            return self.echo(input, output, given);
        }
        loop {
            let space = output.get_mut(*given..).unwrap_or_default();
            match &mut self.state {
                State::Closed(why) => return Next::Closed(*why),
                State::Receiving => {
                    if let Some(next) = self.receive(now, host, input) {
                        return next;
                    }
                }
                State::Waiting => match self.exchange.poll(host) {
                    Poll::Pending => return Next::Host,
                    Poll::Ready(size) => {
                        if self.service == Service::Frame && i32::try_from(size).is_err() {
                            let why = format_args!(
                                "an output of {size} bytes is more than a frame can have: use the message service"
                            );
                            self.exchange.refuse(host, &Refusal::new(Status::TooLarge, why));
                        }
                        self.state = State::Head(Head::default());
                    }
                },
                State::Head(head) => {
                    let service = self.service;
                    let hashed = service != Service::Frame;
                    let head = self.exchange.with_fields(host, hashed, |fields| {
                        head.give(space, |output| service.write_head(fields, output))
                    });
                    let Some((len, done)) = head.flatten() else {
                        return Next::Closed(Closed::Broken);
                    };
                    *given = given.saturating_add(len);
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
                State::Body => match self.exchange.read(host, space) {
                    Ok(len) => *given = given.saturating_add(len),
                    Err(Broken) => self.state = State::Closed(Closed::Broken),
                },
            }
        }
    }

    fn echo(&self, input: &mut &[u8], output: &mut [u8], given: &mut usize) -> Next {
        if let State::Closed(why) = self.state {
            return Next::Closed(why);
        }
        let len = copy_upper(input, output);
        *given = len;
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
        match (next, self.reader.position()) {
            (Next::Output, _) => Phase::Output,
            (Next::Host, _) => Phase::Answer,
            (_, Position::Between) => Phase::Idle,
            (_, Position::Header) => Phase::Header,
            (_, Position::Body) => Phase::Body,
        }
    }
}

impl<H: Host, const N: usize, const T: usize> Session<H> for Server<H, N, T> {
    fn step(&mut self, now: Instant, host: &mut H, input: &[u8], output: &mut [u8]) -> Step {
        let (mut rest, mut given) = (input, 0);
        (self.begun, self.uncounted) = (false, input.len());
        let mut next = self.run(now, host, &mut rest, output, &mut given);
        count_taken(&mut self.uncounted, host, rest);
        let taken = input.len().saturating_sub(rest.len());
        let moved = taken > 0 || given > 0;
        let mut deadline = None;
        if !matches!(next, Next::Closed(_)) {
            match self.watch.check(now, self.phase(next), moved, self.begun, &self.limits) {
                Ok(at) => deadline = Some(at),
                Err(phase) => {
                    host.count(Event::Timeouts, 1);
                    next = Next::Closed(Closed::Timeout(phase));
                }
            }
        }
        if let Next::Closed(why) = next {
            if !matches!(self.state, State::Closed(_)) {
                debug!("session closed: {}", why);
            }
            self.exchange.abort(host);
            self.state = State::Closed(why);
            deadline = Some(self.watch.give_up(now, why, &self.limits));
        }
        Step { taken, given, next, deadline }
    }

    fn end(&mut self) {
        self.ended = true;
    }

    fn finish(&mut self) {
        self.finishing = true;
    }

    fn abort(&mut self, host: &mut H) {
        if !matches!(self.state, State::Closed(_)) {
            host.count(Event::Resets, 1);
            self.exchange.abort(host);
            self.state = State::Closed(Closed::Aborted);
        }
    }
}

/// Counts what has been taken of the input since it was last counted: before each request begins,
/// so that `stats` tells the same however its request was cut.
fn count_taken<H: Host>(uncounted: &mut usize, host: &mut H, rest: &[u8]) {
    host.count(Event::Bytes, uncounted.saturating_sub(rest.len()) as u64);
    *uncounted = rest.len();
}

/// A bare request as text, within its limit.
fn check_line(line: &[u8]) -> Result<&str, Refusal> {
    if line.len() > REQUEST {
        let why = format_args!("a request of {} bytes is over the limit of {REQUEST}", line.len());
        return Err(Refusal::new(Status::TooLarge, why));
    }
    core::str::from_utf8(line).map_err(|error| {
        let at = error.valid_up_to();
        Refusal::new(Status::BadRequest, format_args!("the request is not UTF-8 at byte {at}"))
    })
}

/// The line of a request that is a message, decoded where it has escapes.
pub(crate) fn line<'h>(
    header: &Header<'h>,
    decoded: &'h mut Text,
) -> Result<&'h str, MessageError> {
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
