//! Keys: who may do what, and connections that nobody else can read or change.

mod cipher;
pub(crate) mod datagrams;
mod handshake;
mod inbox;
mod key;
mod keyed;
mod ring;

pub use crate::command::Role;
pub use datagrams::{DatagramKey, DatagramSession, ID, OVERHEAD};
pub use key::{Key, KeyError};
pub use keyed::{Accept, Guarded, Keyed, KeyedClient, KeyedServer, Offer};
pub use ring::{Ephemerals, Keyring, Keys};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Counter, Counters, Identity};
    use crate::store::RamStore;
    use crate::{Command, Host, NoTask, Node};
    use std::vec;
    use std::vec::Vec;

    pub(crate) type Files = RamStore<Vec<u8>, 2>;

    /// A node with two keys: 1 is for everything, 2 for what changes nothing.
    pub(crate) struct Locked {
        pub(crate) node: Node<Files>,
        pub(crate) keys: Keyring<2, 2>,
    }

    impl Host for Locked {
        type Store = Files;
        type Task = NoTask;

        fn commands(&self) -> &[Command<Self>] {
            &[]
        }
        fn store(&mut self) -> &mut Files {
            &mut self.node.store
        }
        fn identity(&self) -> Identity<'_> {
            self.node.identity
        }
        fn count(&mut self, counter: Counter, count: u64) {
            self.node.counters.count(counter, count);
        }
        fn counters(&self) -> Counters {
            self.node.counters
        }
        fn keys(&mut self) -> Option<&mut dyn Keys> {
            Some(&mut self.keys)
        }
    }

    pub(crate) fn key(id: u8) -> Key {
        let role = if id == 1 { Role::Full } else { Role::Read };
        Key::new(id, role, [id + 6; 32]).unwrap()
    }

    pub(crate) fn locked() -> Locked {
        let mut keys = Keyring::new(Ephemerals::random([2; 32]));
        keys.add(key(1)).unwrap();
        keys.add(key(2)).unwrap();
        let store = RamStore::new([vec![0; 100_000], vec![0; 100_000]]);
        Locked { node: Node::new(Identity::new("locked", "1"), store), keys }
    }

    /// The bytes of hex digits.
    pub(crate) fn hex(digits: &str) -> Vec<u8> {
        let value = |digit: &u8| char::from(*digit).to_digit(16).unwrap() as u8;
        let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
        assert!(rest.is_empty());
        pairs.iter().map(|[high, low]| value(high) << 4 | value(low)).collect()
    }
}
