//! Deadlines of a session.

use super::Phase;
use crate::limits::Limits;
use crate::time::Instant;

/// Watches how long a session has been in one phase.
///
/// A byte that moves renews the deadline of every phase but two: a header has to be whole in time,
/// and an answer has to come in time, whatever else moves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    phase: Phase,
    since: Option<Instant>,
}

impl Watch {
    pub(crate) const fn new() -> Self {
        Self { phase: Phase::Idle, since: None }
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
        if phase != self.phase || renewed || begun {
            self.since = None;
        }
        self.phase = phase;
        let deadline = self.since.get_or_insert(now).after(match phase {
            Phase::Idle => limits.idle,
            Phase::Header => limits.header,
            Phase::Body | Phase::Output => limits.stall,
            Phase::Answer => limits.answer,
        });
        if now < deadline { Ok(deadline) } else { Err(phase) }
    }
}
