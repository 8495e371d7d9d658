//! Time as a number that somebody else counts.

use core::time::Duration;

/// A point on the caller's monotonic clock, in microseconds since any fixed start.
///
/// The core never reads a clock: whoever drives a session passes the time in and receives the next
/// deadline. A caller without a clock passes [`Instant::ZERO`] for ever; then no deadline passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Instant(u64);

impl Instant {
    /// The start of the clock.
    pub const ZERO: Self = Self(0);

    /// The instant `micros` microseconds after the start.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The instant `millis` milliseconds after the start (saturating, half a million years off).
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// Microseconds since the start.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Time passed since `earlier`; zero if that is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// The instant `duration` later; the end of time if that is further off.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(micros))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_to_its_end_and_not_back() {
        let second = Instant::from_millis(1000);
        assert_eq!((second.as_micros(), second), (1_000_000, Instant::from_micros(1_000_000)));
        assert_eq!(second.after(Duration::from_nanos(2_999)).as_micros(), 1_000_002);
        assert_eq!(second.after(Duration::MAX).as_micros(), u64::MAX);
        assert_eq!(second.since(Instant::ZERO), Duration::from_secs(1));
        assert_eq!(Instant::ZERO.since(second), Duration::ZERO);
    }
}
