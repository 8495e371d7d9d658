//! Running one program to its end, whatever it does.

use super::group::Group;
use super::output::{Output, Spool};
use crate::node::config::ProgramLimits;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use core::time::Duration;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use tokio::time::{sleep, timeout};
use unstick::{Refusal, Status};

/// How long a program has to end by itself once it has been asked to.
const NOTICE: Duration = Duration::from_secs(1);
/// How long output may still come once the program and its group are dead.
const REST: Duration = Duration::from_secs(1);

/// Runs a program until it ends, or `abandoned` does, or it is over a limit. However this ends, by
/// being dropped too, nothing of its process group is left.
pub(super) async fn run(
    command: std::process::Command,
    name: &str,
    limits: ProgramLimits,
    abandoned: impl Future<Output = ()>,
) -> Result<Output, Refusal> {
    let mut command = command;
    end_with_us(&mut command);
    let mut child = Command::from(command)
        .arg0(name)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| failed(format_args!("{name} cannot be run: {error}")))?;
    let group = Group::of(&child);
    let (Some(mut stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(failed(format_args!("{name} has no output")));
    };
    let (mut out, mut err) = (Spool::new(limits.memory), Spool::new(limits.memory));
    let room = OutputAllowance { left: AtomicU64::new(limits.output), limits, name };
    let mut ended = group.leader_ended();

    // A program that closes its pipes goes on being waited for.
    let cut_short = tokio::select! {
        _ = &mut ended => None,
        Err(refusal) = spool_both(&mut stdout, &mut out, &mut stderr, &mut err, &room) => Some(refusal),
        () = sleep(limits.time) => {
            let time = limits.time;
            Some(failed(format_args!("{name} ran longer than {time:?}, which is the limit, and was ended")))
        }
        () = abandoned => Some(failed(format_args!("nobody waits for {name} any more"))),
    };
    if cut_short.is_some() {
        group.terminate();
        let _ = timeout(NOTICE, ended).await;
    }
    drop(group);
    let status = child.wait().await.map_err(|error| failed(format_args!("{name}: {error}")))?;
    if let Some(refusal) = cut_short {
        return Err(refusal);
    }
    // What left the group may hold the pipes open for ever.
    let rest = spool_both(&mut stdout, &mut out, &mut stderr, &mut err, &room);
    if let Ok(Err(refusal)) = timeout(REST, rest).await {
        return Err(refusal);
    }
    let output =
        tokio::task::spawn_blocking(move || Output::new(out, err, exit_code(status))).await;
    output.unwrap_or_else(|_| Err(failed(format_args!("{name}: the node is shutting down"))))
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

/// How much more output there may be.
struct OutputAllowance<'a> {
    left: AtomicU64,
    limits: ProgramLimits,
    name: &'a str,
}

impl OutputAllowance<'_> {
    fn take(&self, len: usize) -> Result<(), Refusal> {
        let left = self.left.load(Relaxed).checked_sub(len as u64).ok_or_else(|| {
            let (name, most) = (self.name, self.limits.output);
            let why = format_args!(
                "{name} put out more than {most} bytes, which is the limit, and was ended"
            );
            Refusal::new(Status::TooLarge, why)
        })?;
        self.left.store(left, Relaxed);
        Ok(())
    }
}

/// Reads both to their ends. Dropped before, it has lost nothing and can be called again.
async fn spool_both(
    stdout: &mut (impl AsyncRead + Unpin),
    out: &mut Spool,
    stderr: &mut (impl AsyncRead + Unpin),
    err: &mut Spool,
    room: &OutputAllowance<'_>,
) -> Result<(), Refusal> {
    tokio::try_join!(spool(stdout, out, room), spool(stderr, err, room)).map(drop)
}

async fn spool(
    pipe: &mut (impl AsyncRead + Unpin),
    to: &mut Spool,
    room: &OutputAllowance<'_>,
) -> Result<(), Refusal> {
    let mut piece = vec![0; 16 * 1024];
    loop {
        match pipe.read(&mut piece).await {
            Ok(0) => return Ok(()),
            Ok(len) => {
                room.take(len)?;
                to.write(&piece[..len])?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(format_args!("{}: {error}", room.name))),
        }
    }
}

/// The exit code; of a program that a signal ended its negative number, as Python has it.
fn exit_code(status: ExitStatus) -> Option<i32> {
    status.code().or_else(|| status.signal().map(|signal| -signal))
}

fn failed(why: core::fmt::Arguments<'_>) -> Refusal {
    Refusal::new(Status::Failed, why)
}
