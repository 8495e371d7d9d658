//! A program and all that it started: its job object.

use process_wrap::tokio::{ChildWrapper, CommandWrap, CreationFlags, JobObject, KillOnDrop};
use std::io;
use std::process::{ExitStatus, Stdio};
use tokio::process::{ChildStderr, ChildStdout, Command};
use windows::Win32::System::Threading::CREATE_NO_WINDOW;

/// The job that a program and all its children are in; dropped, all of it is killed. The system does
/// that when this process is gone, however it ended.
pub(super) struct Group {
    child: Box<dyn ChildWrapper>,
}

impl Group {
    /// Starts a program without input, in a job and with a console of its own that is not seen, so that
    /// a Ctrl-C for the node is not one for it. Returns its outputs.
    pub(super) fn start(
        command: std::process::Command,
        _: &str,
    ) -> io::Result<(Self, Option<ChildStdout>, Option<ChildStderr>)> {
        let mut command = Command::from(command);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut command = CommandWrap::from(command);
        command.wrap(CreationFlags(CREATE_NO_WINDOW)).wrap(KillOnDrop).wrap(JobObject);
        let mut child = command.spawn()?;
        let outputs = (child.stdout().take(), child.stderr().take());
        Ok((Self { child }, outputs.0, outputs.1))
    }

    /// Ends all of it: here a program cannot be asked.
    pub(super) fn terminate(&mut self) {
        let _ = self.child.start_kill();
    }

    /// Ends when the program has; its children may go on.
    pub(super) async fn leader_ended(&mut self) {
        let _ = self.child.inner_mut().wait().await;
    }

    /// Kills what is left; how the program ended.
    pub(super) async fn end(mut self) -> io::Result<ExitStatus> {
        self.terminate();
        self.child.inner_mut().wait().await
    }
}

/// The exit code: what Windows has as 32 bits, such as 0xC0000005, is negative here.
pub(super) fn exit_code(status: ExitStatus) -> Option<i32> {
    status.code()
}
