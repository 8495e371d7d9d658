//! A program and all that it started.

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::process::Child;
use tokio::task::JoinHandle;

/// The process group that a program leads; dropped, all of it is killed.
///
/// The leader is not reaped before the group has been killed, so that its number cannot belong to
/// somebody else by then. What leaves the group, by `setsid` or `setpgid`, is not reached.
pub(super) struct Group {
    leader: Option<Pid>,
}

impl Group {
    /// The group of a child that was started as its leader and has not been waited for.
    pub(super) fn of(child: &Child) -> Self {
        let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        Self { leader: pid }
    }

    /// Asks all of it to end.
    pub(super) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Ends when the leader has, which is left to be reaped.
    pub(super) fn leader_ended(&self) -> JoinHandle<()> {
        let leader = self.leader;
        tokio::task::spawn_blocking(move || {
            let Some(leader) = leader else { return };
            let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            // An error is that there is no such child: it has ended.
            let _ = rustix::io::retry_on_intr(|| waitid(WaitId::Pid(leader), ended));
        })
    }

    fn signal(&self, signal: Signal) {
        if let Some(leader) = self.leader {
            // An error is that nobody is left.
            let _ = kill_process_group(leader, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
