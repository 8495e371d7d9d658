//! Time, as a driver tells it.

use crate::node::LATE;
use crate::sizes::Sizes;
use core::time::Duration;
use unstick::{Instant, Step};

/// Times, one for each step.
pub(crate) struct Clock {
    now: Instant,
    /// Where the next step gets its time from; `None` for a clock that stands while there is anything
    /// to do.
    moves: Option<Sizes>,
    /// Steps in which a host was not ready, one after another.
    waits: u8,
}

impl Clock {
    /// It moves on only where all there is to do is to wait.
    pub(crate) fn standing() -> Self {
        Self { now: Instant::from_micros(1 << 40), moves: None, waits: 0 }
    }

    /// It mostly goes on, often stands, and is at times put back, which no clock of a driver should be.
    pub(crate) fn unsteady(sizes: Sizes) -> Self {
        Self { moves: Some(sizes), ..Self::standing() }
    }

    pub(crate) fn tick(&mut self) -> Instant {
        if let Some(sizes) = &mut self.moves {
            let passed = sizes.draw() as u64;
            let micros = self.now.as_micros();
            self.now = Instant::from_micros(match sizes.draw() {
                0 => micros.saturating_sub(passed << 16),     // up to 8 s
                1 | 2 => micros.saturating_add(passed << 20), // up to 133 s
                3..8 => micros.saturating_add(passed),
                _ => micros,
            });
        }
        self.now
    }

    /// A step found a host that was not ready, and has a deadline: the host is asked again at once, more
    /// often than it is late, and then when it said or when nobody waits any more.
    pub(crate) fn wait(&mut self, step: &Step) {
        let deadline = step.deadline.expect("nobody waits for ever");
        self.waits = if step.consumed + step.written > 0 { 0 } else { self.waits + 1 };
        if self.waits > LATE {
            self.waits = 0;
            // A clock that was put back comes there in its own time.
            self.now = self.now.max(deadline).min(self.now.after(Duration::from_secs(3600)));
        }
    }
}
