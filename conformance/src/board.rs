//! The firmware on a board that QEMU emulates: one more live node, at ports of 127.0.0.1.

use crate::{Link, Played, Scenario, Setup, live, play};
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;
use std::env;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use unstick::Endpoint;

/// The workspace of the firmware.
const FIRMWARE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../firmware");

/// What runs it.
const QEMU: &str = "qemu-system-arm";

/// The status with which `emulate` says that a tool of the system is missing.
const MISSING: i32 = 3;

/// How long a board may take to serve: well under a second, but another cargo may hold the lock.
const START: Duration = Duration::from_secs(300);

/// How long a connection may take to be there.
const PATIENCE: Duration = Duration::from_secs(10);

/// A program of the firmware, built for a board.
#[derive(Clone, Debug)]
pub struct Firmware {
    program: &'static str,
    machine: &'static str,
}

impl Firmware {
    /// Builds the program for the board, and waits for it: [`Build::start`] and [`Build::finish`].
    pub fn build(program: &'static str, machine: &'static str) -> Result<Self, BuildError> {
        Build::start(program, machine)?.finish()
    }

    fn emulate(&self) -> Command {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo
            .current_dir(FIRMWARE)
            .args(["run", "--release", "--", "--program", self.program, "--board", self.machine])
            .stdin(Stdio::null());
        cargo
    }
}

/// A build that goes on as a process of its own, in the namespaces it was started in.
#[derive(Debug)]
pub struct Build {
    firmware: Firmware,
    process: Child,
}

impl Build {
    /// Starts to build the program for the board, both by the names that `cargo run` in `firmware/`
    /// takes, such as `node` and `mps2-an385`.
    ///
    /// The first time this wants the crate registry and one or two minutes, and says so on stderr.
    pub fn start(program: &'static str, machine: &'static str) -> Result<Self, BuildError> {
        if !Path::new(FIRMWARE).is_dir() {
            return Err(BuildError::Missing(format!("the firmware's source, {FIRMWARE}, is gone")));
        }
        let qemu = Command::new(QEMU).arg("--version").stdout(Stdio::null()).status();
        if !qemu.is_ok_and(|status| status.success()) {
            let remedy = format!("(Debian: apt-get install {QEMU})");
            return Err(BuildError::Missing(format!("{QEMU} is missing {remedy}")));
        }
        say(b"building the firmware; the first time takes one or two minutes");
        let firmware = Firmware { program, machine };
        let mut emulate = firmware.emulate();
        emulate.arg("--build").stdout(Stdio::null()).stderr(Stdio::piped());
        let process = emulate.spawn().map_err(no_cargo)?;
        Ok(Self { firmware, process })
    }

    /// Waits until it is built; the compiler's progress goes to stderr.
    pub fn finish(mut self) -> Result<Firmware, BuildError> {
        let mut reason = "the firmware does not build; see above".into();
        let said =
            self.process.stderr.take().into_iter().flat_map(|it| BufReader::new(it).split(b'\n'));
        for line in said.map_while(Result::ok) {
            match line.strip_prefix(b"emulate: ") {
                Some(sentence) => reason = String::from_utf8_lossy(sentence).into_owned(),
                None => say(&line),
            }
        }
        match self.process.wait().map_err(no_cargo)?.code() {
            Some(0) => Ok(self.firmware),
            Some(MISSING) => Err(BuildError::Missing(reason)),
            _ => Err(BuildError::Failed(reason)),
        }
    }
}

fn no_cargo(error: io::Error) -> BuildError {
    BuildError::Missing(format!("cargo could not be run: {error}"))
}

/// A closed stderr must not stop the build.
fn say(line: &[u8]) {
    let _ = io::stderr().write_all(&[line, b"\n"].concat());
}

/// Why there is no firmware to run: a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildError {
    /// QEMU, a compiler for the board, or the source is not there.
    Missing(String),
    /// All is there, and yet it does not build.
    Failed(String),
}

impl core::error::Error for BuildError {}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Missing(sentence) | Self::Failed(sentence)) = self;
        f.write_str(sentence)
    }
}

/// A board in QEMU, which ends when this is dropped or the thread that started it ends.
#[derive(Debug)]
pub struct Board {
    emulator: Child,
    urls: Vec<String>,
    log: Mutex<Receiver<String>>,
}

