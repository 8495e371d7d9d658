//! Calls over a connection.

use super::ask::Ask;
use super::error::{self, closed};
use super::{ClientOptions, Error, Reply, TASTE};
use crate::clock::Clock;
use crate::url::Url;
use core::time::Duration;
use embedded_io_adapters::tokio_1::FromTokio;
use embedded_io_async::{ErrorType, Read};
use encoding_rs::Encoding;
use std::io::{self, ErrorKind};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;
use unstick::driver::nonblocking::{Runtime as _, advance};
use unstick::driver::{self, Pump};
use unstick::session::Phase;
use unstick::{Caller, Client, Closed, Instant, Next, Service, Session, Step};

/// How long a peer that seems to speak another protocol may be silent.
const QUIET: Duration = Duration::from_secs(2);

/// Bytes of each buffer: what one read and one write carry.
const BUFFER: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Tcp {
    pump: Pump<Recoded, Vec<u8>>,
    reader: Reader,
    writer: OwnedWriteHalf,
    clock: Clock,
    /// Where the next reply starts is not known.
    spent: bool,
}

impl Tcp {
    pub(super) async fn connect(url: &Url, options: &ClientOptions) -> Result<Self, Error> {
        let after = options.connect;
        let stream = timeout(after, connect(url))
            .await
            .map_err(|_| Error::ConnectTimeout { url: url.clone(), after })??;
        stream.set_nodelay(true).map_err(Error::System)?;
        tracing::debug!("connected to {url}");
        let (reader, writer) = stream.into_split();
        let client = Client::new(url.service, options.limits);
        let bare = matches!(url.service, Service::Frame | Service::Message);
        let encoding = if bare { options.encoding } else { encoding_rs::UTF_8 };
        Ok(Self {
            pump: Pump::new(Recoded { client, encoding }, vec![0; BUFFER], vec![0; BUFFER]),
            reader: Reader { stream: reader, taste: Vec::with_capacity(TASTE) },
            writer,
            clock: Clock::new(),
            spent: false,
        })
    }

    pub(super) async fn call(&mut self, ask: &mut Ask<'_>) -> Result<Reply, Error> {
        let url = ask.url;
        // Stays so if this future is dropped before it is done.
        if core::mem::replace(&mut self.spent, true) {
            return Err(Error::Spent);
        }
        self.reader.taste.clear();
        let result = loop {
            let step = self.pump.step(self.clock.now(), ask);
            let closed = match step.next {
                Next::Closed(why) => Some(why),
                _ => None,
            };
            match (ask.result(), closed) {
                (Some(Ok(_)), Some(Closed::Mismatched)) => break Err(Closed::Mismatched),
                (Some(result), closed) => {
                    self.spent = closed.is_some();
                    return result.map_err(|error| self.told(url, error));
                }
                (None, Some(why)) => break Err(why),
                (None, None) => {}
            }
            let Self { pump, reader, writer, clock, .. } = self;
            let text = error::is_text(url, &reader.taste);
            let mut writer = FromTokio::new(writer);
            let round = advance(pump, ask, reader, &mut writer, clock);
            // Text read as a prefix promises half a gigabyte or more: it will not come.
            let patience = if text { QUIET } else { Duration::MAX };
            match timeout(patience, round).await {
                Ok(Ok(_)) => {}
                Ok(Err(driver::Error::Read(error) | driver::Error::Write(error))) => {
                    break Ok(error);
                }
                Ok(Err(driver::Error::WriteZero)) => break Ok(ErrorKind::BrokenPipe.into()),
                Err(_) => break Err(Closed::Timeout(Phase::Body)),
            }
        };
        Err(match result {
            Err(why) => closed(url, why, &self.reader.taste),
            Ok(error) if is_closed(&error) => closed(url, Closed::Unanswered, &self.reader.taste),
            Ok(source) => Error::Unreachable { url: url.clone(), source },
        })
    }

    /// What is too large may be no reply at all; what is none is told by how it begins.
    fn told(&self, url: &Url, error: Error) -> Error {
        let (url, seen) = (url.clone(), self.reader.taste.clone());
        match error {
            Error::TooLarge { .. } if error::is_text(&url, &seen) => {
                Error::Foreign { url, why: Closed::Mismatched, seen }
            }
            Error::Foreign { why, .. } => Error::Foreign { url, why, seen },
            error => error,
        }
    }

    pub(super) async fn is_open(&mut self) -> bool {
        let mut byte = [0];
        let peek = self.reader.stream.peek(&mut byte);
        // Between calls nothing may come, neither bytes nor the end.
        !self.spent && timeout(Duration::from_millis(1), peek).await.is_err()
    }
}

async fn connect(url: &Url) -> Result<TcpStream, Error> {
    let host = (url.host.as_str(), url.port);
    let addresses = tokio::net::lookup_host(host)
        .await
        .map_err(|source| Error::Unresolved { url: url.clone(), source })?;
    let mut failed = None;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = Some(error),
        }
    }
    let source = failed.unwrap_or_else(|| ErrorKind::AddrNotAvailable.into());
    Err(if source.kind() == ErrorKind::ConnectionRefused {
        Error::NobodyListens { url: url.clone() }
    } else {
        Error::Unreachable { url: url.clone(), source }
    })
}

fn is_closed(error: &io::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset)
}

/// A client session whose bare requests go out in another encoding than UTF-8.
#[derive(Debug)]
struct Recoded {
    client: Client,
    encoding: &'static Encoding,
}

impl<C: Caller> Session<C> for Recoded {
    fn step(&mut self, now: Instant, caller: &mut C, input: &[u8], output: &mut [u8]) -> Step {
        let mut step = self.client.step(now, caller, input, output);
        if step.given > 0 && self.encoding != encoding_rs::UTF_8 {
            // A bare request is far shorter than the buffer, so it comes whole.
            let text = String::from_utf8_lossy(&output[..step.given]).into_owned();
            let (bytes, ..) = self.encoding.encode(&text);
            step.given = bytes.len().min(output.len());
            output[..step.given].copy_from_slice(&bytes[..step.given]);
        }
        step
    }

    fn end(&mut self) {
        Session::<C>::end(&mut self.client);
    }

    fn finish(&mut self) {
        Session::<C>::finish(&mut self.client);
    }

    fn abort(&mut self, caller: &mut C) {
        self.client.abort(caller);
    }
}

/// Remembers how a reply begins.
#[derive(Debug)]
struct Reader {
    stream: OwnedReadHalf,
    taste: Vec<u8>,
}

impl ErrorType for Reader {
    type Error = io::Error;
}

impl Read for Reader {
    async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.stream.read(buffer).await?;
        let space = TASTE.saturating_sub(self.taste.len()).min(len);
        self.taste.extend_from_slice(&buffer[..space]);
        Ok(len)
    }
}
