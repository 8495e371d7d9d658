//! Running one program to its end, whatever it does.

use super::group::{Group, exit_code};
use super::output::{Output, Spool};
use crate::node::config::ProgramLimits;
use crate::node::limits::{NOTICE, REST};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::{sleep, timeout};
use unstick::{Refusal, Status};

/// Runs a program until it ends, or `abandoned` does, or it is over a limit. However this ends, by
/// being dropped too, nothing of what it started is left.
pub(super) async fn run(
    command: std::process::Command,
    name: &str,
    limits: ProgramLimits,
    abandoned: impl Future<Output = ()>,
) -> Result<Output, Refusal> {
    let started = Group::start(command, name);
    let (mut group, stdout, stderr) =
        started.map_err(|error| failed(format_args!("{name} cannot be run: {error}")))?;
    let (Some(mut stdout), Some(mut stderr)) = (stdout, stderr) else {
        return Err(failed(format_args!("{name} has no output")));
    };
    let (mut out, mut err) = (Spool::new(limits.memory), Spool::new(limits.memory));
    let room = OutputAllowance { left: AtomicU64::new(limits.output), limits, name };

    // A program that closes its pipes goes on being waited for.
    let cut_short = tokio::select! {
        () = group.leader_ended() => None,
        Err(refusal) = spool_both(&mut stdout, &mut out, &mut stderr, &mut err, &room) => Some(refusal),
        () = sleep(limits.time) => {
            let time = limits.time;
            Some(failed(format_args!("{name} ran longer than {time:?}, which is the limit, and was ended")))
        }
        () = abandoned => Some(failed(format_args!("nobody waits for {name} any more"))),
    };
    if cut_short.is_some() {
        group.terminate();
        let _ = timeout(NOTICE, group.leader_ended()).await;
    }
    let status = group.end().await.map_err(|error| failed(format_args!("{name}: {error}")))?;
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

fn failed(why: core::fmt::Arguments<'_>) -> Refusal {
    Refusal::new(Status::Failed, why)
}
