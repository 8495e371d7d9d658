//! One request and its reply, however they are framed.

use super::command::{self, Answer, Body, Call, Command, Outcome, Run, Shown};
use super::host::{Access, Counter, Host, SinkOf, SourceOf};
use super::reply::{Refusal, Status};
use super::store::Store;
use super::task::{Progress, Task};
use super::text::Text;
use crate::bytes::{copy, number};
use crate::limits::{ID, Limits};
use crate::time::Instant;
use crate::wire::digest::{Digest, Hasher};
use crate::wire::header::{Fields, Id};
use crate::wire::message::{End, Integrity};
use core::task::Poll;
use heapless::String;

/// Begins with a request's line, takes its body, and ends with the reply's last byte.
///
/// What a host lent (a source, a sink, a task) is held here and nowhere else, so that
/// [`Exchange::abort`] always finds it.
pub(crate) struct Exchange<H: Host, const TEXT: usize> {
    /// The request's id as it stands in its header; empty where there is none.
    id: String<ID>,
    status: Status,
    /// Whether the command that ran may have changed something.
    changes: bool,
    text: [u8; TEXT],
    /// Bytes of the text that are written.
    len: usize,
    state: State<H>,
}

enum State<H: Host> {
    /// The text is the reply.
    Text { sent: usize },
    /// The request's body is collected at the end of the text, from `start` on behind its line: the
    /// name and the arguments, which have this many bytes.
    Collecting { run: Run<H>, start: usize, name: usize, args: usize, size: Option<u64> },
    /// The request's body goes here.
    Sink(SinkOf<H>),
    /// The reply comes from here.
    Source { source: SourceOf<H>, left: u64 },
    /// The request's body goes here, and the reply comes from here through the text: so many bytes
    /// have still to be asked for, and so many of the text have been sent.
    Task { task: H::Task, left: u64, sent: usize },
}

/// Where a request came by: what a [`Call`] says besides the request itself.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'l> {
    /// Bytes of the longest header.
    pub(crate) header: usize,
    /// The session's; `None` where there is no session, and nothing waits.
    pub(crate) limits: Option<&'l Limits>,
    pub(crate) shown: Shown,
}

impl<'a> Origin<'a> {
    const fn call(
        self,
        name: &'a str,
        args: &'a str,
        body: &'a [u8],
        size: Option<u64>,
        now: Instant,
    ) -> Call<'a> {
        let Self { header, limits, shown } = self;
        Call { name, args, body, size, at_once: limits.is_none(), header, limits, now, shown }
    }
}

/// Why there is nothing to send now.
#[derive(Debug)]
pub(crate) enum Blocked {
    /// The host is not ready; to be asked again when it is, or at this time.
    Until(Option<Instant>),
    /// The reply broke off.
    Failed,
}

/// The request's body has just been refused.
#[derive(Debug)]
pub(crate) struct BodyRefused;

impl<H: Host, const TEXT: usize> Exchange<H, TEXT> {
    pub(crate) const fn new() -> Self {
        let state = State::Text { sent: 0 };
        Self {
            id: String::new(),
            status: Status::Ok,
            changes: false,
            text: [0; TEXT],
            len: 0,
            state,
        }
    }

    /// Starts over with a request: its id, its line or why there is none, and the number of bytes of its
    /// body, `None` where requests have none.
    pub(crate) fn begin(
        &mut self,
        host: &mut H,
        now: Instant,
        id: Option<Id<'_>>,
        line: Result<&str, Refusal>,
        size: Option<u64>,
        origin: Origin<'_>,
    ) {
        self.abort(host);
        self.id.clear();
        // An id is never longer than that: it has been parsed.
        let _ = self.id.push_str(id.map_or("", Id::raw));
        (self.status, self.changes) = (Status::Ok, false);
        self.len = 0;
        host.count(Counter::Frames, 1);
        host.access(Access::Request(line.as_ref().copied()));
        // A refusal is long: it is lent, and not moved.
        match line {
            Err(refusal) => self.refuse(host, &refusal),
            Ok(line) => self.start(host, now, line, size, origin),
        }
        if size.is_none() {
            let end = End { integrity: Integrity::Unverified, digest: None };
            self.body_end(host, now, end, origin);
        }
    }

