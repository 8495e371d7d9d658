//! One call, as a client session sees it.

use super::{Body, Error, Progress, Reply, TASTE};
use crate::url::Url;
use std::io::{self, Write};
use unstick::digest::Digest;
use unstick::header::Header;
use unstick::message::Verdict;
use unstick::{Caller, Closed, Request, Stop};

/// The most bytes kept of the reason for a status other than `ok`.
const REASON: u64 = 64 * 1024;

/// Asks once: the request's body comes from a source, the reply's goes to a sink.
pub(super) struct Ask<'a> {
    pub(super) url: &'a Url,
    pub(super) command: &'a str,
    pub(super) body: Option<Body<'a>>,
    pub(super) sink: &'a mut (dyn Write + Send),
    /// The most bytes the sink takes.
    pub(super) limit: u64,
    pub(super) progress: &'a mut (dyn FnMut(Progress) + Send),
    /// What the echo of a text must be.
    pub(super) echo: Option<Vec<u8>>,
    state: State,
    supplied: u64,
    received: u64,
    pub(super) reply: Reply,
}

/// How far a call is.
enum State {
    Unsent,
    Sent,
    /// The reply is whole.
    Done,
    /// Broken off by this side; the error, until it is told.
    Failed(Option<Error>),
}

impl<'a> Ask<'a> {
    pub(super) fn new(
        url: &'a Url,
        command: &'a str,
        body: Option<Body<'a>>,
        sink: &'a mut (dyn Write + Send),
        limit: u64,
        progress: &'a mut (dyn FnMut(Progress) + Send),
    ) -> Self {
        Self {
            url,
            command,
            body,
            sink,
            limit,
            progress,
            echo: None,
            state: State::Unsent,
            supplied: 0,
            received: 0,
            reply: Reply::default(),
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.body.as_ref().map_or(0, |body| body.size)
    }

    pub(super) fn md5(&self) -> Option<Digest> {
        self.body.as_ref().and_then(|body| body.md5)
    }

    fn fail(&mut self, error: Error) {
        self.state = State::Failed(Some(error));
    }

    /// What the call came to, once it is done or failed.
    pub(super) fn result(&mut self) -> Option<Result<Reply, Error>> {
        match &mut self.state {
            State::Unsent | State::Sent => None,
            State::Failed(error) => Some(Err(error.take().unwrap_or(Error::Spent))),
            State::Done => Some(match self.reply.verdict {
                Verdict::Mismatch { declared, actual } => Err(Error::Damaged { declared, actual }),
                _ => Ok(core::mem::take(&mut self.reply)),
            }),
        }
    }

    fn keep(&mut self, piece: &[u8]) -> Result<(), Error> {
        let (kept, size) = (self.received, self.reply.size);
        self.received += piece.len() as u64;
        if let Some(echo) = &mut self.echo {
            if !echo.starts_with(piece) {
                let seen = piece.iter().copied().take(TASTE).collect();
                let (url, why) = (self.url.clone(), Closed::Mismatched);
                return Err(Error::Foreign { url, why, seen });
            }
            echo.drain(..piece.len());
        }
        if !self.reply.has_output() {
            let space = usize::try_from(REASON.saturating_sub(kept)).unwrap_or(usize::MAX);
            self.reply.body.extend(piece.iter().take(space));
            return Ok(());
        }
        if size > self.limit {
            return Err(Error::TooLarge { size, limit: self.limit });
        }
        self.sink.write_all(piece).map_err(Error::Sink)?;
        (self.progress)(Progress::Received { bytes: self.received, of: size });
        Ok(())
    }
}

impl Caller for Ask<'_> {
    fn request(&mut self) -> Option<Request<'_>> {
        let (size, md5) = (self.size(), self.md5());
        matches!(self.state, State::Unsent).then_some(Request { command: self.command, size, md5 })
    }

    fn sent(&mut self) {
        self.state = State::Sent;
    }

    fn supply(&mut self, output: &mut [u8]) -> usize {
        let size = self.size();
        let Some(body) = &mut self.body else { return 0 };
        loop {
            match body.source.read(output) {
                Ok(len) => {
                    self.supplied += len as u64;
                    (self.progress)(Progress::Sent { bytes: self.supplied, of: size });
                    return len;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.fail(Error::Source(error));
                    return 0;
                }
            }
        }
    }

    fn reply(&mut self, size: u64, header: Option<&Header<'_>>) {
        self.reply.size = size;
        if let Some(header) = header {
            self.reply.status = header.status.map(|status| status.chars().collect());
            self.reply.filename = header.filename.map(|name| name.chars().collect());
            self.reply.exit = header.exit;
        }
    }

    fn body(&mut self, piece: &[u8]) -> Result<(), Stop> {
        self.keep(piece).map_err(|error| {
            self.fail(error);
            Stop
        })
    }

    fn end(&mut self, verdict: Verdict) {
        self.reply.verdict = verdict;
        self.state = State::Done;
    }
}
