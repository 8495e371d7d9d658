//! The services, and the limits of a session.

use crate::error::unstick_error;
use crate::memory::number;
use core::mem::MaybeUninit;
use core::time::Duration;
use unstick::limits::Oversize;
use unstick::{Limits, Service};

/// What a connection or a datagram socket is for, with the ports that clients expect.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum unstick_service {
    /// Bytes in, the same bytes out, a-z in upper case. TCP 8080, UDP 8092.
    Echo,
    /// Bare requests in, frames out. TCP 8086.
    Frame,
    /// Bare requests in, messages out. TCP 8087.
    Message,
    /// Messages in, messages out. TCP 8088, UDP 8093.
    Command,
}

/// The service that C means.
pub(crate) fn service(value: MaybeUninit<unstick_service>) -> Result<Service, unstick_error> {
    match number(value) {
        0 => Ok(Service::Echo),
        1 => Ok(Service::Frame),
        2 => Ok(Service::Message),
        3 => Ok(Service::Command),
        _ => Err(unstick_error::Value),
    }
}

/// What a session allows and how long it waits. Every field counts, and 0 means no time at all: begin
/// with `UNSTICK_LIMITS_DEFAULT` and change what you want otherwise.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct unstick_limits {
    /// Most bytes read and discarded of a body that is refused; upon a longer one the connection is
    /// closed.
    pub skip: u64,
    /// Longest wait between requests, in microseconds.
    pub idle_us: u64,
    /// Longest time from a header's first byte to its last, in microseconds.
    pub header_us: u64,
    /// Longest wait without a byte moving inside a body or while output is not taken, in
    /// microseconds.
    pub stall_us: u64,
    /// Longest wait for a task to have its answer ready, or the next piece of it, in microseconds.
    pub answer_us: u64,
}

/// The default of `unstick_limits.skip`.
pub const UNSTICK_SKIP_DEFAULT: u64 = 65_536;
/// The default of `unstick_limits.idle_us`.
pub const UNSTICK_IDLE_US_DEFAULT: u64 = 300_000_000;
/// The default of `unstick_limits.header_us`.
pub const UNSTICK_HEADER_US_DEFAULT: u64 = 10_000_000;
/// The default of `unstick_limits.stall_us`.
pub const UNSTICK_STALL_US_DEFAULT: u64 = 30_000_000;
/// The default of `unstick_limits.answer_us`.
pub const UNSTICK_ANSWER_US_DEFAULT: u64 = 60_000_000;

/// What sessions allow that are started without limits. For C it is in cbindgen.toml: what cbindgen
/// would make of it cannot initialise a static object.
///
/// cbindgen:ignore
pub const UNSTICK_LIMITS_DEFAULT: unstick_limits = unstick_limits {
    skip: UNSTICK_SKIP_DEFAULT,
    idle_us: UNSTICK_IDLE_US_DEFAULT,
    header_us: UNSTICK_HEADER_US_DEFAULT,
    stall_us: UNSTICK_STALL_US_DEFAULT,
    answer_us: UNSTICK_ANSWER_US_DEFAULT,
};

impl unstick_limits {
    pub(crate) fn limits(self) -> Limits {
        Limits::DEFAULT
            .with_oversize(Oversize::Skip { budget: self.skip })
            .with_idle(Duration::from_micros(self.idle_us))
            .with_header(Duration::from_micros(self.header_us))
            .with_stall(Duration::from_micros(self.stall_us))
            .with_answer(Duration::from_micros(self.answer_us))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_core() {
        assert_eq!(UNSTICK_LIMITS_DEFAULT.limits(), Limits::DEFAULT);
    }
}