    /// Runs a command, or makes ready to collect the body that it wants to see.
    fn start(
        &mut self,
        host: &mut H,
        now: Instant,
        line: &str,
        size: Option<u64>,
        origin: Origin<'_>,
    ) {
        let (row, name, args) = match command::look_up(host, line, size, origin.shown) {
            Ok(found) => found,
            Err(refusal) => return self.refuse(host, &refusal),
        };
        let Command { run, body, changes, .. } = *row;
        self.changes = changes;
        if let Body::Optional | Body::Required = body {
            if let Err(refusal) = self.collect(run, name, args, size) {
                self.refuse(host, &refusal);
            }
            return;
        }
        let call = origin.call(name, args, &[], size, now);
        let mut text = Text::new(&mut self.text);
        let outcome = run(host, &call, &mut text);
        self.len = text.len();
        self.take_answer(host, outcome);
    }

    /// Keeps a request's line where its body is to follow.
    fn collect(
        &mut self,
        run: Run<H>,
        name: &str,
        args: &str,
        size: Option<u64>,
    ) -> Result<(), Refusal> {
        let line = name.len().saturating_add(args.len());
        let room = most_collected(TEXT).saturating_sub(line);
        let len = size.unwrap_or_default();
        let fits = usize::try_from(len).ok().filter(|len| *len <= room);
        let start = fits.and_then(|len| TEXT.checked_sub(line.saturating_add(len)));
        let Some(start) = start else {
            let room = number(room);
            let why = format_args!("a body of {len} bytes is over the limit of {room}");
            return Err(Refusal::new(Status::TooLarge, why));
        };
        let mut text = Text::resume(&mut self.text, start);
        text.write_bytes(name.as_bytes())?;
        text.write_bytes(args.as_bytes())?;
        self.len = text.len();
        self.state = State::Collecting { run, start, name: name.len(), args: args.len(), size };
        Ok(())
    }

    /// Runs a command with the body that has been collected; its answer goes before that.
    fn run_collected(
        &mut self,
        host: &mut H,
        now: Instant,
        run: Run<H>,
        (start, name, args): (usize, usize, usize),
        size: Option<u64>,
        origin: Origin<'_>,
    ) {
        let (space, kept) = self.text.split_at_mut_checked(start).unwrap_or_default();
        let mut answer = Text::new(space);
        let (name, rest) = kept.split_at_checked(name).unwrap_or_default();
        let (args, body) = rest.split_at_checked(args).unwrap_or_default();
        // It was text when it was kept.
        let [name, args] = [name, args].map(|it| core::str::from_utf8(it).unwrap_or_default());
        let call = origin.call(name, args, body, size, now);
        let outcome = match run(host, &call, &mut answer) {
            Ok(Answer::Sink(sink)) => {
                host.store().discard(sink);
                Err(Refusal::new(Status::Failed, format_args!("the body has been taken already")))
            }
            outcome => outcome,
        };
        self.len = answer.len();
        self.take_answer(host, outcome);
    }

    fn take_answer(&mut self, host: &mut H, outcome: Outcome<H>) {
        self.state = match outcome {
            Ok(Answer::Text) => return,
            Ok(Answer::Source(source)) => State::Source { source, left: 0 },
            Ok(Answer::Sink(sink)) => State::Sink(sink),
            Ok(Answer::Task(task)) => State::Task { task, left: 0, sent: 0 },
            Err(refusal) => return self.refuse(host, &refusal),
        }
    }

    /// Makes this the reply, whatever was to be.
    pub(crate) fn refuse(&mut self, host: &mut H, refusal: &Refusal) {
        self.abort(host);
        self.status = refusal.status;
        // A text smaller than a reason gets what fits of it.
        let fits = refusal.reason.floor_char_boundary(TEXT);
        let fits = refusal.reason.get(..fits).unwrap_or_default();
        self.len = copy(fits.as_bytes(), &mut self.text);
        host.count(
            match refusal.status {
                Status::TooLarge => Counter::Oversized,
                Status::Truncated => Counter::Truncated,
                Status::Denied => Counter::Denied,
                Status::Busy => Counter::Busy,
                Status::Failed => Counter::Failed,
                Status::Ok | Status::UnknownCommand | Status::BadRequest => Counter::Rejected,
            },
            1,
        );
    }

