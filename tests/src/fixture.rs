//! The node that the transports in memory share.

use crate::scenario::Setup;
use unstick::Instant;
use unstick::host::Identity;
use unstick::store::RamStore;

/// A node with a store in memory.
pub type Node = unstick::Node<RamStore<Vec<u8>, FILES>>;

/// Files its store has room for.
pub const FILES: usize = 8;

/// Bytes of each.
pub const FILE: usize = 64 * 1024;

/// Bytes of each in the store of [`Setup::Small`].
pub const SMALL: usize = 16;

/// Who every node under test says it is.
pub const IDENTITY: Identity<'static> = Identity {
    name: "scenario",
    version: "1.0",
    target: "memory",
    datagram: Setup::Default.datagram(),
    started: Instant::ZERO,
};

/// A node without files, as a scenario needs it.
#[must_use]
pub fn node(setup: Setup) -> Node {
    let len = if setup == Setup::Small { SMALL } else { FILE };
    let buffers = core::array::from_fn(|_| vec![0; len]);
    let identity = Identity { datagram: setup.datagram(), ..IDENTITY };
    Node::new(identity, RamStore::new(buffers))
}
