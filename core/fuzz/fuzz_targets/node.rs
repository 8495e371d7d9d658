//! The node that the targets ask.

use unstick::Text;
use unstick::host::{Identity, Node};
use unstick::store::{RamStore, Store as _};

/// Bytes of the largest file.
pub(crate) const SIZE: usize = 256;
const FILES: usize = 2;

type Files = RamStore<[u8; SIZE], FILES>;
pub(crate) type Host = Node<Files>;

pub(crate) fn new() -> Host {
    let identity = Identity::new("n", "1").target("t").datagram(512);
    Host::new(identity, RamStore::new([[0; SIZE]; FILES]))
}

/// A line for each file.
pub(crate) fn list(store: &mut Files) -> String {
    let mut memory = [0; 1024];
    let mut lines = Text::new(&mut memory);
    store.list(&mut lines).expect("the names are not that long");
    String::from_utf8(lines.as_bytes().to_vec()).expect("names are UTF-8")
}

/// Each file can be read and removed; then every slot is free, which none would be that a session
/// still holds.
pub(crate) fn assert_nothing_lent(store: &mut Files) {
    for line in list(store).lines() {
        let (_size, name) = line.split_at(9);
        let source = store.open(name).expect("a file");
        store.close(source);
        store.remove(name).expect("a file");
        store.open(name).expect_err("a file that is removed");
    }
    let sinks = [(); FILES].map(|()| store.create("a", SIZE as u64).expect("a slot that is free"));
    for sink in sinks {
        store.discard(sink);
    }
}
