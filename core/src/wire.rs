//! The bytes on the wire: frames, headers, messages, digests. No sessions, no clock.

pub mod digest;
pub mod frame;
pub mod header;
pub(crate) mod json;
pub mod message;
