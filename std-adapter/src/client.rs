//! Clients: commands on a connection, several at once, or by datagram.

mod addresses;
pub mod blocking;
mod call;
mod connection;
mod error;
mod files;
mod udp;

pub use call::{Ask, Body, Progress, Reply};
pub use error::{Error, RequestError};

use crate::url::Url;
use call::Call;
use core::time::Duration;
use encoding_rs::Encoding;
use unstick::datagram::ETHERNET;
use unstick::keys::Key;
use unstick::{Limits, Service, Transport};

/// Asks a node, or any peer that speaks one of the services.
///
/// It is a handle, cheap to clone, of one connection or datagram socket, and closes it when the last
/// clone is dropped. Calls may be made at the same time: over TCP to the command service they are
/// sent one behind the other without waiting for replies, elsewhere each waits for the one before.
///
/// A call that is dropped before it is done gives up its interest and no more: its body is still
/// sent, its reply is read and discarded, and the connection goes on. A connection that is lost fails
/// the calls that wait for it; later ones get [`Error::Spent`]. Needs a tokio runtime with time and
/// IO; [`blocking::Client`] brings its own.
///
/// ```
/// # use unstick::{Endpoint, Service};
/// # use unstick_std::node::{Config, Node, Ports};
/// use unstick_std::client::Client;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let node = Node::bind(Config::new().ports(Ports::ANY)).await?;
/// # let port = node.listening()[3].address.port();
/// # tokio::spawn(node.run(core::future::pending()));
/// # let url = format!("command://127.0.0.1:{port}");
/// # let url = url.as_str();
/// // url: "command://192.168.69.1"
/// let client = Client::connect(url).await?;
/// let (hello, uptime) = tokio::join!(client.call("upper hello"), client.call("uptime"));
/// assert_eq!(hello?.text(), "HELLO");
/// assert!(uptime?.is_ok());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    url: Url,
    options: ClientOptions,
    link: Link,
}

#[derive(Clone, Debug)]
enum Link {
    Tcp(connection::Handle),
    Udp(udp::Handle),
}

/// Bytes of what came that an error shows.
const SHOWN: usize = 32;

