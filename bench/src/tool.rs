//! The `unstick` tool of this repository, as its users run it.

use core::net::SocketAddr;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

/// Where the tool is, optimised; the first call builds it.
pub fn tool() -> &'static Path {
    static TOOL: LazyLock<PathBuf> = LazyLock::new(|| program("unstick-std", "unstick"));
    &TOOL
}

/// Builds a program of a package, optimised. Returns where it is.
pub fn program(package: &str, name: &str) -> PathBuf {
    let status = Command::new(env!("CARGO"))
        .args(["build", "--release", "--quiet", "--package", package, "--bin", name])
        .status();
    assert!(status.is_ok_and(|status| status.success()), "{name} can be built");
    let this = std::env::current_exe().expect("this program is a file");
    // target/release/deps/this
    let folder = this.ancestors().nth(2).expect("cargo put it there");
    folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// A node that has one of the services, for as many connections as are measured, and where it listens.
pub fn node(service: &str, arguments: &[&OsStr]) -> (Served, SocketAddr) {
    let mut command = Command::new(tool());
    command.args(["serve", "--max-connections", "11000"]).args(arguments).stderr(Stdio::null());
    for it in ["echo", "frame", "message", "command", "udp-echo", "udp-command"] {
        command.arg(format!("--{it}")).arg(if it == service { "0" } else { "off" });
    }
    Served::start(&mut command, address_at_end)
}

/// What a server listens on, if its line says so at its end.
pub fn address_at_end(line: &str) -> Option<SocketAddr> {
    line.split(' ').next_back()?.parse().ok()
}

/// A program that serves until it is dropped.
#[derive(Debug)]
pub struct Served(Child);

impl Served {
    /// Starts it, and waits for the line that `find` finds something in; its output is piped to it.
    pub fn start<T>(command: &mut Command, mut find: impl FnMut(&str) -> Option<T>) -> (Self, T) {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the server starts");
        let output = child.stdout.take().expect("it is piped");
        let served = Self(child);
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some(found) = find(&line) {
                return (served, found);
            }
        }
        panic!("{command:?} has ended, and said nothing of use")
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// KiB of memory of a process: `VmRSS` now, `VmHWM` at most so far (proc(5)); `None` where the system does
/// not tell.
pub fn memory_of(process: u32, what: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':'))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}
