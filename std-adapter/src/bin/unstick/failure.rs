//! How a command of the tool fails, and how it is interrupted.

use crate::output::clean;
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
    match exit.checked_neg().filter(|signal| *signal > 0) {
        Some(signal) => eprintln!("unstick: the program was ended by signal {signal}"),
        None => eprintln!("unstick: the program ended with exit code {exit}"),
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
    tokio::select! {
        result = work => result,
        code = signal() => Err(Failure::Signal(code)),
    }
}

/// Waits for a signal that ends a program. Returns the exit code a shell has for it.
#[cfg(unix)]
async fn signal() -> u8 {
    use tokio::signal::unix::{SignalKind, signal};
    let wait = |kind| async move {
        match signal(kind) {
            Ok(mut signal) => signal.recv().await,
            Err(_) => core::future::pending().await,
        }
    };
    tokio::select! {
        _ = wait(SignalKind::interrupt()) => 130,
        _ = wait(SignalKind::terminate()) => 143,
        _ = wait(SignalKind::hangup()) => 129,
    }
}

#[cfg(not(unix))]
async fn signal() -> u8 {
    match tokio::signal::ctrl_c().await {
        Ok(()) => 130,
        Err(_) => core::future::pending().await,
    }
}
