//! The node that the transports in memory share.

use crate::commands::{Settings, Tasks, rows};
use crate::{FILE, FILES, SMALL, Setup};
use unstick::command::Command;
use unstick::host::Identity;
use unstick::store::RamStore;

/// A node with a store in memory and the commands of a node under test.
pub type Node = unstick::Node<Store, Settings, Tasks>;

type Store = RamStore<Vec<u8>, FILES>;

/// The commands of a node under test.
pub const COMMANDS: &[Command<Node>] = &rows();

/// A node without files, as a scenario needs it.
#[must_use]
pub fn node(setup: Setup) -> Node {
    let len = if setup == Setup::Small { SMALL } else { FILE };
    let buffers = core::array::from_fn(|_| vec![0; len]);
    let identity = Identity::new("scenario", "1.0").target("memory").datagram(setup.datagram());
    Node::with(identity, RamStore::new(buffers), COMMANDS, Settings::new())
}
