//! One call: what is asked, and what becomes of it.

use super::{Error, RequestError};
use crate::url::Url;
use core::fmt;
use encoding_rs::Encoding;
use std::borrow::Cow;
use std::io::{self, Cursor, Read, Write};
use tokio::sync::oneshot;
use unstick::digest::Digest;
use unstick::message::Integrity;
use unstick::{Cancelled, Closed, ReplyEvent, Request, Service, Status};

/// The most bytes kept of the reason for a status other than `ok`.
const REASON: u64 = 64 * 1024;

/// What is asked, in full: a command, its body, and where the reply's body goes.
///
/// The source, the sink and the closure are used on the connection's task: one that blocks for long
/// holds up all calls of its connection.
///
/// ```no_run
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::fs::File;
/// use unstick_std::client::{Ask, Body, Client};
///
/// let client = Client::connect("command://192.168.69.1").await?;
/// let ask = Ask::new("put notes.txt").body(Body::new(&b"buy milk"[..], 8));
/// println!("{}", client.ask(ask).await?);
/// let ask = Ask::new("get notes.txt").sink(File::create("notes.txt")?);
/// client.ask(ask.progress(|progress| println!("{progress}"))).await?;
/// # Ok(())
/// # }
/// ```
pub struct Ask {
    command: String,
    body: Option<Body>,
    sink: Option<Box<dyn Write + Send>>,
    progress: Box<dyn FnMut(Progress) + Send>,
}

impl Ask {
    /// A command without a body, whose reply is taken into memory.
    pub fn new(command: impl Into<String>) -> Self {
        Self { command: command.into(), body: None, sink: None, progress: Box::new(|_| {}) }
    }

    /// The same with a body. Only the command service takes one with a command; the echo service
    /// takes one instead of a command, which must then be empty.
    #[must_use]
    pub fn body(self, body: Body) -> Self {
        Self { body: Some(body), ..self }
    }

    /// The same with a place for the reply's body, which may be larger than all memory.
    ///
    /// It gets only what a command puts out (see [`Reply::has_output`]), and gets it before its digest
    /// is known: so use nothing of it before the call is `Ok`. It is flushed at the body's end.
    #[must_use]
    pub fn sink(self, sink: impl Write + Send + 'static) -> Self {
        Self { sink: Some(Box::new(sink)), ..self }
    }

    /// The same, and `progress` is told how far it is.
    #[must_use]
    pub fn progress(self, progress: impl FnMut(Progress) + Send + 'static) -> Self {
        Self { progress: Box::new(progress), ..self }
    }
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask").field("command", &self.command).finish_non_exhaustive()
    }
}

/// The body of a request.
pub struct Body {
    source: Box<dyn Read + Send>,
    size: u64,
    md5: Option<Digest>,
}

impl Body {
    /// A body of `size` bytes. If the source ends before, the call fails and with it the connection;
    /// what it has beyond is not sent.
    pub fn new(source: impl Read + Send + 'static, size: u64) -> Self {
        Self { source: Box::new(source), size, md5: None }
    }

    /// The same with its digest, which the peer checks it against.
    #[must_use]
    pub fn md5(self, md5: Option<Digest>) -> Self {
        Self { md5, ..self }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("size", &self.size).finish_non_exhaustive()
    }
}

/// How far a call is. It is displayed as `sent 5 of 10 bytes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// A file is read for its digest, before it is sent.
    Hashed {
        /// Bytes read.
        bytes: u64,
        /// Bytes of the file.
        of: u64,
    },
    /// The request's body is on its way.
    Sent {
        /// Bytes that the peer's system has acknowledged, where ours tells (Linux, Android); else bytes
        /// that ours has taken.
        bytes: u64,
        /// Bytes of the body.
        of: u64,
    },
    /// The reply's body is coming.
    Received {
        /// Bytes written to the sink.
        bytes: u64,
        /// Bytes of the body.
        of: u64,
    },
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hashed { bytes, of } => write!(f, "hashed {bytes} of {of} bytes"),
            Self::Sent { bytes, of } => write!(f, "sent {bytes} of {of} bytes"),
            Self::Received { bytes, of } => write!(f, "received {bytes} of {of} bytes"),
        }
    }
}

/// What a peer answered. It is displayed as its text, behind its status if that is not `ok`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// `ok` or the kind of failure, of the command service; `None` for services that have none.
    pub status: Option<String>,
    /// The name of the file that is the body, empty for a body that is no file; `None` for
    /// services that tell none.
    pub filename: Option<String>,
    /// Bytes of the body as the peer announced them.
    pub size: u64,
    /// The exit code of a program that ran.
    pub exit: Option<i32>,
    /// Whether the body's digest was there, and right; never a mismatch, which is
    /// [`Error::Damaged`].
    pub integrity: Integrity,
    /// The body; of an ask with a sink, only the reason why no command ran, at most 64 KiB of it.
    pub body: Vec<u8>,
}

