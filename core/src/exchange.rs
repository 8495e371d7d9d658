//! One request and its reply, however they are framed.

use crate::bytes::copy;
use crate::command::{self, Answer, Terms};
use crate::digest::Hasher;
use crate::header::{Fields, Id};
use crate::host::{Event, Host, SinkOf, SourceOf};
use crate::limits::ID;
use crate::message::Verdict;
use crate::reply::{Cut, Refusal, Status};
use crate::store::Store;
use core::fmt::Write as _;
use core::task::Poll;
use heapless::String;

/// Begins with a request's line, takes its body, and ends with the reply's last byte.
///
/// What a host lent (a source, a sink) is held here and nowhere else, so that [`Exchange::abort`]
/// always finds it.
pub(crate) struct Exchange<H: Host, const TEXT: usize> {
    id: Option<String<ID>>,
    status: Status,
    text: String<TEXT>,
    body: Body<SourceOf<H>, SinkOf<H>>,
}

enum Body<Source, Sink> {
    /// The text is the reply.
    Text { sent: usize },
    /// The reply comes from here.
    Source { source: Source, left: u64 },
    /// The request's body goes here.
    Sink(Sink),
}

/// A body broke off.
#[derive(Debug)]
pub(crate) struct Broken;

impl<H: Host, const TEXT: usize> Exchange<H, TEXT> {
    pub(crate) const fn new() -> Self {
        Self { id: None, status: Status::Ok, text: String::new(), body: Body::Text { sent: 0 } }
    }

    /// Starts over with a request: its id, and its line or why there is none.
    pub(crate) fn begin(
        &mut self,
        host: &mut H,
        id: Option<Id<'_>>,
        line: Result<&str, Refusal>,
        terms: Terms,
    ) {
        self.abort(host);
        // An id is never longer than that: it has been parsed.
        self.id = id.and_then(|id| String::try_from(id.raw()).ok());
        self.status = Status::Ok;
        self.text.clear();
        host.count(Event::Frames, 1);
        let text = &mut self.text;
        let run = |line| command::run(host, line, terms, text);
        match line.and_then(run) {
            Ok(Answer::Text) => {}
            Ok(Answer::Source(source)) => self.body = Body::Source { source, left: 0 },
            Ok(Answer::Sink(sink)) => self.body = Body::Sink(sink),
            Err(refusal) => self.refuse(host, &refusal),
        }
        if terms.body.is_none() {
            self.taken(host, Verdict::Unverified);
        }
    }

    /// Makes this the reply, whatever was to be.
    pub(crate) fn refuse(&mut self, host: &mut H, refusal: &Refusal) {
        self.abort(host);
        self.status = refusal.status;
        self.text.clear();
        // A text buffer smaller than a reason gets what fits of it.
        let _ = Cut(&mut self.text).write_str(&refusal.reason);
        host.count(
            match refusal.status {
                Status::TooLarge => Event::Oversized,
                Status::Truncated => Event::Truncated,
                _ => Event::Rejected,
            },
            1,
        );
    }

    /// The reply belongs to no request that could be read.
    pub(crate) fn forget_id(&mut self) {
        self.id = None;
    }

    /// Whether the request's body goes nowhere.
    pub(crate) fn drops_body(&self) -> bool {
        !matches!(self.body, Body::Sink(_))
    }

    /// The next bytes of the request's body; an error if they are the first to be refused.
    pub(crate) fn take(&mut self, host: &mut H, piece: &[u8]) -> Result<(), Broken> {
        if let Body::Sink(sink) = &mut self.body
            && let Err(refusal) = host.store().write(sink, piece)
        {
            self.refuse(host, &refusal);
            return Err(Broken);
        }
        Ok(())
    }

    /// The request's body is whole.
    pub(crate) fn taken(&mut self, host: &mut H, verdict: Verdict) {
        let sink = match core::mem::replace(&mut self.body, Body::Text { sent: 0 }) {
            Body::Sink(sink) => sink,
            // What the reply comes from stays.
            reply => {
                self.body = reply;
                return;
            }
        };
        let result = if let Verdict::Mismatch { declared, actual } = verdict {
            host.store().discard(sink);
            let why = format_args!("the body's md5 is {actual}, the header says {declared}");
            Err(Refusal::new(Status::Failed, why))
        } else {
            host.store().commit(sink)
        };
        if let Err(refusal) = result {
            self.refuse(host, &refusal);
        }
    }

    /// The reply's body is known: its size in bytes.
    pub(crate) fn poll(&mut self, host: &mut H) -> Poll<u64> {
        let Body::Source { source, left } = &mut self.body else {
            return Poll::Ready(self.text.len() as u64);
        };
        match host.store().poll(source) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(meta)) => {
                *left = meta.size;
                Poll::Ready(meta.size)
            }
            Poll::Ready(Err(refusal)) => {
                self.refuse(host, &refusal);
                Poll::Ready(self.text.len() as u64)
            }
        }
    }

    /// The reply's header, once [`Exchange::poll`] has been ready; the same each time, or `None` if
    /// the store does not keep to that. A text is hashed for it only if it is to be `hashed`.
    pub(crate) fn with_fields<R>(
        &mut self,
        host: &mut H,
        hashed: bool,
        f: impl FnOnce(&Fields<'_>) -> R,
    ) -> Option<R> {
        let id = self.id.as_ref().and_then(|raw| Id::parse(raw).ok());
        if let Body::Source { source, .. } = &mut self.body {
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
        Some(f(&Fields {
            id,
            command: None,
            status: Some(self.status.as_str()),
            filename: Some(""),
            total_size: self.text.len() as u64,
            exit: None,
            md5: if hashed { Hasher::digest(self.text.as_bytes()) } else { None },
        }))
    }

    /// Copies the next bytes of the reply's body; gives how many, 0 at its end.
    pub(crate) fn read(&mut self, host: &mut H, output: &mut [u8]) -> Result<usize, Broken> {
        match &mut self.body {
            Body::Text { sent } => {
                let rest = self.text.as_bytes().get(*sent..).unwrap_or_default();
                let len = copy(rest, output);
                *sent = sent.saturating_add(len);
                Ok(len)
            }
            Body::Source { left: 0, .. } | Body::Sink(_) => Ok(0),
            Body::Source { source, left } => {
                let most = usize::try_from(*left).unwrap_or(usize::MAX).min(output.len());
                let space = output.get_mut(..most).unwrap_or_default();
                match host.store().read(source, space) {
                    Ok(len) if (1..=most).contains(&len) => {
                        *left = left.saturating_sub(len as u64);
                        Ok(len)
                    }
                    _ => Err(Broken),
                }
            }
        }
    }

    /// Bytes of the reply's body that have not been read.
    pub(crate) fn left(&self) -> u64 {
        match &self.body {
            Body::Text { sent } => self.text.len().saturating_sub(*sent) as u64,
            Body::Source { left, .. } => *left,
            Body::Sink(_) => 0,
        }
    }

    /// Gives back what the host lent.
    pub(crate) fn abort(&mut self, host: &mut H) {
        match core::mem::replace(&mut self.body, Body::Text { sent: 0 }) {
            Body::Text { .. } => {}
            Body::Source { source, .. } => host.store().close(source),
            Body::Sink(sink) => host.store().discard(sink),
        }
    }
}
