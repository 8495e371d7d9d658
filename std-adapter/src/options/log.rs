//! How much a program says of what it does.

use clap::{ArgAction, Args};
use std::io::{self, IsTerminal};
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Lines that wait to be read; those beyond are dropped and counted.
const WAITING: usize = 4096;

/// How much a program says on stderr of what it does.
#[derive(Args, Clone, Copy, Debug)]
#[group(id = "log")]
pub struct LogArgs {
    /// Say on stderr what happens: a node then logs every request, and twice (-vv) what goes over the wire
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
}

impl LogArgs {
    /// Writes the log to stderr from here on, of at least that level. `RUST_LOG` has the last word.
    ///
    /// A reader that is slow, or has stopped, holds nobody up: lines beyond a few thousand are dropped,
    /// and counted in the last line of all. To be called once in a program.
    #[must_use = "the log ends with it"]
    pub fn start(self, least: LevelFilter) -> Log {
        let level = match self.verbose {
            0 => least,
            1 => LevelFilter::DEBUG,
            _ => LevelFilter::TRACE,
        };
        let stderr = NonBlockingBuilder::default().buffered_lines_limit(WAITING).lossy(true);
        let (writer, end) = stderr.finish(io::stderr());
        let dropped = writer.error_counter();
        let wanted = std::env::var("RUST_LOG").ok().and_then(|wanted| wanted.parse().ok());
        // Of the libraries only what goes wrong.
        let others = level.min(LevelFilter::WARN);
        let ours = || Targets::new().with_default(others).with_target("unstick", level);
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(writer)
            .with_ansi(is_colourful(&io::stderr()))
            .with_target(false);
        tracing_subscriber::registry().with(wanted.unwrap_or_else(ours)).with(lines).init();
        Log { dropped, _end: end }
    }
}

/// A log that is being written; what is there is written before this is gone.
#[derive(Debug)]
pub struct Log {
    dropped: ErrorCounter,
    _end: WorkerGuard,
}

impl Drop for Log {
    fn drop(&mut self) {
        if let dropped @ 1.. = self.dropped.dropped_lines() {
            tracing::warn!("{dropped} lines of this log were dropped: nobody read them in time");
        }
    }
}

/// Whether colours are wanted there: on a terminal that has them, unless `NO_COLOR` says otherwise.
#[must_use]
pub fn is_colourful(stream: &impl IsTerminal) -> bool {
    // An older console of Windows shows them once that is asked for.
    let has = || anstyle_query::windows::enable_ansi_colors().unwrap_or(true);
    stream.is_terminal() && !anstyle_query::no_color() && has()
}