impl Board {
    /// Starts one with this program; it serves when this comes back. An error is a sentence.
    pub fn start(firmware: &Firmware) -> Result<Self, String> {
        let name = firmware.machine;
        let mut emulator = firmware
            .emulate()
            .arg("--die-with-parent")
            .env("CARGO_TERM_QUIET", "true")
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{name} could not be started: {error}"))?;
        let log = emulator.stdout.take();
        let (told, lines) = mpsc::channel();
        let mut board = Self { emulator, urls: Vec::new(), log: Mutex::new(lines) };
        // To its end, or a board that logs much would wait for us.
        thread::spawn(move || {
            let lines = log.into_iter().flat_map(|log| BufReader::new(log).lines());
            lines.map_while(Result::ok).for_each(|line| drop(told.send(line)));
        });
        loop {
            let log = board.log.get_mut().unwrap_or_else(PoisonError::into_inner);
            let line = log.recv_timeout(START).map_err(|error| match error {
                RecvTimeoutError::Timeout => format!("{name} does not serve after {START:?}"),
                RecvTimeoutError::Disconnected => format!("{name} ended before it served"),
            })?;
            if line.starts_with("listening command udp") {
                return Ok(board);
            }
            board.urls.extend(line.strip_prefix("  ").map(str::to_owned));
        }
    }

    /// What it has logged since it served, or since the last call.
    pub fn log(&self) -> String {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.try_iter().map(|line| line + "\n").collect()
    }

    /// Plays a scenario on it. An error is a sentence: nobody answers there.
    pub fn play(&self, scenario: &Scenario) -> Result<Played, String> {
        let mut link = self.connect(scenario.endpoint)?;
        let played = play(scenario, &mut *link);
        drop(link);
        if !scenario.is_udp() {
            self.settle()?;
        }
        Ok(played)
    }

    fn connect(&self, endpoint: Endpoint) -> Result<Box<dyn Link>, String> {
        let scheme = format!("{endpoint}://");
        let address = self.urls.iter().find_map(|url| url.strip_prefix(&scheme));
        let address: Option<SocketAddr> = address.and_then(|address| address.parse().ok());
        let address = address.ok_or_else(|| format!("the board has no {scheme}"))?;
        let link = live::connect(endpoint, address, PATIENCE);
        link.map_err(|error| format!("no {scheme} at {address}: {error}"))
    }

    /// Waits until a connection that has just been closed has left its socket, as a service has only
    /// two: what is asked after it is answered after it. It takes a turn for our FIN, one for the
    /// acknowledgement of the board's, and one for the socket to listen again.
    fn settle(&self) -> Result<(), String> {
        const TURNS: usize = 3;
        let mut echo = self.connect(Endpoint::UDP_ECHO)?;
        for _ in 0..TURNS {
            let asked = echo.send(b"?").and_then(|()| echo.receive(&mut [0; 1], PATIENCE));
            asked.map_err(|error| format!("the board does not answer any more: {error}"))?;
        }
        Ok(())
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        let _ = self.emulator.kill();
        let _ = self.emulator.wait();
    }
}

/// Boards with one program, as scenarios need them.
#[derive(Debug)]
pub struct Boards {
    firmware: Firmware,
    shared: Board,
}

impl Boards {
    /// Starts the one that most scenarios share. An error is a sentence.
    pub fn start(firmware: Firmware) -> Result<Self, String> {
        Ok(Self { shared: Board::start(&firmware)?, firmware })
    }

    /// A link to the shared one. An error is a sentence: nobody answers there.
    pub fn connect(&self, endpoint: Endpoint) -> Result<Box<dyn Link>, String> {
        self.shared.connect(endpoint)
    }

    /// What the shared one has logged since it served, or since the last call.
    pub fn log(&self) -> String {
        self.shared.log()
    }

    /// Plays a scenario; `None` if it needs another node than the firmware is.
    pub fn play(&self, scenario: &Scenario) -> Option<Result<Played, String>> {
        // QEMU's network has ports of its own, and its time is ours.
        if scenario.from_own_port || !scenario.pauses().is_zero() {
            return None;
        }
        match scenario.setup {
            Setup::Default => Some(self.shared.play(scenario)),
            // There is no typed JSON in C.
            Setup::Json if self.firmware.program == "c" => None,
            Setup::Commands | Setup::Json => Some(self.shared.play(scenario)),
            // Nobody has stored anything yet on a board that has just started.
            Setup::Empty | Setup::Store => {
                Some(Board::start(&self.firmware).and_then(|board| board.play(scenario)))
            }
            // The firmware's limits are fixed.
            Setup::Close | Setup::Small | Setup::Classic => None,
        }
    }
}
