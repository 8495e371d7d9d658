//! The main job: every scenario against the node on smoltcp, across a TAP where that can be had, against
//! a desktop node over loopback, and against the firmware in QEMU where that is there, side by side.

use crate::over_tap::OverTap;
use crate::{Failure, world};
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::io::{self, Write};
use std::process::ExitCode;
use unstick_conformance::board::{Boards, Build};
use unstick_conformance::{
    Column, Difference, FILE, Played, SMALL, Scenario, Setup, live, matrix, memory, scenarios,
};
use unstick_std::node::{Config, Ports, Running, Storage, demo};
use unstick_std::options::is_colourful;

/// The program and the board of the firmware's column: of two boards, one is enough to compare.
const FIRMWARE: (&str, &str) = ("node", "mps2-an385");

/// Bytes of the rings of the node on smoltcp where there is no TAP: those of a device.
const RING: usize = 2048;

/// How long a connection may take to be there.
const PATIENCE: Duration = Duration::from_secs(10);

/// Does the job; success only if all agree. Where `tap` has none to offer and none is `wanted`, the
/// node on smoltcp is played over a wire in this process.
pub(crate) fn run(
    wanted: bool,
    taps: impl FnOnce() -> Result<Vec<OverTap>, Failure>,
) -> Result<ExitCode, Failure> {
    let mut out = io::stdout();
    // Before the namespace, in which there is no network to fetch crates from.
    let build = Build::start(FIRMWARE.0, FIRMWARE.1);
    let mut taps = match taps() {
        Ok(taps) => taps,
        Err(Failure::NoTap(why)) if !wanted => {
            writeln!(out, "not over a TAP interface, but over a wire in this process: {why}")?;
            Vec::new()
        }
        Err(failure) => return Err(failure),
    };
    let mut desktop = Desktop { hosts: taps.iter().map(OverTap::host).collect(), running: None };
    let boards = match build.and_then(Build::finish) {
        Ok(firmware) => Some(Boards::start(firmware).map_err(Failure::Other)?),
        // That the firmware does not build is for its own tests to say; here it costs a column.
        Err(why) => {
            writeln!(out, "no firmware column: {why}")?;
            None
        }
    };
    let mut columns = vec![
        Column {
            name: "memory, all cuts",
            play: Box::new(|scenario| Some(memory::sessions(scenario))),
        },
        Column { name: "desktop over loopback", play: Box::new(|scenario| desktop.play(scenario)) },
    ];
    if taps.is_empty() {
        let play = Box::new(world::links::play::<RING>);
        columns.push(Column { name: "smoltcp over a wire", play });
    }
    columns.extend(
        taps.iter_mut()
            .map(|tap| Column { name: tap.name(), play: Box::new(|scenario| tap.play(scenario)) }),
    );
    columns.extend(boards.as_ref().map(|boards| Column {
        name: "firmware in QEMU",
        play: Box::new(|scenario| {
            let played = boards.play(scenario)?;
            Some(played.unwrap_or_else(|sentence| failed(&io::Error::other(sentence))))
        }),
    }));
    let colour = is_colourful(&out);
    writeln!(out)?;
    let summary = matrix(&scenarios(), &mut columns, &mut out, colour)?;
    drop(columns);
    let mut talked = true;
    for tap in taps {
        talked &= tap.talk(&mut out)?;
    }
    let agree = summary.differ == 0 && talked;
    let result = match (agree, boards) {
        (false, _) => "They do not agree.",
        (true, Some(_)) => "All agree.",
        (true, None) => "All agree; the firmware was not tried, as said above.",
    };
    writeln!(out, "\n{result}")?;
    Ok(if agree { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The desktop node, which is made anew when a scenario needs another setup.
struct Desktop {
    /// Where it listens besides loopback.
    hosts: Vec<IpAddr>,
    running: Option<(Setup, Running)>,
}

impl Desktop {
    fn play(&mut self, scenario: &Scenario) -> Option<Played> {
        let setup = scenario.setup;
        let fit = self.running.as_ref().is_some_and(|(running, _)| is_fit(*running, setup));
        if !fit {
            self.running = None;
            match desktop_node(setup, self.hosts.iter().copied()) {
                Ok(node) => self.running = Some((setup, node)),
                Err(sentence) => return Some(failed(&io::Error::other(sentence))),
            }
        }
        let node = self.running.as_ref();
        over_sockets(scenario, node.and_then(|(_, node)| node.address(scenario.endpoint)))
    }
}

/// A desktop node on loopback and on the kernel's ends of TAP interfaces, like the one on smoltcp. An error
/// is a sentence.
pub(crate) fn desktop_node(
    setup: Setup,
    hosts: impl IntoIterator<Item = IpAddr>,
) -> Result<Running, String> {
    let largest = if setup == Setup::Small { SMALL } else { FILE };
    let addresses = [IpAddr::from(Ipv4Addr::LOCALHOST)].into_iter().chain(hosts);
    let config = Config::new()
        .bind(addresses.collect::<Vec<_>>())
        .ports(Ports::ANY)
        .files(Storage::Memory { largest })
        .limits(setup.limits())
        .datagrams(setup.datagram());
    Running::start(demo::with_commands(config)).map_err(|error| error.to_string())
}

/// Whether a node of one setup, on which scenarios have been played, will do for another.
pub(crate) fn is_fit(running: Setup, wanted: Setup) -> bool {
    running == wanted && !wanted.wants_a_fresh_node()
}

/// Plays a scenario from the kernel's own sockets; `None` where that is not possible, or takes as long
/// as a deadline.
pub(crate) fn over_sockets(scenario: &Scenario, address: Option<SocketAddr>) -> Option<Played> {
    if !scenario.pauses().is_zero() {
        return None;
    }
    match address {
        Some(address) => live::play(scenario, address, PATIENCE),
        None => Some(failed(&io::ErrorKind::Unsupported.into())),
    }
}

/// What has come of it where nothing could be played.
pub(crate) fn failed(error: &io::Error) -> Played {
    Err(Box::new(Difference::unreachable(error)))
}
