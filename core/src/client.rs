//! The client's side of a connection.

use crate::digest::Digest;
use crate::frame::{self, Decoder, Oversize};
use crate::header::{Fields, Header, Id};
use crate::limits::{HEADER, Limits, REQUEST};
use crate::message::{self, MessageError, Position, Reader, Role, Verdict};
use crate::service::{Head, Service};
use crate::session::{Closed, Next, Phase, Session, Step, Watch};
use crate::time::Instant;
use core::fmt::Write as _;
use heapless::String;

/// What a client session asks and whom it tells: the requests, their bodies, and the replies.
pub trait Caller {
    /// The next request; the same until [`Caller::sent`]. `None` while there is none.
    ///
    /// On the command service the next request is asked for while earlier ones are unanswered; a
    /// caller that wants no more of them on the way than so many gives `None` until then.
    fn request(&mut self) -> Option<Request<'_>>;

    /// The request's head is on its way; next comes its body, or another request.
    fn sent(&mut self);

    /// Writes the next bytes of the request's body; gives how many. 0 before all of it breaks off.
    fn supply(&mut self, output: &mut [u8]) -> usize;

    /// A reply begins: the bytes of its body, and its header where the service has one.
    fn reply(&mut self, size: u64, header: Option<&Header<'_>>);

    /// The next bytes of the reply's body. An error, which the caller keeps, breaks off.
    fn body(&mut self, piece: &[u8]) -> Result<(), Stop>;

    /// The reply is whole.
    fn end(&mut self, verdict: Verdict);
}

/// A caller cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop;

/// A request to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The command and its arguments. The echo service has none: there only the body is sent.
    pub command: &'a str,
    /// Bytes of the body, which bare requests do not have.
    pub size: u64,
    /// The body's digest.
    pub md5: Option<Digest>,
}

/// Asks on one connection of any service; `N` is the header limit in bytes.
///
/// Replies are matched to requests by their order, and on the command service by the ids this
/// session gives: 1, 2, 3. Waiting between requests has no deadline. While replies are outstanding
/// it waits for input only: step it when the caller has another request to send meanwhile.
#[derive(Debug)]
pub struct Client<const N: usize = HEADER> {
    service: Service,
    limits: Limits,
    watch: Watch,
    inbox: Inbox<N>,
    sending: Sending,
    /// Requests begun, and replies ended.
    begun: u64,
    answered: u64,
    refused: bool,
    closed: Option<Closed>,
    ended: bool,
    finishing: bool,
}

#[derive(Debug)]
enum Inbox<const N: usize> {
    Echo { left: u64 },
    Frame(Decoder),
    Message(Reader<N>),
}

#[derive(Clone, Copy, Debug)]
enum Sending {
    Nothing,
    Head(Head),
    Body { left: u64 },
}

impl Sending {
    /// The reply to the request begins: what is not sent yet of it is not wanted. Whether there was
    /// something.
    fn cut_short(&mut self) -> bool {
        !matches!(core::mem::replace(self, Self::Nothing), Self::Nothing)
    }
}

impl<const N: usize> Client<N> {
    /// A session at the start of a connection.
    #[must_use]
    pub fn new(service: Service, limits: Limits) -> Self {
        Self {
            service,
            limits,
            watch: Watch::new(),
            inbox: match service {
                Service::Echo => Inbox::Echo { left: 0 },
                Service::Frame => Inbox::Frame(Decoder::new(frame::MAX, Oversize::Close)),
                Service::Message | Service::Command => Inbox::Message(Reader::new(Role::Reply)),
            },
            sending: Sending::Nothing,
            begun: 0,
            answered: 0,
            refused: false,
            closed: None,
            ended: false,
            finishing: false,
        }
    }

    /// Requests begun whose replies have not ended.
    #[must_use]
    pub fn outstanding(&self) -> u64 {
        self.begun.saturating_sub(self.answered)
    }

    /// Whether a reply is on its way in.
    fn in_reply(&self) -> bool {
        match &self.inbox {
            Inbox::Echo { left } => *left > 0,
            Inbox::Frame(decoder) => decoder.end().is_err(),
            Inbox::Message(reader) => reader.position() != Position::Between,
        }
    }

