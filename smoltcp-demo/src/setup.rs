//! What a node cannot be built with.

use crate::memory::SEND_SLOTS;
use core::fmt;
use unstick::Service;
use unstick::datagram::{BudgetError, TooLarge};

/// What a node cannot be built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupError {
    /// All sockets that there is room for are in use.
    Full,
    /// Port 0 cannot be served.
    Port,
    /// The service has no datagrams.
    Service {
        /// The service.
        service: Service,
    },
    /// A ring or scratch is too short.
    TooShort {
        /// Which of them.
        ring: Ring,
        /// Its length.
        bytes: usize,
        /// The length it must have.
        needed: usize,
    },
    /// A UDP send ring has another number of metadata slots than the one for a reply.
    SendSlots {
        /// The slots it has.
        slots: usize,
    },
    /// The device or the send ring cannot carry datagrams of the limit.
    Limit(TooLarge),
    /// No datagram can be carried at all.
    Budget(BudgetError),
}

/// A piece of memory that has a least length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ring {
    /// A socket's receive ring.
    Receive,
    /// A socket's send ring.
    Send,
    /// [`Scratch::input`](crate::Scratch::input).
    Input,
    /// [`Scratch::output`](crate::Scratch::output).
    Output,
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => write!(f, "there is no room for one more socket: make the stack larger"),
            Self::Port => write!(f, "port 0 cannot be served: choose a port from 1 to 65535"),
            Self::Service { service } => {
                write!(f, "the {} service has no datagrams: serve it over TCP", service.as_str())
            }
            Self::TooShort { ring, bytes, needed } => {
                let ring = match ring {
                    Ring::Receive => "a receive ring",
                    Ring::Send => "a send ring",
                    Ring::Input => "the input scratch",
                    Ring::Output => "the output scratch",
                };
                write!(f, "{ring} of {bytes} bytes is too short: make it {needed} bytes or more")
            }
            Self::SendSlots { slots } => {
                write!(f, "a UDP send ring has {slots} metadata slots: give it {SEND_SLOTS}")
            }
            Self::Limit(error) => write!(f, "{error} that the device and its ring can carry"),
            Self::Budget(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for SetupError {}

/// Compares the length of a ring or scratch with what it must be.
pub(crate) const fn check(needed: usize, bytes: usize, ring: Ring) -> Result<(), SetupError> {
    if bytes < needed { Err(SetupError::TooShort { ring, bytes, needed }) } else { Ok(()) }
}
