//! Deadlines of a session.

use super::{Closed, Phase};
use crate::limits::Limits;
use crate::time::Instant;

/// Times how long a session has been in one phase.
///
/// A byte that moves renews the deadline of every phase but two: a header has to be whole in time,
/// and an answer has to come in time, whatever else moves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timer {
    /// `None` once the session is closed.
    phase: Option<Phase>,
    since: Option<Instant>,
}

impl Timer {
    pub(crate) const fn new() -> Self {
        Self { phase: Some(Phase::Idle), since: None }
    }

    /// After a step that left the session in `phase`, having `moved` bytes or begun something new:
    /// its deadline, or the phase that has lasted too long.
    pub(crate) fn check(
        &mut self,
        now: Instant,
        phase: Phase,
        moved: bool,
        begun: bool,
        limits: &Limits,
    ) -> Result<Instant, Phase> {
        let renewed = moved && !matches!(phase, Phase::Header | Phase::Answer);
        if self.phase != Some(phase) || renewed || begun {
            self.since = None;
        }
        self.phase = Some(phase);
        let deadline = self.since.get_or_insert(now).after(match phase {
            Phase::Idle => limits.idle,
            Phase::Header => limits.header,
            Phase::Body | Phase::Output => limits.stall,
            Phase::Answer => limits.answer,
        });
        if now < deadline { Ok(deadline) } else { Err(phase) }
    }

    /// When to give up sending what a closed session has given: at once where the peer has had its
    /// time for that. It is the same however often the session is stepped.
    pub(crate) fn give_up(&mut self, now: Instant, why: Closed, limits: &Limits) -> Instant {
        if self.phase.take().is_some() {
            self.since = None;
        }
        let since = *self.since.get_or_insert(now);
        match why {
            Closed::Timeout(Phase::Output) => since,
            _ => since.after(limits.stall),
        }
    }
}
