//! A program and all that it started: its process group.

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::task::JoinHandle;

/// The process group that a program leads; dropped, all of it is killed.
///
/// The leader is not reaped before the group has been killed, so that its number cannot belong to
/// somebody else by then. What leaves the group, by `setsid` or `setpgid`, is not reached.
pub(super) struct Group {
    leader: Option<Pid>,
    child: Child,
    ended: JoinHandle<()>,
}

impl Group {
    /// Starts a program without input that leads a group, and returns its outputs. When this process
    /// is gone, so is the program.
    pub(super) fn start(
        command: std::process::Command,
        name: &str,
    ) -> io::Result<(Self, Option<ChildStdout>, Option<ChildStderr>)> {
        let mut command = command;
        end_with_us(&mut command);
        let mut child = Command::from(command)
            .arg0(name)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let leader = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let ended = tokio::task::spawn_blocking(move || {
            let Some(leader) = leader else { return };
            let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            // An error is that there is no such child: it has ended.
            let _ = rustix::io::retry_on_intr(|| waitid(WaitId::Pid(leader), ended));
        });
        let outputs = (child.stdout.take(), child.stderr.take());
        Ok((Self { leader, child, ended }, outputs.0, outputs.1))
    }

    /// Asks all of it to end.
    pub(super) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Ends when the leader has, which is left to be reaped.
    pub(super) async fn leader_ended(&mut self) {
        if !self.ended.is_finished() {
            let _ = (&mut self.ended).await;
        }
    }

    /// Kills what is left; how the leader ended.
    pub(super) async fn end(mut self) -> io::Result<ExitStatus> {
        self.signal(Signal::KILL);
        let status = self.child.wait().await;
        self.leader = None; // the number may be another's from here on
        status
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

/// Has the kernel kill a program when this process is gone, however that ended.
///
/// It is the end of the thread that started it that counts: a thread of the runtime, which lives as
/// long as that.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "what runs between fork and exec is restricted")]
fn end_with_us(command: &mut std::process::Command) {
    use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};
    use std::os::unix::process::CommandExt as _;
    let ours = getpid();
    let ask = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // It may have gone before that was asked.
        if getppid() == Some(ours) { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    };
    // SAFETY: it makes two system calls, and neither allocates nor takes a lock.
    unsafe { command.pre_exec(ask) };
}

#[cfg(not(target_os = "linux"))]
fn end_with_us(_: &mut std::process::Command) {}

/// The exit code; of a program that a signal ended its negative number, as Python has it.
pub(super) fn exit_code(status: ExitStatus) -> Option<i32> {
    status.code().or_else(|| status.signal().map(|signal| -signal))
}