    /// Whether the reply is that of a command which may have changed something, and has not failed.
    pub(crate) fn has_changed(&self) -> bool {
        self.changes && self.status == Status::Ok
    }

    /// The status of the reply, once [`Exchange::poll`] has been ready.
    pub(crate) const fn status(&self) -> Status {
        self.status
    }

    /// The reply belongs to no request that could be read.
    pub(crate) fn forget_id(&mut self) {
        self.id.clear();
    }

    /// Whether the request's body goes nowhere.
    pub(crate) fn drops_body(&self) -> bool {
        matches!(self.state, State::Text { .. } | State::Source { .. })
    }

    /// Takes the next bytes of the request's body; an error if they are the first to be refused.
    pub(crate) fn body_piece(&mut self, host: &mut H, piece: &[u8]) -> Result<(), BodyRefused> {
        let mut text = Text::resume(&mut self.text, self.len);
        let result = match &mut self.state {
            State::Sink(sink) => host.store().write(sink, piece),
            State::Task { task, .. } => task.body(host, piece, &mut text),
            State::Collecting { .. } => text.write_bytes(piece).map_err(Refusal::from),
            State::Text { .. } | State::Source { .. } => Ok(()),
        };
        self.len = text.len();
        result.map_err(|refusal| {
            self.refuse(host, &refusal);
            BodyRefused
        })
    }

    /// The request's body is whole.
    pub(crate) fn body_end(&mut self, host: &mut H, now: Instant, end: End, origin: Origin<'_>) {
        if self.drops_body() {
            return; // what the reply comes from stays
        }
        let result = match (end.integrity, &self.state) {
            (Integrity::Mismatch { declared, actual }, _) => Err(mismatch(declared, actual)),
            (_, State::Collecting { run, start, name, args, size }) => {
                let (run, line, size) = (*run, (*start, *name, *args), *size);
                self.state = State::Text { sent: 0 };
                return self.run_collected(host, now, run, line, size, origin);
            }
            (_, State::Sink(_)) => {
                // A body without bytes has not been hashed; of one that was sealed nobody asks.
                let empty = || Hasher::default().finish().filter(|_| !origin.shown.is_sealed());
                self.commit(host, end.digest.or_else(empty))
            }
            _ => Ok(()),
        };
        if let Err(refusal) = result {
            self.refuse(host, &refusal);
        }
    }

    fn commit(&mut self, host: &mut H, digest: Option<Digest>) -> Result<(), Refusal> {
        match core::mem::replace(&mut self.state, State::Text { sent: 0 }) {
            State::Sink(sink) => host.store().commit(sink, digest),
            _ => Ok(()),
        }
    }

    /// Asks for the reply; once it is known, the number of bytes of its body.
    pub(crate) fn poll(&mut self, host: &mut H, now: Instant) -> Result<u64, Blocked> {
        let refusal = match &mut self.state {
            State::Text { .. } | State::Sink(_) | State::Collecting { .. } => {
                return Ok(self.len as u64);
            }
            State::Source { source, left } => match host.store().poll(source) {
                Poll::Pending => return Err(Blocked::Until(None)),
                Poll::Ready(Ok(meta)) => {
                    *left = meta.size;
                    self.status = meta.status;
                    return Ok(meta.size);
                }
                Poll::Ready(Err(refusal)) => refusal,
            },
            State::Task { task, left, sent } => {
                let mut text = Text::resume(&mut self.text, self.len);
                let progress = task.poll(host, now, &mut text);
                self.len = text.len();
                match progress {
                    Ok(Progress::WaitUntil(at)) => return Err(Blocked::Until(Some(at))),
                    Ok(Progress::Wait) => return Err(Blocked::Until(None)),
                    Ok(Progress::Text) => {
                        self.abort(host);
                        return Ok(self.len as u64);
                    }
                    Ok(Progress::Body(size)) => {
                        (*left, *sent) = (size, self.len); // what is written is not part of it
                        return Ok(size);
                    }
                    Err(refusal) => refusal,
                }
            }
        };
        self.refuse(host, &refusal);
        Ok(self.len as u64)
    }

