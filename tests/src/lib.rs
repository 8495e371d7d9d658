//! **Tests that cross packages**, and the transports in memory that they play scenarios on.
//!
//! The table of scenarios and what plays it are in `unstick-conformance`.
//!
//! | transport | where |
//! |---|---|
//! | sessions in memory, cut at every place | [`memory::sessions`] |
//! | the blocking and the async driver, in memory | [`memory::blocking`], [`memory::nonblocking`] |
//!
//! ```
//! use unstick_conformance::{Transcript, scenarios};
//! use unstick_tests::memory;
//!
//! for scenario in scenarios().iter().take(10) {
//!     let played = memory::blocking(scenario);
//!     assert_eq!(played, Some(Transcript::expected(scenario)), "{}", scenario.name);
//! }
//! ```

pub mod fixture;
pub mod memory;