impl Reply {
    /// Whether the command ran: its status is `ok`, or the service has none.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.status.as_deref().is_none_or(|status| status == "ok")
    }

    /// Whether the body is what a command put out, rather than the reason why none ran: so it is
    /// of a reply that is ok, and of a program that ran and failed.
    #[must_use]
    pub fn has_output(&self) -> bool {
        self.is_ok() || self.exit.is_some()
    }

    /// The body as text; what is no UTF-8 in it is replaced.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
}

impl Default for Reply {
    fn default() -> Self {
        Self {
            status: None,
            filename: None,
            size: 0,
            exit: None,
            integrity: Integrity::Unverified,
            body: Vec::new(),
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status.as_deref() {
            Some(status) if status != "ok" => write!(f, "{status}: {}", self.text()),
            _ => f.write_str(&self.text()),
        }
    }
}

/// A call on its way.
pub(super) struct Call {
    pub(super) url: Url,
    pub(super) line: Vec<u8>,
    pub(super) body: Option<Body>,
    sink: Option<Box<dyn Write + Send>>,
    progress: Box<dyn FnMut(Progress) + Send>,
    /// The most bytes that are taken into memory.
    limit: u64,
    /// What is still to come of the echo of a text.
    echo: Option<Vec<u8>>,
    supplied: u64,
    /// Bytes of other bodies that went before, on this connection.
    start: u64,
    /// What was told of its own last.
    told: Option<u64>,
    /// Whether its reply has.
    begun: bool,
    received: u64,
    reply: Reply,
    /// Why it failed on this side.
    error: Option<Error>,
    result: Option<oneshot::Sender<Result<Reply, Error>>>,
}

/// Where a call's result comes out.
pub(super) type Answer = oneshot::Receiver<Result<Reply, Error>>;

impl Call {
    /// Makes a call of what is asked, if the service can carry it.
    pub(super) fn new(
        url: &Url,
        ask: Ask,
        encoding: &'static Encoding,
        limit: u64,
    ) -> Result<(Self, Answer), Error> {
        let Ask { command, body, sink, progress } = ask;
        let (text, _, unmappable) = encoding.encode(&command);
        if unmappable {
            return Err(RequestError::Unmappable { encoding: encoding.name() }.into());
        }
        let (mut line, mut body, mut echo) = (text.into_owned(), body, None);
        if url.endpoint.service() == Service::Echo && body.is_none() {
            // An echo has no command: the text is its body.
            let text = core::mem::take(&mut line);
            echo = Some(text.to_ascii_uppercase());
            let size = text.len() as u64;
            body = Some(Body::new(Cursor::new(text), size));
        }
        let (result, answer) = oneshot::channel();
        let call = Self {
            url: url.clone(),
            line,
            body,
            sink,
            progress,
            limit,
            echo,
            supplied: 0,
            start: 0,
            told: None,
            begun: false,
            received: 0,
            reply: Reply::default(),
            error: None,
            result: Some(result),
        };
        call.request().check(url.endpoint.service()).map_err(RequestError::Core)?;
        Ok((call, answer))
    }

    pub(super) fn request(&self) -> Request<'_> {
        let (size, md5) = self.body.as_ref().map_or((0, None), |body| (body.size, body.md5));
        Request::from_bytes(&self.line).with_body(size, md5)
    }

    /// Ends the call; whoever waits for it is told.
    pub(super) fn end(&mut self, result: Result<Reply, Error>) {
        if let Some(answer) = self.result.take() {
            let _ = answer.send(result); // nobody may wait any more
        }
    }

    /// Ends the call as its reply says.
    pub(super) fn finish(&mut self) {
        let reply = core::mem::take(&mut self.reply);
        let result = match (self.error.take(), reply.integrity) {
            (Some(error), _) => Err(error),
            (None, Integrity::Mismatch { declared, actual }) => {
                Err(Error::Damaged { declared, actual })
            }
            (None, _) => Ok(reply),
        };
        self.end(result);
    }

    /// Ends the call with why it failed on this side, or else with that; `seen` are the first bytes
    /// of what came.
    pub(super) fn fail(&mut self, seen: &[u8], error: impl FnOnce() -> Error) {
        let error = match self.error.take() {
            Some(Error::Foreign { url, why, .. }) => Error::Foreign { url, why, seen: seen.into() },
            // Perhaps it was no reply at all.
            None | Some(Error::TooLarge { .. }) => error(),
            Some(error) => error,
        };
        self.end(Err(error));
    }

    /// Ends the call at once if its reply is too large; the rest of that is discarded.
    pub(super) fn refuse_too_large(&mut self) {
        if let Some(Error::TooLarge { size, limit }) = self.error {
            self.end(Err(Error::TooLarge { size, limit }));
        }
    }

