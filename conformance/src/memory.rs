//! Transports in memory: sessions without a stack below them.
//!
//! Each plays a scenario on a node of its own ([`crate::fixture`]).

mod session;
mod stream;

pub use session::{Delivery, Splits, deliveries, session, sessions};
pub use stream::{blocking, nonblocking};
