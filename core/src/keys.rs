//! Keys: who may do what, and connections that nobody else can read or change.

mod cipher;
mod handshake;
mod inbox;
mod key;
mod keyed;
mod ring;

pub use crate::command::Role;
pub use key::{Key, KeyError};
pub use keyed::{Accept, Guarded, Keyed, KeyedClient, KeyedServer, Offer};
pub use ring::{Ephemerals, Keyring, Keys};

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    /// The bytes of hex digits.
    pub(crate) fn hex(digits: &str) -> Vec<u8> {
        let value = |digit: &u8| char::from(*digit).to_digit(16).unwrap() as u8;
        let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
        assert!(rest.is_empty());
        pairs.iter().map(|[high, low]| value(high) << 4 | value(low)).collect()
    }
}
