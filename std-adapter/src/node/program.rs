//! Programs as commands: only those allowed, without a shell.

mod allowed;
mod child;
#[cfg_attr(windows, path = "program/job_object.rs")]
mod group;
mod output;
#[cfg_attr(not(unix), path = "program/no_user.rs")]
mod user;

use super::config::ProgramLimits;
use super::error::Error;
use super::files::Source;
use super::host::Host;
use super::job::{Later, job};
use allowed::Allowed;
use core::task::Poll;
use core::time::Duration;
use output::Output;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{Notify, Semaphore};
use unstick::store::Meta;
use unstick::{Answer, Call, Command, Outcome, Refusal, Status, Text};
use user::User;

/// More programs at once than any machine can run.
const MOST: usize = 1 << 16;

/// What a program gets of the node's environment. On Windows nothing runs without the second part.
const KEPT: &[&str] = if cfg!(windows) {
    &["PATH", "LANG", "SystemRoot", "ComSpec", "PATHEXT", "TEMP", "TMP"]
} else {
    &["PATH", "LANG"]
};

/// The programs that may be run, and how many more may run now.
pub(super) struct Programs {
    table: Vec<Allowed>,
    run_as: Option<User>,
    limits: ProgramLimits,
    slots: Arc<Semaphore>,
    /// Where they run.
    directory: PathBuf,
}

/// A program that runs or has run; dropped, it is ended.
pub(super) struct Run(Later<Output>);

impl Programs {
    /// The programs that are allowed so, and a row of the command table for each.
    pub(super) fn new(
        allow: &[String],
        run_as: Option<&str>,
        limits: ProgramLimits,
        directory: Option<PathBuf>,
    ) -> Result<(Self, Vec<Command<Host>>), Error> {
        let table = allow.iter().map(|text| Allowed::parse(text)).collect::<Result<Vec<_>, _>>()?;
        let run_as = run_as.map(User::find).transpose()?;
        let rows = table.iter().map(row).collect();
        let directory = directory.unwrap_or_else(std::env::temp_dir);
        let at_once = limits.at_once.min(MOST);
        let (limits, slots) = (ProgramLimits { at_once, ..limits }, Semaphore::new(at_once));
        Ok((Self { table, run_as, limits, slots: Arc::new(slots), directory }, rows))
    }

    /// Their limits, as `info` shows them.
    pub(super) fn limits(&self) -> Vec<(&'static str, u64)> {
        if self.table.is_empty() {
            return Vec::new();
        }
        let ProgramLimits { at_once, time, output, .. } = self.limits;
        let time = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        vec![("programs", at_once as u64), ("program_ms", time), ("output", output)]
    }

    /// Waits until no program runs, but not longer than `longest`.
    pub(super) async fn ended(&self, longest: Duration) {
        let all = self.slots.acquire_many(u32::try_from(self.limits.at_once).unwrap_or(u32::MAX));
        let _ = tokio::time::timeout(longest, all).await;
    }

    fn start(&self, call: &Call<'_>, ready: &Arc<Notify>) -> Result<Run, Refusal> {
        let program = self.table.iter().find(|program| program.name == call.name);
        let program = program.ok_or_else(|| {
            Refusal::new(Status::Denied, format_args!("`{}` is not allowed here", call.name))
        })?;
        let arguments = program.arguments(arguments(call.args)?)?;
        let slot = Arc::clone(&self.slots).try_acquire_owned().map_err(|_| {
            let most = self.limits.at_once;
            let why = format_args!("as many programs as may run at once do ({most}); try again");
            Refusal::new(Status::Busy, why)
        })?;
        let (mut promise, job) = job(Arc::clone(ready));
        let mut command = std::process::Command::new(&program.path);
        command.args(arguments).current_dir(&self.directory).env_clear();
        command.envs(KEPT.iter().filter_map(|key| Some((key, std::env::var_os(key)?))));
        if let Some(user) = &self.run_as {
            user.runs(&mut command);
        }
        let (name, limits) = (program.name, self.limits);
        tokio::spawn(async move {
            let result = child::run(command, name, limits, promise.abandoned()).await;
            // Whoever is told that this one has ended may start the next.
            drop(slot);
            promise.keep(result);
        });
        Ok(Run(Later::Coming(job)))
    }
}

/// Splits arguments as a shell would, and does nothing else that a shell does.
fn arguments(line: &str) -> Result<Vec<String>, Refusal> {
    let bad = |why| Refusal::new(Status::BadRequest, why);
    if line.contains('\0') {
        return Err(bad(format_args!("an argument cannot contain a NUL")));
    }
    shell_words::split(line).map_err(|_| {
        bad(format_args!("a quote in the arguments is not closed: close or escape it"))
    })
}

/// The `run` of every program's row.
fn run(host: &mut Host, call: &Call<'_>, _: &mut Text<'_>) -> Outcome<Host> {
    match host.ready() {
        Some(ready) if !call.at_once => {
            let run = host.programs().start(call, ready)?;
            Ok(Answer::Source(Source::from(run)))
        }
        _ => Err(Refusal::new(Status::Busy, format_args!("programs run over TCP only"))),
    }
}

fn row(program: &Allowed) -> Command<Host> {
    Command::new(program.name, run)
        .usage(program.usage().leak())
        .help(format!("runs {}", program.line()).leak())
}

impl Run {
    pub(super) fn poll(&mut self) -> Poll<Result<Meta<'_>, Refusal>> {
        self.0.poll().map_ok(|output| output.meta())
    }

    pub(super) fn read(&mut self, space: &mut [u8]) -> Result<usize, Refusal> {
        self.0.here().map_or(Ok(0), |output| output.read(space))
    }
}
