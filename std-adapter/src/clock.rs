//! Time for sessions, counted by tokio.

use core::future::{Future as _, pending, poll_fn};
use core::pin::Pin;
use core::time::Duration;
use std::sync::{Mutex, PoisonError};
use tokio::time::{self, Sleep};
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

    /// The same time as tokio has it; `None` for one beyond what the system can count, which never comes.
    fn system(&self, at: Instant) -> Option<time::Instant> {
        self.start.checked_add(Duration::from_micros(at.as_micros()))
    }
}

/// One timer for all the waits of a connection, one after the other: that a deadline moves on costs nothing,
/// where a new timer each time is put into a list that all connections share, and taken out again.
#[derive(Debug)]
pub(crate) struct Alarm(Mutex<Pin<Box<Sleep>>>);

impl Alarm {
    /// A timer that nobody waits for.
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Box::pin(time::sleep(Duration::ZERO))))
    }

    /// Waits until that time of the clock.
    pub(crate) async fn wait(&self, clock: Clock, deadline: Instant) {
        let Some(deadline) = clock.system(deadline) else { return pending().await };
        poll_fn(|cx| {
            let mut sleep = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if sleep.deadline() != deadline {
                sleep.as_mut().reset(deadline);
            }
            sleep.as_mut().poll(cx)
        })
        .await;
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
        match self.system(deadline) {
            Some(deadline) => time::sleep_until(deadline).await,
            None => pending().await,
        }
    }

    async fn host_ready(&self) {
        pending().await
    }
}
