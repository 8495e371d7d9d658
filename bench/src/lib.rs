//! What all comparisons share: contestants take turns, and a table says what came out.
//!
//! The times of a shared machine mean little by themselves. So contestants run one after the other, round
//! after round, and what is stated is a ratio within a round: the median over all rounds.

mod table;
mod tool;
mod turns;

pub use table::{Table, page};
pub use tool::{Served, address_at_end, memory_of, node, program, tool};
pub use turns::{median, timed, turns};