    /// The next bytes of the request's body; 0 if there are none. So many of other bodies went before.
    pub(super) fn supply(&mut self, before: u64, output: &mut [u8]) -> usize {
        if self.supplied == 0 {
            self.start = before;
        }
        let Some(Body { source, .. }) = &mut self.body else { return 0 };
        loop {
            match source.read(output) {
                Ok(len) => {
                    self.supplied += len as u64;
                    return len;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.error = Some(Error::Source(error));
                    return 0;
                }
            }
        }
    }

    /// Whether it is to be told more of its body's way.
    pub(super) fn is_sending(&self) -> bool {
        self.body.as_ref().is_some_and(|body| self.told < Some(body.size))
    }

    /// Tells how much of the body the peer has, if that is so much of all bodies of the connection.
    pub(super) fn tell_sent(&mut self, of_all: u64) {
        let Some(Body { size: of, .. }) = self.body else { return };
        let bytes = of_all.saturating_sub(self.start).min(self.supplied);
        if Some(bytes) > self.told {
            self.told = Some(bytes);
            (self.progress)(Progress::Sent { bytes, of });
        }
    }

    /// What came of the reply. An error is that it is none to this call.
    pub(super) fn reply(&mut self, event: ReplyEvent<'_>) -> Result<(), Cancelled> {
        match event {
            ReplyEvent::Begin { size, header } => {
                self.tell_sent(u64::MAX);
                (self.begun, self.reply.size) = (true, size);
                let is_bare = self.url.endpoint.service() == Service::Message;
                if header.is_some_and(|header| header.status.is_some()) && is_bare {
                    return self.is_other(Service::Command);
                }
                if let Some(header) = header {
                    self.reply.status = header.status.map(|status| status.chars().collect());
                    self.reply.filename = header.filename.map(|name| name.chars().collect());
                    self.reply.exit = header.exit;
                }
                if self.sink.is_none() && self.reply.has_output() && size > self.limit {
                    self.error = Some(Error::TooLarge { size, limit: self.limit });
                }
                if self.reply.status.as_deref() == Some(Status::Truncated.as_str()) {
                    self.error = Some(Error::Truncated { url: self.url.clone(), size });
                }
            }
            ReplyEvent::Body(piece) => return self.keep(piece),
            ReplyEvent::End(integrity) => {
                self.reply.integrity = integrity;
                if let Some(sink) = &mut self.sink
                    && let Err(error) = sink.flush()
                {
                    self.error.get_or_insert(Error::Sink(error));
                }
            }
        }
        Ok(())
    }

    /// The peer is another of the services.
    fn is_other(&mut self, is: Service) -> Result<(), Cancelled> {
        self.error = Some(Error::OtherService { url: self.url.clone(), is });
        Err(Cancelled)
    }

    /// Bytes of the reply that have not come, where it has begun.
    pub(super) fn missing(&self) -> Option<u64> {
        let missing = self.reply.size.saturating_sub(self.received);
        (self.begun && missing > 0).then_some(missing)
    }

    fn keep(&mut self, piece: &[u8]) -> Result<(), Cancelled> {
        let is_frame = self.url.endpoint.service() == Service::Frame;
        if is_frame && self.received == 0 && is_header(piece) {
            return self.is_other(Service::Command);
        }
        let kept = self.received;
        self.received += piece.len() as u64;
        if let Some(echo) = &mut self.echo {
            if !echo.starts_with(piece) {
                let (url, why, seen) = (self.url.clone(), Closed::WrongReply, Vec::new());
                self.error = Some(Error::Foreign { url, why, seen });
                return Err(Cancelled);
            }
            echo.drain(..piece.len());
        }
        // What nobody wants any more is discarded, and the connection goes on.
        let abandoned = self.result.as_ref().is_none_or(oneshot::Sender::is_closed);
        if self.error.is_some() || abandoned {
            return Ok(());
        }
        match &mut self.sink {
            Some(sink) if self.reply.has_output() => {
                if let Err(error) = sink.write_all(piece) {
                    self.end(Err(Error::Sink(error)));
                    return Ok(());
                }
            }
            None if self.reply.has_output() => self.reply.body.extend_from_slice(piece),
            _ => {
                let space = usize::try_from(REASON.saturating_sub(kept)).unwrap_or(usize::MAX);
                self.reply.body.extend(piece.iter().take(space));
                return Ok(());
            }
        }
        (self.progress)(Progress::Received { bytes: self.received, of: self.reply.size });
        Ok(())
    }
}

/// Whether that is the header of a reply of the command service.
fn is_header(payload: &[u8]) -> bool {
    let has = |piece: &[u8]| payload.windows(piece.len()).any(|it| it == piece);
    payload.starts_with(b"{\"status\":\"") && has(b"\"total_size\":")
}
