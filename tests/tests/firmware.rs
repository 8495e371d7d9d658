//! Every scenario on the firmware, in QEMU, through its user networking.
//!
//! Skipped without QEMU, and where the firmware has not been built: `cargo run --release -- --build`
//! in `firmware/` does that, with `--board mps2-an386` for the other board.

use core::net::SocketAddr;
use core::time::Duration;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use unstick_tests::{Column, Scenario, Setup, Transcript, live, matrix, play, scenarios};

const FIRMWARE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../firmware");

#[test]
fn on_a_cortex_m3() {
    agrees("mps2-an385", "thumbv7m-none-eabi");
}

#[test]
fn on_a_cortex_m4f() {
    agrees("mps2-an386", "thumbv7em-none-eabihf");
}

fn agrees(machine: &str, target: &str) {
    let program = format!("{FIRMWARE}/target/{target}/release/unstick-firmware");
    let qemu = Command::new("qemu-system-arm").arg("--version").output();
    if qemu.is_err() || !Path::new(&program).exists() {
        let what = if qemu.is_err() { "qemu-system-arm" } else { program.as_str() };
        eprintln!("SKIPPED: the firmware is not tested on {machine}: {what} is missing");
        return;
    }
    let shared = Board::start(machine);
    let play = Box::new(|scenario: &Scenario| match scenario.setup {
        Setup::Default => Some(shared.play(scenario)),
        // Nobody has stored anything yet on a board that has just started.
        Setup::Empty => Some(Board::start(machine).play(scenario)),
        // The firmware's limits are fixed.
        Setup::Close | Setup::Small | Setup::Classic => None,
    });
    let mut out = Vec::new();
    let summary =
        matrix(&scenarios(), &mut [Column { name: machine, play }], &mut out, false).unwrap();
    eprintln!("{machine}: {summary}");
    assert_eq!(summary.differ, 0, "\n{}", String::from_utf8_lossy(&out));
    assert!(summary.agree > 150, "{summary}");
}

/// A board in QEMU.
struct Board {
    emulator: Child,
    urls: Vec<String>,
}

impl Board {
    /// Starts one; it is there when this comes back.
    fn start(machine: &str) -> Self {
        let mut emulator = Command::new(env!("CARGO"))
            .args(["run", "--release", "--quiet", "--manifest-path"])
            .arg(format!("{FIRMWARE}/Cargo.toml"))
            .args(["--target-dir", &format!("{FIRMWARE}/target"), "--", "--board", machine])
            .env("CARGO_TERM_QUIET", "true")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(emulator.stdout.take().unwrap());
        let (told, lines) = mpsc::channel();
        // To its end, or a board with much to tell would wait for us.
        std::thread::spawn(move || {
            log.lines().map_while(Result::ok).for_each(|line| drop(told.send(line)))
        });
        let mut board = Self { emulator, urls: Vec::new() };
        let patience = Duration::from_secs(300); // it may have to be built
        loop {
            let line = lines.recv_timeout(patience).expect("a board that starts");
            if line.starts_with("listening command udp") {
                return board;
            }
            board.urls.extend(line.strip_prefix("  ").map(str::to_owned));
        }
    }

    fn play(&self, scenario: &Scenario) -> Transcript {
        let transport = if scenario.udp { "+udp" } else { "" };
        let scheme = format!("{}{transport}://", scenario.service.as_str());
        let address = self.urls.iter().find_map(|url| url.strip_prefix(&scheme));
        let address: SocketAddr = address.and_then(|it| it.parse().ok()).expect("every service");
        let patience = Duration::from_secs(10);
        let mut link = live::connect(scenario.service, scenario.udp, address, patience).unwrap();
        play(scenario, &mut *link)
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        let _ = self.emulator.kill();
        let _ = self.emulator.wait();
    }
}