    /// The reply's header, once [`Exchange::poll`] has been ready; the same each time, or `None` if
    /// the store does not keep to that. A text is hashed for it only if it is to be `hashed`.
    pub(crate) fn with_fields<R>(
        &mut self,
        host: &mut H,
        hashed: bool,
        f: impl FnOnce(&Fields<'_>) -> R,
    ) -> Option<R> {
        let id = Some(Id::kept(&self.id)).filter(|id| !id.raw().is_empty());
        if let State::Source { source, .. } = &mut self.state {
            let Poll::Ready(Ok(meta)) = host.store().poll(source) else { return None };
            return Some(f(&Fields {
                id,
                command: None,
                status: Some(meta.status.as_str()),
                filename: Some(meta.filename),
                total_size: meta.size,
                exit: meta.exit,
                md5: meta.digest,
            }));
        }
        let (total_size, md5) = match &self.state {
            State::Task { left, .. } => (*left, None), // nothing of it has been asked for
            _ if hashed => (self.len as u64, Hasher::digest(self.written())),
            _ => (self.len as u64, None),
        };
        let status = Some(self.status.as_str());
        let filename = Some("");
        Some(f(&Fields { id, command: None, status, filename, total_size, exit: None, md5 }))
    }

    /// Copies the next bytes of the reply's body to `output`, which is not empty. Returns how many,
    /// 0 at the body's end.
    pub(crate) fn read(
        &mut self,
        host: &mut H,
        now: Instant,
        output: &mut [u8],
    ) -> Result<usize, Blocked> {
        let sent = match &mut self.state {
            State::Text { sent } => sent,
            State::Source { left: 0, .. } | State::Sink(_) | State::Collecting { .. } => {
                return Ok(0);
            }
            State::Source { source, left } => {
                let most = usize::try_from(*left).unwrap_or(usize::MAX).min(output.len());
                let space = output.get_mut(..most).unwrap_or_default();
                return match host.store().read(source, space) {
                    Ok(len) if (1..=most).contains(&len) => {
                        *left = left.saturating_sub(len as u64);
                        Ok(len)
                    }
                    _ => Err(Blocked::Failed),
                };
            }
            State::Task { task, left, sent } => {
                if *sent >= self.len && *left > 0 {
                    let mut text = Text::new(&mut self.text);
                    let progress = task.read(host, now, &mut text);
                    let len = text.len();
                    match progress {
                        Ok(Progress::WaitUntil(at)) => return Err(Blocked::Until(Some(at))),
                        Ok(Progress::Wait) => return Err(Blocked::Until(None)),
                        Ok(Progress::Text) if (1..=*left).contains(&(len as u64)) => {
                            (self.len, *sent) = (len, 0);
                            *left = left.saturating_sub(len as u64);
                        }
                        _ => return Err(Blocked::Failed),
                    }
                }
                sent
            }
        };
        let len = copy(self.text.get(*sent..self.len).unwrap_or_default(), output);
        *sent = sent.saturating_add(len);
        Ok(len)
    }

    fn written(&self) -> &[u8] {
        self.text.get(..self.len).unwrap_or_default()
    }

    /// The number of bytes of the reply's body that have not been read.
    pub(crate) fn left(&self) -> u64 {
        let unsent = |sent: usize| self.len.saturating_sub(sent) as u64;
        match &self.state {
            State::Text { sent } => unsent(*sent),
            State::Source { left, .. } => *left,
            State::Task { left, sent, .. } => left.saturating_add(unsent(*sent)),
            State::Sink(_) | State::Collecting { .. } => 0,
        }
    }

    /// Gives back what the host lent.
    pub(crate) fn abort(&mut self, host: &mut H) {
        match core::mem::replace(&mut self.state, State::Text { sent: 0 }) {
            State::Text { .. } | State::Collecting { .. } => {}
            State::Source { source, .. } => host.store().close(source),
            State::Sink(sink) => host.store().discard(sink),
            State::Task { mut task, .. } => task.close(host),
        }
    }
}

/// The bytes of a text that a request's line and body may take, so that a quarter is left for the
/// answer.
const fn most_collected(text: usize) -> usize {
    text.saturating_sub(text.div_ceil(4))
}

#[cold]
fn mismatch(declared: Digest, actual: Digest) -> Refusal {
    let why = format_args!("the body's md5 is {actual}, the header says {declared}");
    Refusal::new(Status::Failed, why)
}

#[cfg(test)]
mod tests;
