//! How a command of the tool fails, and how it is interrupted.

use crate::output::clean;
use crate::signals::Signals;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::process::ExitCode;
use unstick_std::client::{Error, Reply};

/// Why a command ends without success.
pub(crate) enum Failure {
    /// A sentence for the person who typed it.
    Said(String),
    /// A signal came; the exit code names it.
    Signal(u8),
    /// Nobody reads the output any more, which is not worth a word.
    BrokenPipe,
}

impl Failure {
    pub(crate) fn said(sentence: impl Into<String>) -> Self {
        Self::Said(sentence.into())
    }

    /// A failed operation on a file of this machine.
    pub(crate) fn file(doing: &str, path: &Path, error: &io::Error) -> Self {
        let path = path.display();
        Self::Said(match error.kind() {
            ErrorKind::NotFound => format!("cannot {doing} `{path}`: it is not there"),
            ErrorKind::PermissionDenied => format!("cannot {doing} `{path}`: permission denied"),
            ErrorKind::StorageFull => {
                format!("cannot {doing} `{path}`: the disk is full, make room there")
            }
            // A temporary file's name would only puzzle.
            _ if error.get_ref().is_some() => {
                let inner = error.get_ref().and_then(|it| it.source());
                let inner = inner.and_then(|it| it.downcast_ref::<io::Error>());
                let why = match inner {
                    Some(inner) => inner.to_string(),
                    None if error.kind() == ErrorKind::InvalidData => error.to_string(),
                    None => error.kind().to_string(),
                };
                format!("cannot {doing} `{path}`: {why}")
            }
            _ => format!("cannot {doing} `{path}`: {error}"),
        })
    }

    /// A status other than `ok`. What a node says may be longer than a line, but does not steer the
    /// terminal.
    pub(crate) fn refused(reply: &Reply) -> Self {
        let status = reply.status.as_deref().unwrap_or("failed");
        let said = format!("{status}: {}", reply.text().trim_end());
        Self::Said(clean(&said))
    }

    /// Says it on stderr; the exit code.
    pub(crate) fn tell(self) -> ExitCode {
        match self {
            Self::Said(sentence) => {
                eprintln!("unstick: {sentence}");
                ExitCode::FAILURE
            }
            Self::Signal(code) => ExitCode::from(code),
            // What a shell gives a program that SIGPIPE ended.
            Self::BrokenPipe => ExitCode::from(141),
        }
    }
}

/// Says on stderr how a program on the node ended.
pub(crate) fn tell_exit(exit: i32) {
    // Signals are few; what else is negative is a code of Windows.
    match exit.checked_neg() {
        Some(signal @ 1..=64) => eprintln!("unstick: the program was ended by signal {signal}"),
        Some(65..) => eprintln!("unstick: the program ended with exit code {exit:#010X}"),
        _ => eprintln!("unstick: the program ended with exit code {exit}"),
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Sink(error) if error.kind() == ErrorKind::BrokenPipe => Self::BrokenPipe,
            error => Self::Said(error.to_string()),
        }
    }
}

/// A failed write to stdout.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe => Self::BrokenPipe,
            _ => Self::Said(format!("cannot write the output: {error}")),
        }
    }
}

/// Runs work that is put an end to, and drops what it holds, when a signal comes.
pub(crate) async fn or_signal<T>(
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let Ok(mut signals) = Signals::new() else { return work.await };
    tokio::select! {
        result = work => result,
        code = signals.next() => Err(Failure::Signal(code)),
        () = hung_up() => Err(Failure::Signal(129)),
    }
}

/// Waits until the terminal is gone; on Windows that is among the other signals.
async fn hung_up() {
    #[cfg(unix)]
    if let Ok(mut hangup) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()) {
        hangup.recv().await;
        return;
    }
    core::future::pending().await
}
