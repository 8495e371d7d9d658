//! What a stack can really carry.

use super::IPV4_MAXIMUM;
use core::fmt;

/// An IP version, for what its header and UDP's take of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ip {
    /// 20 bytes of IPv4 header without options, 8 of UDP.
    V4,
    /// 40 bytes of IPv6 header without extensions, 8 of UDP.
    V6,
}

impl Ip {
    /// Bytes of headers before a UDP payload.
    #[must_use]
    pub const fn headers(self) -> usize {
        match self {
            Self::V4 => 28,
            Self::V6 => 48,
        }
    }
}

/// The parts of a stack that bound a datagram. A stack drops what is over one of them in silence,
/// so a node computes [`Budget::payload`] when it is built, in a `const` where all of it is
/// constant, and checks against that.
///
/// ```
/// use unstick::datagram::{Budget, Ip, ETHERNET};
///
/// const BUDGET: Budget = Budget { mtu: 1500, ip: Ip::V4, fragments: None, ring: 4096, slots: 5 };
/// const LIMIT: usize = match BUDGET.payload(4) {
///     Ok(limit) => limit,
///     Err(_) => panic!("the UDP ring or its slots are too small"),
/// };
/// assert_eq!(LIMIT, 1024); // four at once share the ring
/// assert_eq!(BUDGET.payload(1), Ok(ETHERNET));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of an IP packet on the link.
    pub mtu: usize,
    /// The IP version.
    pub ip: Ip,
    /// Bytes of the smaller of the fragmentation and reassembly buffers; `None` where the stack
    /// cannot fragment, as smoltcp cannot with IPv6.
    pub fragments: Option<usize>,
    /// Bytes of the socket's payload ring.
    pub ring: usize,
    /// Metadata slots of the socket. Padding at the ring's end eats one, so N datagrams need N + 1.
    pub slots: usize,
}

impl Budget {
    /// The largest payload in bytes with `queued` datagrams in the ring at once; an error that
    /// names the part that makes it impossible.
    pub const fn payload(&self, queued: usize) -> Result<usize, BudgetError> {
        if queued == 0 || self.slots <= queued {
            return Err(BudgetError::Slots { needed: queued.saturating_add(1), slots: self.slots });
        }
        let headers = self.ip.headers();
        let packet = match self.fragments {
            Some(bytes) if bytes > self.mtu => bytes,
            _ => self.mtu,
        };
        if packet <= headers {
            return Err(BudgetError::Mtu { mtu: packet, headers });
        }
        let share = match self.ring.checked_div(queued) {
            Some(0) | None => return Err(BudgetError::Ring { queued, ring: self.ring }),
            Some(share) => share,
        };
        let payload = packet.saturating_sub(headers);
        let payload = if share < payload { share } else { payload };
        Ok(if payload < IPV4_MAXIMUM { payload } else { IPV4_MAXIMUM })
    }
}

/// Why a stack can carry no datagram at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum BudgetError {
    /// Too few metadata slots.
    Slots {
        /// Slots needed.
        needed: usize,
        /// Slots there are.
        slots: usize,
    },
    /// The headers leave nothing of a packet.
    Mtu {
        /// Bytes of a packet.
        mtu: usize,
        /// Bytes of headers.
        headers: usize,
    },
    /// The ring has no byte for each datagram.
    Ring {
        /// Datagrams at once.
        queued: usize,
        /// Bytes of ring.
        ring: usize,
    },
}

impl fmt::Display for BudgetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slots { needed, slots } => {
                write!(f, "{needed} metadata slots are needed, there are {slots}")
            }
            Self::Mtu { mtu, headers } => {
                write!(f, "packets of {mtu} bytes have no room after {headers} bytes of headers")
            }
            Self::Ring { queued, ring } => {
                write!(f, "a ring of {ring} bytes cannot hold {queued} datagrams")
            }
        }
    }
}

impl core::error::Error for BudgetError {}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK: Budget = Budget { mtu: 1500, ip: Ip::V4, fragments: None, ring: 65_536, slots: 9 };

    #[test]
    fn the_smallest_part_decides() {
        assert_eq!(STACK.payload(1), Ok(super::super::ETHERNET));
        assert_eq!(Budget { mtu: 1280, ip: Ip::V6, ..STACK }.payload(1), Ok(1232));
        assert_eq!(Budget { fragments: Some(4096), ..STACK }.payload(1), Ok(4068));
        assert_eq!(Budget { fragments: Some(1000), ..STACK }.payload(1), Ok(1472), "in one piece");
        assert_eq!(Budget { fragments: Some(4096), ring: 2048, ..STACK }.payload(2), Ok(1024));
        assert_eq!(
            Budget { fragments: Some(1 << 20), ring: 1 << 20, ..STACK }.payload(1),
            Ok(65_507)
        );
    }

    #[test]
    fn what_makes_it_impossible_is_a_sentence() {
        for (why, sentence) in [
            (
                BudgetError::Slots { needed: 10, slots: 9 },
                "10 metadata slots are needed, there are 9",
            ),
            (
                BudgetError::Mtu { mtu: 28, headers: 28 },
                "packets of 28 bytes have no room after 28 bytes of headers",
            ),
            (BudgetError::Ring { queued: 4, ring: 3 }, "a ring of 3 bytes cannot hold 4 datagrams"),
        ] {
            assert_eq!(std::format!("{why}"), sentence);
        }
    }

    #[test]
    fn what_makes_it_impossible_is_named() {
        let slots = BudgetError::Slots { needed: 10, slots: 9 };
        assert_eq!(STACK.payload(9), Err(slots));
        assert_eq!(
            Budget { mtu: 28, ..STACK }.payload(1),
            Err(BudgetError::Mtu { mtu: 28, headers: 28 })
        );
        assert_eq!(
            Budget { ring: 3, ..STACK }.payload(4),
            Err(BudgetError::Ring { queued: 4, ring: 3 })
        );
    }
}
