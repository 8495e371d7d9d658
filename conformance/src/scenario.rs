//! What a scenario is.

use core::time::Duration;
use unstick::limits::Oversize;
use unstick::{Endpoint, Limits, Transport, datagram};

/// Files that the store of [`Setup::Empty`] has room for.
pub const FILES: usize = 8;

/// The number of bytes of each.
pub const FILE: usize = 64 * 1024;

/// The number of bytes of each in the store of [`Setup::Small`].
pub const SMALL: usize = 16;

/// One connection, or one exchange of datagrams: what is sent, and what must come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Short, and unique in the table.
    pub name: &'static str,
    /// The rules of `docs/protocol.md` it shows, separated by spaces.
    pub rules: &'static str,
    /// What it talks to.
    pub endpoint: Endpoint,
    /// What it needs of the node.
    pub setup: Setup,
    /// What happens, in this order.
    pub script: Vec<Act>,
}

impl Scenario {
    /// Whether it is played over UDP, so that each send is a datagram.
    #[must_use]
    pub fn is_udp(&self) -> bool {
        self.endpoint.transport() == Transport::Udp
    }
}

/// What a scenario needs of the node it is played on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Setup {
    /// Any live node with its default limits. What it stores it removes again.
    Default,
    /// The oversize policy is [`Oversize::Close`].
    Close,
    /// It has the [`commands`](crate::commands) of a node under test.
    Commands,
    /// It has them all, the one that takes and returns typed JSON too. What it changes it sets back.
    Json,
    /// The store is in memory, has room for [`FILES`] files of [`FILE`] bytes and none yet, and nobody
    /// else uses it.
    Empty,
    /// So it is, and files have at most [`SMALL`] bytes.
    Small,
    /// Datagrams have at most 512 bytes, in and out, those of the echo too.
    Classic,
}

impl Setup {
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
}

/// One step of a scenario, seen from the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Sends these bytes with one write, or as one datagram. A bare request is what one receive
    /// delivers, so two sends to such a service have an answer between them.
    Send(Vec<u8>),
    /// Exactly these bytes come, in however many pieces; over UDP, as one datagram.
    Expect(Vec<u8>),
    /// A message comes whose header is this with `#` for the numbers and digests that differ from
    /// node to node, and whose body has all these pieces. Its size and digest are checked.
    ExpectLike {
        /// The header, with `"total_size":#,"md5":"#"` at its end.
        header: &'static str,
        /// What the body must have in it.
        body: &'static [&'static str],
    },
    /// Sends no more: half-closes the connection.
    Finish,
    /// The peer closes, and nothing more comes before.
    ExpectEnd,
    /// Over UDP: nothing comes within [`QUIET`](Self::QUIET). A request whose answer proves that
    /// the node is alive follows.
    Silence,
}

impl Act {
    /// How long [`Act::Silence`] listens.
    pub const QUIET: Duration = Duration::from_millis(200);
}