/// What a client allows and how long it waits.
///
/// ```
/// use core::time::Duration;
/// use unstick_std::client::ClientOptions;
///
/// let options = ClientOptions::new().connect(Duration::from_secs(1)).reply(1024 * 1024);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientOptions {
    /// Longest wait for a connection, over all addresses of a host. Default 5 s.
    pub connect: Duration,
    /// Waits inside a call over TCP, and the wait for an answer over it. Default
    /// [`Limits::DEFAULT`], which gives an answer 60 s.
    pub limits: Limits,
    /// Longest wait for a datagram. Default 5 s.
    pub datagram_reply: Duration,
    /// The most bytes of a datagram that is sent, to the echo service too. Default 1472, as a node has it
    /// (rule U2).
    pub datagram: usize,
    /// The most bytes of a body that [`Client::call`] takes into memory. Default 64 MiB.
    pub reply: u64,
    /// The most calls that are on their way at once on one connection; one more waits for its turn.
    /// Default 64.
    pub in_flight: usize,
    /// Whether digests are made and compared. Default `true`; without them a body that was damaged goes
    /// unnoticed, and a large file is sent or taken in less than half the time.
    pub verify: bool,
    /// The key for a node that asks for one, which it does on its command service. No digests are
    /// made then: every byte is verified anyway (rule K6), and a reply's body
    /// [says so](Reply::integrity).
    pub key: Option<Key>,
    /// Where a session for datagrams is opened, if there is a key: a command service over TCP. By default the
    /// one of the same host, on its own port.
    pub session: Option<Url>,
    /// What commands are encoded to on the echo, frame and message services, whose peers may run
    /// in a console of another encoding. Default UTF-8. The command service is always UTF-8. UTF-16 can
    /// be read and not written, as its [`output_encoding`](Encoding::output_encoding) says.
    pub encoding: &'static Encoding,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl ClientOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            connect: Duration::from_secs(5),
            limits: Limits::DEFAULT,
            datagram_reply: Duration::from_secs(5),
            datagram: ETHERNET,
            reply: 64 * 1024 * 1024,
            in_flight: 64,
            verify: true,
            key: None,
            session: None,
            encoding: encoding_rs::UTF_8,
        }
    }

    /// Longest wait for a connection.
    #[must_use]
    pub fn connect(self, connect: Duration) -> Self {
        Self { connect, ..self }
    }

    /// Waits inside a call over TCP.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Longest wait for a datagram.
    #[must_use]
    pub fn datagram_reply(self, datagram_reply: Duration) -> Self {
        Self { datagram_reply, ..self }
    }

    /// The most bytes of a datagram that is sent.
    #[must_use]
    pub fn datagram(self, datagram: usize) -> Self {
        Self { datagram, ..self }
    }

    /// The most bytes of a body in memory.
    #[must_use]
    pub fn reply(self, reply: u64) -> Self {
        Self { reply, ..self }
    }

    /// The most calls that are on their way at once.
    #[must_use]
    pub fn in_flight(self, in_flight: usize) -> Self {
        Self { in_flight, ..self }
    }

    /// Whether digests are made and compared.
    #[must_use]
    pub fn verify(self, verify: bool) -> Self {
        Self { verify, ..self }
    }

    /// The key for a node that asks for one.
    #[must_use]
    pub fn key(self, key: Key) -> Self {
        Self { key: Some(key), ..self }
    }

    /// Where a session for datagrams is opened.
    #[must_use]
    pub fn session(self, session: Url) -> Self {
        Self { session: Some(session), ..self }
    }

    /// Whether it makes digests.
    pub(crate) const fn hashes(&self) -> bool {
        self.verify && self.key.is_none()
    }

    /// The encoding of a peer that does not speak UTF-8.
    #[must_use]
    pub fn encoding(self, encoding: &'static Encoding) -> Self {
        Self { encoding, ..self }
    }
}

impl Client {
    /// Connects to a [`Url`], or a text that is one, with the default options.
    pub async fn connect<U>(url: U) -> Result<Self, Error>
    where
        U: TryInto<Url>,
        Error: From<U::Error>,
    {
        Self::connect_with(url, ClientOptions::new()).await
    }

    /// Connects. A UDP URL only has its host looked up: nothing is sent, nobody need be there.
    pub async fn connect_with<U>(url: U, options: ClientOptions) -> Result<Self, Error>
    where
        U: TryInto<Url>,
        Error: From<U::Error>,
    {
        let url = url.try_into()?;
        if options.key.is_some() && url.endpoint.service() != Service::Command {
            return Err(Error::NotKeyed { url });
        }
        let link = match url.endpoint.transport() {
            Transport::Tcp => Link::Tcp(connection::Handle::connect(&url, &options).await?),
            Transport::Udp => Link::Udp(udp::Handle::connect(&url, &options).await?),
        };
        Ok(Self { url, options, link })
    }

    /// Whom it asks.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Sends a command and takes the reply into memory. The echo service gets the text as it is.
    pub async fn call(&self, command: &str) -> Result<Reply, Error> {
        self.ask(Ask::new(command)).await
    }

    /// Asks in full: with a body, a place for the reply's, and progress.
    pub async fn ask(&self, ask: Ask) -> Result<Reply, Error> {
        let service = self.url.endpoint.service();
        let encoding = match service {
            Service::Command => encoding_rs::UTF_8,
            _ => self.options.encoding,
        };
        let (call, reply) = Call::new(&self.url, ask, encoding, self.options.reply)?;
        match &self.link {
            Link::Tcp(handle) => handle.send(call).await?,
            Link::Udp(handle) => handle.call(call).await,
        }
        // The connection's task answers every call that it has taken.
        reply.await.unwrap_or(Err(Error::Spent))
    }

    /// Whether the peer, as far as is known, still holds the connection.
    pub async fn is_open(&self) -> bool {
        match &self.link {
            Link::Tcp(handle) => handle.is_open().await,
            Link::Udp(_) => true,
        }
    }
}