    /// Takes all of the input.
    fn receive<C: Caller>(&mut self, caller: &mut C, input: &mut &[u8]) -> Result<(), Closed> {
        loop {
            if self.outstanding() == 0 {
                return if input.is_empty() { Ok(()) } else { Err(Closed::Mismatched) };
            }
            match &mut self.inbox {
                Inbox::Echo { left } => {
                    let most = usize::try_from(*left).unwrap_or(usize::MAX);
                    let (piece, rest) = input.split_at_checked(most).unwrap_or((*input, &[]));
                    *input = rest;
                    *left = left.saturating_sub(piece.len() as u64);
                    let done = *left == 0;
                    if !piece.is_empty() {
                        caller.body(piece).map_err(|Stop| Closed::Broken)?;
                    }
                    if !done {
                        return Ok(());
                    }
                    if !matches!(self.sending, Sending::Nothing | Sending::Body { left: 0 }) {
                        return Err(Closed::Mismatched); // an echo of what was not said yet
                    }
                    self.answer(caller, Verdict::Unverified);
                }
                Inbox::Frame(decoder) => {
                    let event = decoder.decode(input);
                    let event = event.map_err(|e| Closed::Protocol(MessageError::Frame(e)))?;
                    let Some(frame::Event::Piece(piece)) = event else { return Ok(()) };
                    if piece.offset == 0 {
                        self.refused |= self.sending.cut_short();
                        caller.reply(u64::from(piece.total), None);
                    }
                    caller.body(piece.bytes).map_err(|Stop| Closed::Broken)?;
                    if piece.is_last() {
                        self.answer(caller, Verdict::Unverified);
                    }
                }
                Inbox::Message(reader) => match reader.read(input).map_err(Closed::Protocol)? {
                    None => return Ok(()),
                    Some(message::Event::Header { header, size }) => {
                        let expected = self.answered.saturating_add(1);
                        if self.service == Service::Command && !carries(&header, expected) {
                            return Err(Closed::Mismatched);
                        }
                        if self.begun == expected {
                            self.refused |= self.sending.cut_short();
                        }
                        caller.reply(size, Some(&header));
                    }
                    Some(message::Event::Body(piece)) => {
                        caller.body(piece).map_err(|Stop| Closed::Broken)?;
                    }
                    Some(message::Event::End(verdict)) => self.answer(caller, verdict),
                },
            }
            if self.refused && !self.in_reply() {
                return Err(Closed::Refused);
            }
        }
    }

    fn answer<C: Caller>(&mut self, caller: &mut C, verdict: Verdict) {
        self.answered = self.answered.saturating_add(1);
        caller.end(verdict);
    }

    /// Gives what there is to send; what it waits for then.
    fn send<C: Caller>(&mut self, caller: &mut C, output: &mut [u8], given: &mut usize) -> Next {
        loop {
            let space = output.get_mut(*given..).unwrap_or_default();
            match &mut self.sending {
                // The peer reads what comes next as the rest of what it refused.
                Sending::Nothing if self.refused => return Next::Input,
                Sending::Nothing => {
                    let waits = self.outstanding() > 0 && self.service != Service::Command;
                    let request = if waits || self.finishing { None } else { caller.request() };
                    let Some(Request { size, .. }) = request else {
                        return if self.outstanding() > 0 { Next::Input } else { Next::Host };
                    };
                    if let Inbox::Echo { left } = &mut self.inbox {
                        *left = size;
                        caller.reply(size, None);
                    }
                    self.begun = self.begun.saturating_add(1);
                    self.sending = Sending::Head(Head::default());
                }
                Sending::Head(head) => {
                    let Some(request) = caller.request() else {
                        return Next::Closed(Closed::Broken);
                    };
                    let (service, id) = (self.service, self.begun);
                    let head = head.give(space, |output| write(service, id, &request, output));
                    let Some((len, done)) = head else {
                        return Next::Closed(Closed::Unsendable);
                    };
                    *given = given.saturating_add(len);
                    if !done {
                        return Next::Output;
                    }
                    self.sending = Sending::Body { left: request.size };
                    caller.sent();
                }
                Sending::Body { left: 0 } => {
                    self.sending = Sending::Nothing;
                    if matches!(self.inbox, Inbox::Echo { left: 0 }) && self.outstanding() > 0 {
                        self.answer(caller, Verdict::Unverified); // nothing in, nothing out
                    }
                }
                Sending::Body { .. } if space.is_empty() => return Next::Output,
                Sending::Body { left } => {
                    let most = usize::try_from(*left).unwrap_or(usize::MAX).min(space.len());
                    let len = caller.supply(space.get_mut(..most).unwrap_or_default());
                    if len == 0 || len > most {
                        return Next::Closed(Closed::Broken);
                    }
                    *left = left.saturating_sub(len as u64);
                    *given = given.saturating_add(len);
                }
            }
        }
    }

