//! Every scenario on the firmware, in QEMU, through its user networking.
//!
//! Skipped without QEMU or a compiler for the board.

use std::io::{Error, ErrorKind};
use unstick::Endpoint;
use unstick_conformance::board::{Boards, BuildError, Firmware};
use unstick_conformance::check::{Check, Options, Outcome};
use unstick_conformance::{Column, Judge, Scenario, matrix, scenarios, skip};

#[test]
fn the_node_on_a_cortex_m3() {
    agrees("node", "mps2-an385");
}

#[test]
fn the_node_on_a_cortex_m4f() {
    agrees("node", "mps2-an386");
}

#[test]
fn the_node_on_embassy_on_a_cortex_m3() {
    agrees("embassy", "mps2-an385");
}

#[test]
fn the_node_on_embassy_on_a_cortex_m4f() {
    agrees("embassy", "mps2-an386");
}

#[test]
fn the_node_in_c_on_a_cortex_m3() {
    agrees("c", "mps2-an385");
}

#[test]
fn the_node_in_c_on_a_cortex_m4f() {
    agrees("c", "mps2-an386");
}

fn agrees(program: &'static str, machine: &'static str) {
    let firmware = match Firmware::build(program, machine) {
        Err(BuildError::Missing(what)) => {
            return skip(&format!("{program} is not tested on {machine}: {what}"));
        }
        built => built.unwrap(),
    };
    let boards = Boards::start(firmware).unwrap();
    let play = Box::new(|scenario: &Scenario| boards.play(scenario).map(Result::unwrap));
    let mut out = Vec::new();
    let summary =
        matrix(&scenarios(), &mut [Column { name: machine, play }], &mut out, false).unwrap();
    eprintln!("{program} on {machine}: {summary}");
    conforms(&boards);
    let log = boards.log();
    assert_eq!(summary.differ, 0, "\n{}\n{log}", String::from_utf8_lossy(&out));
    assert!(!log.contains("listening"), "it has started again:\n{log}");
    assert!(summary.agree > 150, "{summary}");
}

/// As `unstick check --exact` says it.
fn conforms(boards: &Boards) {
    let connect = |endpoint, from_own_port| match from_own_port {
        true => Err(ErrorKind::Unsupported.into()),
        false => boards.connect(endpoint).map_err(Error::other),
    };
    let options = Options { judge: Judge::Exact, ..Options::default() };
    let mut check = Check::new(&connect, &Endpoint::ALL, options);
    let mut passed = 0;
    for scenario in check.scenarios() {
        match check.play(&scenario) {
            Outcome::Passed => passed += 1,
            Outcome::Skipped(_) => {}
            Outcome::Failed(why) => panic!("{}: {why}", scenario.name),
        }
    }
    assert!(passed > 250, "{passed}");
}
