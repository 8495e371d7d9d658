//! Clients: one command after another on a connection or a datagram socket.

mod ask;
pub mod blocking;
mod error;
mod tcp;
mod udp;

pub use error::{Error, RequestError};

use crate::url::{Transport, Url};
use ask::Ask;
use core::time::Duration;
use encoding_rs::Encoding;
use std::borrow::Cow;
use std::io::{Read, Write};
use unstick::datagram::ETHERNET;
use unstick::digest::Digest;
use unstick::header::Fields;
use unstick::limits::{HEADER, REQUEST};
use unstick::message::Verdict;
use unstick::{Limits, Service};

/// Asks a node, or any peer that speaks one of the services.
///
/// Calls follow one another on one connection; on a UDP URL each is a datagram. A call that is
/// dropped before it is done leaves its reply on the wire, so it ends the connection: the next one
/// gives [`Error::Spent`]. So does every error but those of the request itself and
/// [`Error::Damaged`]. Needs a tokio runtime with time and IO; [`blocking::Client`] brings its own.
///
/// ```no_run
/// use unstick_std::client::Client;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut client = Client::connect(&"command://192.168.69.1".parse()?).await?;
/// let reply = client.call("upper hello").await?;
/// assert!(reply.is_ok() && reply.body == b"HELLO");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Client {
    url: Url,
    options: ClientOptions,
    link: Link,
}

#[derive(Debug)]
enum Link {
    Tcp(Box<tcp::Tcp>),
    Udp(udp::Udp),
}

/// Bytes of what came that an error tells.
const TASTE: usize = 32;

/// What a client allows and how long it waits.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Longest wait for a connection, over all addresses of a host. Default 5 s.
    pub connect: Duration,
    /// Waits inside a call over TCP, and the wait for an answer over it. Default
    /// [`Limits::DEFAULT`], which gives an answer 60 s.
    pub limits: Limits,
    /// Longest wait for a datagram. Default 5 s.
    pub datagram_reply: Duration,
    /// The most bytes of a datagram sent to the command service. Default 1472; the echo service
    /// takes what UDP can carry, 65507.
    pub datagram: usize,
    /// The most bytes of a body that [`Client::call`] takes into memory. Default 64 MiB.
    pub reply: u64,
    /// What commands are encoded to on the echo, frame and message services, whose peers may run
    /// in a console of another encoding. Default UTF-8. The command service is always UTF-8.
    pub encoding: &'static Encoding,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            limits: Limits::DEFAULT,
            datagram_reply: Duration::from_secs(5),
            datagram: ETHERNET,
            reply: 64 * 1024 * 1024,
            encoding: encoding_rs::UTF_8,
        }
    }
}

/// What a peer answered.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    pub verdict: Verdict,
    /// The body; of a call that streams what commands put out, only the reason why none ran, at
    /// most 64 KiB of it.
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
            verdict: Verdict::Unverified,
            body: Vec::new(),
        }
    }
}

/// The body of a request.
///
/// It is read on the task that calls, so a source that blocks for long holds up other tasks there.
pub struct Body<'a> {
    /// Where it comes from.
    pub source: &'a mut (dyn Read + Send),
    /// Its bytes. If the source ends before, the call fails; what it has beyond is not sent.
    pub size: u64,
    /// Its digest, which the peer checks it against.
    pub md5: Option<Digest>,
}

