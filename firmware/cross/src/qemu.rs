//! QEMU, which emulates the boards.

use core::ops::{Deref, DerefMut};
use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The program, which Debian has in a package of that name.
pub const QEMU: &str = "qemu-system-arm";

/// A board that runs, until this is dropped or the program that holds it ends.
///
/// It is a [`Child`] in all else.
#[derive(Debug)]
pub struct Emulated(Child);

impl Emulated {
    /// Whether QEMU is there.
    ///
    /// # Errors
    ///
    /// A sentence that says what to type.
    pub fn check() -> Result<(), String> {
        let found = Command::new(QEMU).arg("--version").stdout(Stdio::null()).status();
        match found {
            Ok(status) if status.success() => Ok(()),
            _ => Err(format!("{QEMU} is missing: on Debian type `apt-get install {QEMU}`")),
        }
    }

    /// The command that runs a program on a board. It has no display, no monitor and no input; its
    /// serial port, network and what else it needs are for `arguments` to say.
    pub fn command(
        machine: &str,
        program: &Path,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Command {
        let mut qemu = Command::new(QEMU);
        qemu.args(["-M", machine, "-display", "none", "-kernel"]).arg(program).args(arguments);
        qemu.stdin(Stdio::null());
        end_with_us(&mut qemu);
        qemu
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn start(mut command: Command) -> io::Result<Self> {
        command.spawn().map(Self)
    }
}

impl Deref for Emulated {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Emulated {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Emulated {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Has the kernel end QEMU with this process, whatever ends that: in order, so that a capture is
/// whole. Elsewhere than on Linux it ends with Ctrl-C only, which the terminal sends to both.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "what runs between fork and exec is restricted")]
fn end_with_us(qemu: &mut Command) {
    use nix::sys::{prctl::set_pdeathsig, signal::SIGTERM};
    use std::os::unix::process::CommandExt as _;
    // SAFETY: it makes one system call, and neither allocates nor takes a lock.
    unsafe { qemu.pre_exec(|| Ok(set_pdeathsig(SIGTERM)?)) };
}

#[cfg(not(target_os = "linux"))]
fn end_with_us(_: &mut Command) {}