    /// The input has ended with `next` still to be done.
    fn at_end(&self, next: Next) -> Next {
        let end = match &self.inbox {
            Inbox::Message(reader) => reader.end(),
            Inbox::Frame(decoder) => decoder.end().map_err(MessageError::Frame),
            Inbox::Echo { left: 0 } => Ok(()),
            Inbox::Echo { left } => Err(MessageError::Truncated { missing: *left }),
        };
        match (end, next) {
            (_, Next::Closed(_)) => next,
            (Err(error), _) => Next::Closed(Closed::Protocol(error)),
            (Ok(()), _) if self.outstanding() > 0 => Next::Closed(Closed::Unanswered),
            (Ok(()), _) => Next::Closed(Closed::End),
        }
    }

    /// What has a deadline; `None` between requests.
    fn phase(&self, next: Next) -> Option<Phase> {
        match (&self.inbox, next) {
            (_, Next::Output) => Some(Phase::Output),
            _ if self.outstanding() == 0 => None,
            (Inbox::Message(reader), _) if reader.position() == Position::Header => {
                Some(Phase::Header)
            }
            _ if self.in_reply() => Some(Phase::Body),
            _ => Some(Phase::Answer),
        }
    }
}

impl<C: Caller, const N: usize> Session<C> for Client<N> {
    fn step(&mut self, now: Instant, caller: &mut C, input: &[u8], output: &mut [u8]) -> Step {
        if let Some(why) = self.closed {
            let deadline = Some(self.watch.give_up(now, why, &self.limits));
            return Step { taken: 0, given: 0, next: Next::Closed(why), deadline };
        }
        let (mut rest, mut given) = (input, 0);
        let before = (self.begun, self.answered);
        let mut next = match self.receive(caller, &mut rest) {
            Err(why) => Next::Closed(why),
            Ok(()) => self.send(caller, output, &mut given),
        };
        if self.ended {
            next = self.at_end(next);
        } else if self.finishing && next == Next::Host {
            next = Next::Closed(Closed::Finished);
        }
        let taken = input.len().saturating_sub(rest.len());
        let mut deadline = None;
        if let Some(phase) = self.phase(next)
            && !matches!(next, Next::Closed(_))
        {
            let moved = taken > 0 || given > 0;
            let begun = before != (self.begun, self.answered);
            match self.watch.check(now, phase, moved, begun, &self.limits) {
                Ok(at) => deadline = Some(at),
                Err(phase) => next = Next::Closed(Closed::Timeout(phase)),
            }
        }
        if let Next::Closed(why) = next {
            self.closed = Some(why);
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

    fn abort(&mut self, _: &mut C) {
        self.closed.get_or_insert(Closed::Aborted);
    }
}

/// Whether a reply answers the request of that id. A failure may have none: then the id could not be
/// read (rule C2).
fn carries(header: &Header<'_>, id: u64) -> bool {
    match header.id {
        Some(seen) => seen.raw().parse() == Ok(id),
        None => header.status.is_some_and(|status| status != *"ok"),
    }
}

/// Writes what goes before a request's body; gives its bytes, or `None` if it does not fit.
fn write(service: Service, id: u64, request: &Request<'_>, output: &mut [u8]) -> Option<usize> {
    match service {
        Service::Echo => Some(0),
        Service::Frame | Service::Message => {
            // One request, whatever the peer cuts at (rule B1).
            let line = request.command.as_bytes();
            let whole = (1..=REQUEST).contains(&line.len()) && request.size == 0;
            if !whole || line.contains(&b'\n') || line.ends_with(b"\r") {
                return None;
            }
            output.get_mut(..line.len())?.copy_from_slice(line);
            Some(line.len())
        }
        Service::Command => {
            let mut raw = String::<20>::new();
            write!(raw, "{id}").ok()?;
            let fields = Fields {
                id: Id::parse(&raw).ok(),
                command: Some(request.command),
                total_size: request.size,
                md5: request.md5,
                ..Fields::default()
            };
            message::write_header(&fields, output)
        }
    }
}

#[cfg(test)]
mod tests;
