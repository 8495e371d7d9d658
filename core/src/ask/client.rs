//! The client's side of a connection.

use super::request::{Request, RequestError, answers};
use crate::endpoint::Service;
use crate::limits::{HEADER, Limits};
use crate::session::{Closed, HeadWriter, Next, Phase, Session, Step, Timer};
use crate::time::Instant;
use crate::wire::digest::Digester;
use crate::wire::frame::{self, Decoder, Oversize};
use crate::wire::header::Header;
use crate::wire::message::{self, Integrity, Kind, MessageError, Place, Reader};

/// Supplies the requests of a client session, and receives the replies.
///
/// Requests are counted from 0 for as long as the connection lasts, and the reply to each has its
/// number. So a list of requests is asked by `self.list.get(index)`:
///
/// ```
/// use unstick::{Caller, Cancelled, ReplyEvent, Request};
///
/// struct Asker {
///     answers: Vec<String>,
/// }
///
/// impl Caller for Asker {
///     fn request(&mut self, index: u64) -> Option<Request<'_>> {
///         ["upper hello", "uptime"].get(index as usize).map(|command| Request::new(command))
///     }
///
///     fn reply(&mut self, index: u64, event: ReplyEvent<'_>) -> Result<(), Cancelled> {
///         match event {
///             ReplyEvent::Begin { .. } => self.answers.push(String::new()),
///             ReplyEvent::Body(piece) => {
///                 self.answers[index as usize] += std::str::from_utf8(piece).map_err(|_| Cancelled)?;
///             }
///             ReplyEvent::End(_) => {}
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait Caller {
    /// The request of that number, the same each time it is asked for; `None` while there is none.
    ///
    /// On the command service it is asked for while earlier ones are unanswered; a caller that wants
    /// no more of them on the way than so many returns `None` until then.
    fn request(&mut self, index: u64) -> Option<Request<'_>>;

    /// Takes what came of the reply to the request of that number. An error, which the caller keeps,
    /// ends the session.
    fn reply(&mut self, index: u64, event: ReplyEvent<'_>) -> Result<(), Cancelled>;

    /// Writes the next bytes of the request's body to `output`, which is not empty. Returns how many;
    /// 0 before the request's size is reached ends the session.
    fn supply(&mut self, index: u64, output: &mut [u8]) -> usize {
        let _ = (index, output);
        0
    }

    /// Who makes the digests of replies' bodies; by default `None`, and the session does.
    fn digester(&mut self) -> Option<&mut dyn Digester> {
        None
    }
}

/// What came of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyEvent<'a> {
    /// It begins.
    Begin {
        /// The number of bytes of its body.
        size: u64,
        /// Its header, where the service has one.
        header: Option<Header<'a>>,
    },
    /// The next bytes of its body, at least one.
    Body(&'a [u8]),
    /// It is whole.
    End(Integrity),
}

/// A caller cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancelled;

/// Asks on one connection of any service; `N` is the header limit in bytes.
///
/// Replies are matched to requests by their order, and on the command service by ids: 1, 2, 3 and so
/// on. Waiting between requests has no deadline. While replies are outstanding it waits for input
/// only: step it when the caller has another request to send meanwhile.
#[derive(Debug)]
pub struct Client<const N: usize = HEADER> {
    service: Service,
    limits: Limits,
    timer: Timer,
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
    Head(HeadWriter),
    Body { left: u64 },
}

impl Sending {
    /// The reply to the request begins: what is not sent yet of it is not wanted. Whether there was
    /// something.
    fn cut_short(&mut self) -> bool {
        !matches!(core::mem::replace(self, Self::Nothing), Self::Nothing)
    }
}

impl Client {
    /// A session at the start of a connection, with the default limit of headers.
    #[must_use]
    pub fn new(service: Service, limits: Limits) -> Self {
        Self::with_capacity(service, limits)
    }
}

impl<const N: usize> Client<N> {
    /// A session at the start of a connection, with room for headers of `N` bytes.
    #[must_use]
    pub fn with_capacity(service: Service, limits: Limits) -> Self {
        Self {
            service,
            limits,
            timer: Timer::new(),
            inbox: match service {
                Service::Echo => Inbox::Echo { left: 0 },
                Service::Frame => Inbox::Frame(Decoder::new(frame::MAX, Oversize::Close)),
                Service::Message | Service::Command => Inbox::Message(Reader::new(Kind::Reply)),
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

    /// Asks for nothing more: [`Session::finish`], which for a client needs no caller to be named.
    pub const fn finish(&mut self) {
        self.finishing = true;
    }

    /// The number of requests begun whose replies have not ended.
    #[must_use]
    pub fn outstanding(&self) -> u64 {
        self.begun.saturating_sub(self.answered)
    }

    /// Whether a reply is on its way in.
    fn in_reply(&self) -> bool {
        match &self.inbox {
            Inbox::Echo { left } => *left > 0,
            Inbox::Frame(decoder) => decoder.end().is_err(),
            Inbox::Message(reader) => reader.place() != Place::Between,
        }
    }

    /// Consumes all of the input.
    fn receive<C: Caller>(&mut self, caller: &mut C, input: &mut &[u8]) -> Result<(), Closed> {
        loop {
            if self.outstanding() == 0 {
                return if input.is_empty() { Ok(()) } else { Err(Closed::WrongReply) };
            }
            let index = self.answered;
            match &mut self.inbox {
                Inbox::Echo { left } => {
                    let most = usize::try_from(*left).unwrap_or(usize::MAX);
                    let (piece, rest) = input.split_at_checked(most).unwrap_or((*input, &[]));
                    *input = rest;
                    *left = left.saturating_sub(piece.len() as u64);
                    let done = *left == 0;
                    tell_body(caller, index, piece)?;
                    if !done {
                        return Ok(());
                    }
                    if !matches!(self.sending, Sending::Nothing | Sending::Body { left: 0 }) {
                        return Err(Closed::WrongReply); // an echo of what was not said yet
                    }
                    self.answer(caller, Integrity::Unverified)?;
                }
                Inbox::Frame(decoder) => {
                    let event = decoder.decode(input);
                    let event = event.map_err(|e| Closed::Protocol(MessageError::Frame(e)))?;
                    let Some(frame::Event::Piece(piece)) = event else { return Ok(()) };
                    if piece.offset == 0 {
                        self.refused |= self.sending.cut_short();
                        let size = u64::from(piece.total);
                        tell(caller, index, ReplyEvent::Begin { size, header: None })?;
                    }
                    tell_body(caller, index, piece.bytes)?;
                    if piece.is_last() {
                        self.answer(caller, Integrity::Unverified)?;
                    }
                }
                Inbox::Message(reader) => {
                    match reader.read_with(caller.digester(), input).map_err(Closed::Protocol)? {
                        None => return Ok(()),
                        Some(message::Event::Header { header, size }) => {
                            let id = index.saturating_add(1);
                            if self.service == Service::Command && !answers(&header, id) {
                                return Err(Closed::WrongReply);
                            }
                            if self.begun == id {
                                self.refused |= self.sending.cut_short();
                            }
                            tell(caller, index, ReplyEvent::Begin { size, header: Some(header) })?;
                        }
                        Some(message::Event::Body(piece)) => tell_body(caller, index, piece)?,
                        Some(message::Event::End(end)) => self.answer(caller, end.integrity)?,
                    }
                }
            }
            if self.refused && !self.in_reply() {
                return Err(Closed::Refused);
            }
        }
    }

    fn answer<C: Caller>(&mut self, caller: &mut C, integrity: Integrity) -> Result<(), Closed> {
        let index = self.answered;
        self.answered = index.saturating_add(1);
        tell(caller, index, ReplyEvent::End(integrity))
    }

    /// Writes what there is to send. Returns what it waits for then.
    fn send<C: Caller>(
        &mut self,
        caller: &mut C,
        output: &mut [u8],
        written: &mut usize,
    ) -> Result<Next, Closed> {
        let service = self.service;
        loop {
            let space = output.get_mut(*written..).unwrap_or_default();
            match &mut self.sending {
                // The peer reads what comes next as the rest of what it refused.
                Sending::Nothing if self.refused => return Ok(Next::Input),
                Sending::Nothing => {
                    let waits = self.outstanding() > 0 && service != Service::Command;
                    let index = self.begun;
                    let request =
                        if waits || self.finishing { None } else { caller.request(index) };
                    let Some(Request { size, .. }) = request else {
                        return Ok(if self.outstanding() > 0 { Next::Input } else { Next::Wait });
                    };
                    self.begun = index.saturating_add(1);
                    self.sending = Sending::Head(HeadWriter::default());
                    if let Inbox::Echo { left } = &mut self.inbox {
                        *left = size;
                        tell(caller, index, ReplyEvent::Begin { size, header: None })?;
                    }
                }
                Sending::Head(head) => {
                    let id = self.begun;
                    let request = caller.request(id.saturating_sub(1)).ok_or(Closed::BodyFailed)?;
                    // What a header has no room for shows when it is written.
                    if service != Service::Command {
                        request.check(service).map_err(Closed::Unsendable)?;
                    }
                    let head = head.write(space, |output| request.write(service, id, output));
                    let Some((len, done)) = head else {
                        let len = request.line.len();
                        let why = RequestError::TooLong { service, len };
                        return Err(Closed::Unsendable(
                            request.check(service).err().unwrap_or(why),
                        ));
                    };
                    *written = written.saturating_add(len);
                    if !done {
                        return Ok(Next::Output);
                    }
                    self.sending = Sending::Body { left: request.size };
                }
                Sending::Body { left: 0 } => {
                    self.sending = Sending::Nothing;
                    if matches!(self.inbox, Inbox::Echo { left: 0 }) {
                        self.answer(caller, Integrity::Unverified)?; // nothing in, nothing out
                    }
                }
                Sending::Body { .. } if space.is_empty() => return Ok(Next::Output),
                Sending::Body { left } => {
                    let most = usize::try_from(*left).unwrap_or(usize::MAX).min(space.len());
                    let space = space.get_mut(..most).unwrap_or_default();
                    let len = caller.supply(self.begun.saturating_sub(1), space);
                    if len == 0 || len > most {
                        return Err(Closed::BodyFailed);
                    }
                    *left = left.saturating_sub(len as u64);
                    *written = written.saturating_add(len);
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
            Inbox::Echo { left } => Err(MessageError::Incomplete { missing: *left }),
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
            (Inbox::Message(reader), _) if reader.place() == Place::Header => Some(Phase::Header),
            _ if self.in_reply() => Some(Phase::Body),
            _ => Some(Phase::Answer),
        }
    }
}

impl<C: Caller, const N: usize> Session<C> for Client<N> {
    fn step(&mut self, now: Instant, caller: &mut C, input: &[u8], output: &mut [u8]) -> Step {
        if let Some(why) = self.closed {
            let deadline = Some(self.timer.give_up(now, why, &self.limits));
            return Step { consumed: 0, written: 0, next: Next::Closed(why), deadline };
        }
        let (mut rest, mut written) = (input, 0);
        let before = (self.begun, self.answered);
        let done =
            self.receive(caller, &mut rest).and_then(|()| self.send(caller, output, &mut written));
        let mut next = done.unwrap_or_else(Next::Closed);
        if self.ended {
            next = self.at_end(next);
        } else if self.finishing && next == Next::Wait {
            next = Next::Closed(Closed::Finished);
        }
        let consumed = input.len().saturating_sub(rest.len());
        let mut deadline = None;
        if let Some(phase) = self.phase(next)
            && !matches!(next, Next::Closed(_))
        {
            let moved = consumed > 0 || written > 0;
            let begun = before != (self.begun, self.answered);
            match self.timer.check(now, phase, moved, begun, &self.limits) {
                Ok(at) => deadline = Some(at),
                Err(phase) => next = Next::Closed(Closed::Timeout(phase)),
            }
        }
        if let Next::Closed(why) = next {
            self.closed = Some(why);
            deadline = Some(self.timer.give_up(now, why, &self.limits));
        }
        Step { consumed, written, next, deadline }
    }

    fn end(&mut self) {
        self.ended = true;
    }

    fn finish(&mut self) {
        self.finish();
    }

    fn abort(&mut self, _: &mut C) {
        self.closed.get_or_insert(Closed::Aborted);
    }
}

fn tell<C: Caller>(caller: &mut C, index: u64, event: ReplyEvent<'_>) -> Result<(), Closed> {
    caller.reply(index, event).map_err(|Cancelled| Closed::BodyFailed)
}

fn tell_body<C: Caller>(caller: &mut C, index: u64, piece: &[u8]) -> Result<(), Closed> {
    if piece.is_empty() { Ok(()) } else { tell(caller, index, ReplyEvent::Body(piece)) }
}

#[cfg(test)]
mod tests;
