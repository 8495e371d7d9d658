//! The serving side: sessions that answer requests on a host.
//!
//! | module | contents |
//! |---|---|
//! | `server` | a session: one connection |
//! | `datagram` | one datagram in, at most one out |
//! | `exchange` | one request and its reply, which both of these frame |
//! | `command`, `task`, `json` | what a request runs |
//! | `host`, `store` | what a node provides: identity, counters, commands, files |
//! | `text`, `reply` | what a command answers with |

pub mod command;
pub(crate) mod datagram;
mod exchange;
pub mod host;
#[cfg(feature = "json")]
mod json;
mod line;
mod reply;
mod server;
pub mod store;
mod task;
mod text;

pub use reply::{Refusal, Status};
pub use server::{Serve, Server};
pub use task::{NoTask, Progress, Task};
pub use text::Text;

use crate::bytes::copy;
use core::fmt;

/// Copies as many bytes as both sides have, ASCII a-z in upper case and all else unchanged: Python's
/// `bytes.upper()` (rule E1). Returns how many.
fn copy_upper(from: &[u8], to: &mut [u8]) -> usize {
    let len = copy(from, to);
    if let Some(copied) = to.get_mut(..len) {
        copied.make_ascii_uppercase();
    }
    len
}

/// What [`fmt::Write::write_char`] does unless told otherwise, once for all writers.
#[inline(never)]
fn write_char(to: &mut dyn fmt::Write, character: char) -> fmt::Result {
    to.write_str(character.encode_utf8(&mut [0; 4]))
}
