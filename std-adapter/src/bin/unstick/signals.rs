//! What asks a program to end.

use std::io;

/// SIGINT and SIGTERM; on Windows Ctrl-C, Ctrl-Break, a console that is closed, and a system that shuts
/// down.
pub(crate) struct Signals(system::Signals);

impl Signals {
    /// They come here from now on, within a tokio runtime.
    pub(crate) fn new() -> io::Result<Self> {
        system::Signals::new().map(Self)
    }

    /// Waits for the next; the exit code that a shell has for it.
    pub(crate) async fn next(&mut self) -> u8 {
        self.0.next().await
    }
}

/// SIGHUP, where it is asked for; elsewhere it ends the program, as it does by default. Windows has none.
pub(crate) struct Hangups(#[cfg(unix)] Option<tokio::signal::unix::Signal>);

impl Hangups {
    #[cfg(unix)]
    pub(crate) fn new(wanted: bool) -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        wanted.then(|| signal(SignalKind::hangup())).transpose().map(Self)
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "it is the same everywhere")]
    pub(crate) fn new(_: bool) -> io::Result<Self> {
        Ok(Self())
    }

    /// Waits for the next.
    #[cfg_attr(not(unix), expect(clippy::needless_pass_by_ref_mut, reason = "as on Unix"))]
    pub(crate) async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.0 {
            signal.recv().await;
            return;
        }
        core::future::pending().await
    }
}

#[cfg(unix)]
mod system {
    use std::io;
    use tokio::signal::unix::{Signal, SignalKind, signal};

    pub(super) struct Signals {
        interrupt: Signal,
        terminate: Signal,
    }

    impl Signals {
        pub(super) fn new() -> io::Result<Self> {
            let interrupt = signal(SignalKind::interrupt())?;
            Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
        }

        pub(super) async fn next(&mut self) -> u8 {
            tokio::select! {
                _ = self.interrupt.recv() => 130,
                _ = self.terminate.recv() => 143,
            }
        }
    }
}

#[cfg(windows)]
mod system {
    use std::io;
    use tokio::signal::windows::{
        CtrlBreak, CtrlC, CtrlClose, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown,
    };

    pub(super) struct Signals {
        interrupt: CtrlC,
        abort: CtrlBreak,
        /// After it the system waits some seconds for the program to end.
        close: CtrlClose,
        shutdown: CtrlShutdown,
    }

    impl Signals {
        pub(super) fn new() -> io::Result<Self> {
            let (interrupt, abort) = (ctrl_c()?, ctrl_break()?);
            Ok(Self { interrupt, abort, close: ctrl_close()?, shutdown: ctrl_shutdown()? })
        }

        pub(super) async fn next(&mut self) -> u8 {
            tokio::select! {
                _ = self.interrupt.recv() => 130,
                _ = self.abort.recv() => 131,
                _ = self.close.recv() => 143,
                _ = self.shutdown.recv() => 143,
            }
        }
    }
}
