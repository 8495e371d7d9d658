//! What a scenario is.

use crate::reply::Reply;
use core::time::Duration;
use unstick::limits::Oversize;
use unstick::{Endpoint, Limits, Transport, datagram};

/// Files that the store of [`Setup::Store`] has room for.
pub const FILES: usize = 8;

/// The number of bytes of each.
pub const FILE: usize = 64 * 1024;

/// The number of bytes of each in the store of [`Setup::Small`].
pub const SMALL: usize = 16;

/// One connection, or one exchange of datagrams: what is sent, and what must come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Short, and unique in the table.
    pub name: String,
    /// The rules of `docs/protocol.md` it shows.
    pub rules: Vec<String>,
    /// The sentences of that page that it shows.
    pub shows: Vec<String>,
    /// What it talks to.
    pub endpoint: Endpoint,
    /// What it needs of the node.
    pub setup: Setup,
    /// The client's UDP port has the number of the service's.
    pub from_own_port: bool,
    /// What happens, in this order.
    pub script: Vec<Act>,
}

impl Scenario {
    /// Whether it is played over UDP, so that each send is a datagram.
    #[must_use]
    pub fn is_udp(&self) -> bool {
        self.endpoint.transport() == Transport::Udp
    }

    /// How long its client waits while it is played.
    #[must_use]
    pub fn pauses(&self) -> Duration {
        let pauses = self.script.iter().map(|act| match act {
            Act::Pause(time) => *time,
            _ => Duration::ZERO,
        });
        pauses.sum()
    }

    /// What it sends, send by send.
    pub fn sends(&self) -> impl Iterator<Item = &[u8]> {
        self.script.iter().filter_map(|act| match act {
            Act::Send(bytes) => Some(bytes.as_slice()),
            _ => None,
        })
    }
}

/// What a scenario needs of the node it is played on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Setup {
    /// Any live node with its default limits. What it stores it removes again.
    Default,
    /// The oversize policy is [`Oversize::Close`].
    Close,
    /// It has the [`commands`](crate::commands) of a node under test.
    Commands,
    /// It has them all, the one that takes and returns typed JSON too. What it changes it sets back.
    Json,
    /// It has no files yet, and nobody else uses it. What it stores it removes again.
    Empty,
    /// The store is in memory, has room for [`FILES`] files of [`FILE`] bytes and none yet, and nobody
    /// else uses it.
    Store,
    /// So it is, and files have at most [`SMALL`] bytes.
    Small,
    /// Datagrams have at most 512 bytes, in and out, those of the echo too.
    Classic,
}

impl Setup {
    /// All there are.
    pub const ALL: [Self; 8] = [
        Self::Default,
        Self::Close,
        Self::Commands,
        Self::Json,
        Self::Empty,
        Self::Store,
        Self::Small,
        Self::Classic,
    ];

    /// Its name in the file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Close => "close",
            Self::Commands => "commands",
            Self::Json => "json",
            Self::Empty => "empty",
            Self::Store => "store",
            Self::Small => "small",
            Self::Classic => "classic",
        }
    }

    /// The limits of a session on such a node.
    #[must_use]
    pub const fn limits(self) -> Limits {
        match self {
            Self::Close => Limits::DEFAULT.with_oversize(Oversize::Close),
            _ => Limits::DEFAULT,
        }
    }

    /// The largest datagram of such a node, in bytes of payload.
    #[must_use]
    pub const fn datagram(self) -> usize {
        match self {
            Self::Classic => datagram::CLASSIC,
            _ => datagram::ETHERNET,
        }
    }

    /// Whether what others have done before spoils it.
    #[must_use]
    pub const fn wants_a_fresh_node(self) -> bool {
        matches!(self, Self::Empty | Self::Store | Self::Small)
    }
}

/// One step of a scenario, seen from the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Sends these bytes with one write, or as one datagram.
    Send(Vec<u8>),
    /// Exactly these bytes come, in however many pieces; over UDP, as one datagram.
    Expect(Vec<u8>),
    /// A reply comes.
    Reply(Reply),
    /// Waits.
    Pause(Duration),
    /// Sends no more: half-closes the connection.
    Finish,
    /// The peer closes, and nothing more comes before.
    End,
    /// Nothing comes within [`QUIET`](Self::QUIET).
    Silence,
}

impl Act {
    /// How long [`Act::Silence`] listens.
    pub const QUIET: Duration = Duration::from_millis(200);

    /// Whether it waits for the node.
    #[must_use]
    pub const fn waits(&self) -> bool {
        !matches!(self, Self::Send(_) | Self::Pause(_) | Self::Finish)
    }
}