/// How far a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The request's body is on its way.
    Sent {
        /// Bytes handed to the system.
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

impl Client {
    /// Connects, with the default options.
    pub async fn connect(url: &Url) -> Result<Self, Error> {
        Self::connect_with(url, ClientOptions::default()).await
    }

    /// Connects. A UDP URL only has its host looked up: nothing is sent, nobody need be there.
    pub async fn connect_with(url: &Url, options: ClientOptions) -> Result<Self, Error> {
        let link = match url.transport {
            Transport::Tcp => Link::Tcp(Box::new(tcp::Tcp::connect(url, &options).await?)),
            Transport::Udp => Link::Udp(udp::Udp::connect(url, &options).await?),
        };
        Ok(Self { url: url.clone(), options, link })
    }

    /// Whom it asks.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Sends a command and takes the reply into memory. The echo service gets the text as it is.
    pub async fn call(&mut self, command: &str) -> Result<Reply, Error> {
        let mut sink = Vec::new();
        let limit = self.options.reply;
        let mut reply = self.run(command, None, &mut sink, limit, &mut |_| {}).await?;
        if reply.has_output() {
            reply.body = sink;
        }
        Ok(reply)
    }

    /// Sends a command with a body, and writes the reply's body to a sink as it comes.
    ///
    /// Bodies may be larger than all memory. The sink gets only what a command puts out (see
    /// [`Reply::has_output`]), and gets it before its digest is known, so use nothing of it before
    /// this gives `Ok`. Like the source it is used on the task that calls. Only the command service takes a body with a
    /// command; the echo service takes one instead of a command, which must then be empty.
    pub async fn call_with(
        &mut self,
        command: &str,
        body: Option<Body<'_>>,
        sink: &mut (dyn Write + Send),
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Reply, Error> {
        self.run(command, body, sink, u64::MAX, progress).await
    }

    /// Whether the peer, as far as is known, still holds the connection.
    pub async fn is_open(&mut self) -> bool {
        match &mut self.link {
            Link::Tcp(tcp) => tcp.is_open().await,
            Link::Udp(_) => true,
        }
    }

    async fn run(
        &mut self,
        command: &str,
        body: Option<Body<'_>>,
        sink: &mut (dyn Write + Send),
        limit: u64,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Reply, Error> {
        let service = self.url.service;
        let encoding = match service {
            Service::Command => encoding_rs::UTF_8,
            _ => self.options.encoding,
        };
        let (text, _, unmappable) = encoding.encode(command);
        if unmappable {
            return Err(RequestError::Unmappable { encoding: encoding.name() }.into());
        }
        check(service, command, text.len(), body.as_ref())?;
        // An echo has no command: the text is its body.
        let echo = (service == Service::Echo && body.is_none()).then(|| text.to_ascii_uppercase());
        let mut source = &text[..];
        let body = match body {
            Some(Body { source, size, md5 }) => Some(Body { source, size, md5 }),
            None if service == Service::Echo => {
                Some(Body { source: &mut source, size: text.len() as u64, md5: None })
            }
            None => None,
        };
        let mut ask = Ask::new(&self.url, command, body, sink, limit, progress);
        ask.echo = echo;
        match &mut self.link {
            Link::Tcp(tcp) => tcp.call(&mut ask).await,
            Link::Udp(udp) => udp.call(&mut ask).await,
        }
    }
}

/// Whether the service can carry such a request, its command encoded to `len` bytes.
fn check(
    service: Service,
    command: &str,
    len: usize,
    body: Option<&Body<'_>>,
) -> Result<(), RequestError> {
    match service {
        Service::Echo if body.is_some() && len > 0 => Err(RequestError::Body { service }),
        Service::Echo => Ok(()),
        Service::Frame | Service::Message => {
            if body.is_some() {
                Err(RequestError::Body { service })
            } else if command.is_empty() {
                Err(RequestError::Empty)
            } else if command.contains('\n') {
                Err(RequestError::LineBreak)
            } else if len > REQUEST {
                Err(RequestError::TooLong { service, len })
            } else {
                Ok(())
            }
        }
        Service::Command => {
            // The longest id, so that a command does not begin to fail after many calls.
            let id = unstick::header::Id::parse("18446744073709551615").ok();
            let fields = Fields {
                id,
                command: Some(command),
                total_size: body.map_or(0, |body| body.size),
                md5: body.and_then(|body| body.md5),
                ..Fields::default()
            };
            let fits = fields.write(&mut [0; HEADER]).is_some();
            if fits { Ok(()) } else { Err(RequestError::TooLong { service, len }) }
        }
    }
}
