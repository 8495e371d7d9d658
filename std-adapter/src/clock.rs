//! Time for sessions, counted by tokio.

use core::future::pending;
use core::time::Duration;
use tokio::time;
use unstick::Instant;
use unstick::driver::nonblocking::Runtime;

/// A clock that starts at zero. A simulation can pause and advance it as it does tokio's time.
///
/// As a [`Runtime`] it is for a session whose host is never waited for, such as a client's.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: time::Instant,
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn new() -> Self {
        Self { start: time::Instant::now() }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

impl Runtime for Clock {
    fn now(&self) -> Instant {
        Instant::ZERO.after(self.start.elapsed())
    }

    async fn sleep_until(&self, deadline: Instant) {
        // A deadline beyond what the system can count never comes.
        match self.start.checked_add(Duration::from_micros(deadline.as_micros())) {
            Some(deadline) => time::sleep_until(deadline).await,
            None => pending().await,
        }
    }

    async fn host_ready(&self) {
        pending().await
    }
}
