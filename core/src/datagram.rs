//! Datagrams: what arrived, what fits, and what a stack can really carry.

mod budget;

#[cfg(feature = "commands")]
pub use crate::serve::datagram::answer;
pub use budget::{Budget, BudgetError, Ip};

use crate::bytes::number;
use core::fmt;

/// The classic limit of DNS over UDP (RFC 1035 section 4.2.1), and the tutorials' "safe" size.
pub const CLASSIC: usize = 512;
/// What every IPv4 host reassembles: 576 (RFC 791) less 28 bytes of headers.
pub const IPV4_MINIMUM: usize = 548;
/// What every IPv6 link carries: 1280 (RFC 8200) less 48 bytes of headers.
pub const IPV6_MINIMUM: usize = 1232;
/// What an Ethernet frame carries over IPv4: 1500 less 28 bytes of headers.
pub const ETHERNET: usize = 1472;
/// What IPv4 can carry at all, in fragments: 65535 less 28 bytes of headers.
pub const IPV4_MAXIMUM: usize = 65507;

/// What a datagram's headers say, as far as that decides whether it is answered (rule U5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// The port it came from; 0 is not answered, because it stands for no port (RFC 768).
    pub from_port: u16,
    /// The ports of the node's own UDP services. What comes from one of these numbers is not
    /// answered: by a forged sender two nodes would answer each other for ever.
    pub own_ports: &'a [u16],
    /// Whether it was sent to a broadcast or multicast address. It is not answered then: all nodes
    /// of a network would answer one forged sender at once.
    pub broadcast: bool,
}

/// A datagram as it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datagram<'a> {
    /// All its bytes, at least one.
    Whole(&'a [u8]),
    /// It has no bytes, which UDP allows.
    Empty,
    /// It was longer than the buffer: only its head is here, and it is never taken for the whole.
    Truncated {
        /// The bytes that fit.
        head: &'a [u8],
        /// Its true length in bytes, where the system reports it.
        len: Option<usize>,
    },
}

impl<'a> Datagram<'a> {
    /// What a receive means that put `bytes` into a buffer and reported a datagram of `len` bytes.
    #[must_use]
    pub fn received(bytes: &'a [u8], len: usize) -> Self {
        if len > bytes.len() {
            Self::Truncated { head: bytes, len: Some(len) }
        } else if bytes.is_empty() {
            Self::Empty
        } else {
            Self::Whole(bytes)
        }
    }

    /// The bytes that are here.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        match self {
            Self::Whole(bytes) | Self::Truncated { head: bytes, .. } => bytes,
            Self::Empty => &[],
        }
    }
}

/// A datagram that is not sent because it is over a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TooLarge {
    /// Its bytes.
    pub len: usize,
    /// The bytes allowed.
    pub limit: usize,
}

/// Checks a datagram against a limit before it is sent.
pub fn check(len: usize, limit: usize) -> Result<(), TooLarge> {
    if len > limit { Err(TooLarge { len, limit }) } else { Ok(()) }
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (len, limit) = (number(self.len), number(self.limit));
        write!(f, "a datagram of {len} bytes is over the limit of {limit}")
    }
}

impl core::error::Error for TooLarge {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_receive_means() {
        assert_eq!(Datagram::received(b"ab", 2), Datagram::Whole(b"ab"));
        assert_eq!(Datagram::received(b"", 0), Datagram::Empty);
        let cut = Datagram::received(b"ab", 3);
        assert_eq!(cut, Datagram::Truncated { head: b"ab", len: Some(3) });
        assert_eq!((cut.bytes(), Datagram::Empty.bytes()), (&b"ab"[..], &b""[..]));
        assert!(matches!(Datagram::received(b"", 1), Datagram::Truncated { head: b"", .. }));
    }

    #[test]
    fn what_is_at_the_limit_may_be_sent() {
        assert_eq!((check(7, 8), check(8, 8)), (Ok(()), Ok(())));
        let error = check(9, 8).unwrap_err();
        assert_eq!(error, TooLarge { len: 9, limit: 8 });
        assert_eq!(std::format!("{error}"), "a datagram of 9 bytes is over the limit of 8");
    }
}
