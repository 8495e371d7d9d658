//! The node that the transports in memory share.

use unstick::command::Command;
use unstick::host::Identity;
use unstick::store::RamStore;
use unstick_conformance::commands::{Settings, Tasks, rows};
use unstick_conformance::{FILE, FILES, SMALL, Setup};

/// A node with a store in memory and the commands of a node under test.
pub type Node = unstick::Node<Store, Settings, Tasks>;

type Store = RamStore<Vec<u8>, FILES>;

const COMMANDS: &[Command<Node>] = &rows();

/// A node without files, as a scenario needs it.
#[must_use]
pub fn node(setup: Setup) -> Node {
    let len = if setup == Setup::Small { SMALL } else { FILE };
    let buffers = core::array::from_fn(|_| vec![0; len]);
    let identity = Identity::new("scenario", "1.0").target("memory").datagram(setup.datagram());
    Node::with(identity, RamStore::new(buffers), COMMANDS, Settings::new())
}
