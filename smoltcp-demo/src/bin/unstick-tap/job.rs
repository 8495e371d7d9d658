//! The main job: every scenario against the node on smoltcp across a TAP, against a desktop node
//! over loopback, and against the firmware in QEMU where that is there, side by side.

use crate::cable::{self, Cable};
use crate::client::{conversations, run_conversation};
use crate::node::{Address, Node};
use crate::tap::TapConfig;
use crate::{Failure, namespace};
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use smoltcp::wire::Ipv4Cidr;
use std::io::{self, IsTerminal as _, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::thread::{self, JoinHandle};
use unstick::{Endpoint, Service};
use unstick_conformance::board::{Boards, Build};
use unstick_conformance::{
    Column, Difference, FILE, Played, SMALL, Scenario, Setup, fixture, live, matrix, memory,
    scenarios,
};
use unstick_std::node::{Config, Listening, Ports, Running, Storage, demo};

/// The kernel's end of the TAP, and the node's.
const KERNEL: Ipv4Addr = Ipv4Addr::new(192, 168, 69, 100);
const NODE: Ipv4Addr = Ipv4Addr::new(192, 168, 69, 1);
const PREFIX: u8 = 24;

/// The program and the board of the firmware's column: of two boards, one is enough to compare.
const FIRMWARE: (&str, &str) = ("node", "mps2-an385");

/// How long a connection may take to be there.
const PATIENCE: Duration = Duration::from_secs(10);

/// Does the job; success only if all agree.
pub(crate) fn run(cable: &cable::Args) -> Result<ExitCode, Failure> {
    let mut out = io::stdout();
    // Before the namespace, in which there is no network to fetch crates from.
    let build = Build::start(FIRMWARE.0, FIRMWARE.1);
    // Before anything that may start a thread.
    namespace::enter().map_err(|error| Failure::NoTap(error.to_string()))?;
    let tap = TapConfig { name: "unstick0".into(), mtu: 1500, address: KERNEL, prefix: PREFIX };
    let mut tap = OverTap { cable: Some(cable.open(&tap)?), running: None };
    let mut desktop = Desktop { running: None };
    let boards = match build.and_then(Build::finish) {
        Ok(firmware) => Some(Boards::start(firmware).map_err(Failure::Other)?),
        // That the firmware does not build is for its own tests to say; here it costs a column.
        Err(why) => {
            writeln!(out, "no firmware column: {why}")?;
            None
        }
    };
    let clean = cable.faults().is_none();
    let mut columns = vec![
        Column {
            name: "memory, all cuts",
            play: Box::new(|scenario| Some(memory::sessions(scenario))),
        },
        Column { name: "desktop over loopback", play: Box::new(|scenario| desktop.play(scenario)) },
        Column {
            name: "smoltcp over TAP",
            play: Box::new(|scenario| {
                // On a bad cable nobody promises that a datagram arrives.
                if clean || !scenario.is_udp() { tap.play(scenario) } else { None }
            }),
        },
    ];
    columns.extend(boards.as_ref().map(|boards| Column {
        name: "firmware in QEMU",
        play: Box::new(|scenario| {
            let played = boards.play(scenario)?;
            Some(played.unwrap_or_else(|sentence| failed(&io::Error::other(sentence))))
        }),
    }));
    let colour = out.is_terminal();
    writeln!(out, "the node on smoltcp is {NODE}, the kernel {KERNEL}, on a TAP between them\n")?;
    let summary = matrix(&scenarios(), &mut columns, &mut out, colour)?;
    drop(columns);
    let talked = match tap.stop()? {
        Some(cable) => talk(cable, &mut out)?,
        None => false,
    };
    let agree = summary.differ == 0 && talked;
    let result = match (agree, boards) {
        (false, _) => "They do not agree.",
        (true, Some(_)) => "All agree.",
        (true, None) => "All agree; the firmware was not tried, as said above.",
    };
    writeln!(out, "\n{result}")?;
    Ok(if agree { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The other way round: the client on smoltcp, the node on the desktop. Whether all went well.
fn talk(mut cable: Cable, out: &mut impl Write) -> Result<bool, Failure> {
    writeln!(out, "\nsmoltcp over TAP as the client, the desktop as the node:")?;
    let node = desktop_node(Setup::Default).map_err(Failure::Other)?;
    let there = |socket: &&Listening| {
        socket.endpoint == Endpoint::tcp(Service::Command)
            && socket.address.ip() == IpAddr::V4(KERNEL)
    };
    let Some(SocketAddr::V4(to)) = node.listening().iter().find(there).map(|it| it.address) else {
        return Err(Failure::Other(format!("the desktop node does not listen on {KERNEL}")));
    };
    let mut all = true;
    for conversation in conversations() {
        let result = run_conversation(&mut cable, (NODE, PREFIX), to, &conversation);
        all &= result.is_ok();
        let word = result.map_or_else(|wrong| format!("DIFFERS: {wrong}"), |()| "ok".into());
        writeln!(out, "{:32}  {word}", conversation.name)?;
    }
    Ok(all)
}

/// The node on smoltcp, which is made anew when a scenario needs another setup.
struct OverTap {
    /// The cable while no node runs on it.
    cable: Option<Cable>,
    running: Option<OnThread>,
}

/// A node that runs on a thread of its own, and returns the cable.
struct OnThread {
    setup: Setup,
    wake: UnixStream,
    thread: JoinHandle<io::Result<Cable>>,
}

impl OverTap {
    fn play(&mut self, scenario: &Scenario) -> Option<Played> {
        if let Err(error) = self.prepare(scenario.setup) {
            return Some(failed(&error));
        }
        over_sockets(scenario, Some(SocketAddr::new(NODE.into(), scenario.endpoint.port())))
    }

    fn prepare(&mut self, setup: Setup) -> io::Result<()> {
        if self.running.as_ref().is_some_and(|node| is_fit(node.setup, setup)) {
            return Ok(());
        }
        let gone = || io::Error::other("the TAP interface is gone");
        let mut cable = self.stop()?.ok_or_else(gone)?;
        let (wake, woken) = UnixStream::pair()?;
        let node = Node {
            address: Address::Fixed(Ipv4Cidr::new(NODE, PREFIX)),
            ports: Ports::DEFAULT,
            limits: setup.limits(),
            datagram: setup.datagram(),
            host: fixture::node(setup),
        };
        let thread = thread::Builder::new()
            .name("smoltcp-node".into())
            .spawn(move || node.run(&mut cable, woken, |_| {}).map(|()| cable))?;
        self.running = Some(OnThread { setup, wake, thread });
        Ok(())
    }

    /// Stops the node, if one runs; the cable, unless it was lost before.
    fn stop(&mut self) -> io::Result<Option<Cable>> {
        let Some(OnThread { wake, thread, .. }) = self.running.take() else {
            return Ok(self.cable.take());
        };
        drop(wake);
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the node panicked"))).map(Some)
    }
}

/// The desktop node, which is made anew when a scenario needs another setup.
struct Desktop {
    running: Option<(Setup, Running)>,
}

impl Desktop {
    fn play(&mut self, scenario: &Scenario) -> Option<Played> {
        let setup = scenario.setup;
        let fit = self.running.as_ref().is_some_and(|(running, _)| is_fit(*running, setup));
        if !fit {
            self.running = None;
            match desktop_node(setup) {
                Ok(node) => self.running = Some((setup, node)),
                Err(sentence) => return Some(failed(&io::Error::other(sentence))),
            }
        }
        let node = self.running.as_ref();
        over_sockets(scenario, node.and_then(|(_, node)| node.address(scenario.endpoint)))
    }
}

/// A desktop node on loopback and on the kernel's end of the TAP, like the one on smoltcp.
fn desktop_node(setup: Setup) -> Result<Running, String> {
    let largest = if setup == Setup::Small { SMALL } else { FILE };
    let config = Config::new()
        .bind([Ipv4Addr::LOCALHOST.into(), KERNEL.into()])
        .ports(Ports::ANY)
        .files(Storage::Memory { largest })
        .limits(setup.limits())
        .datagrams(setup.datagram());
    Running::start(demo::with_commands(config)).map_err(|error| error.to_string())
}

/// Whether a node of one setup, on which scenarios have been played, will do for another.
fn is_fit(running: Setup, wanted: Setup) -> bool {
    running == wanted && !wanted.wants_a_fresh_node()
}

/// Plays a scenario from the kernel's own sockets; `None` where that is not possible, or takes as long
/// as a deadline.
fn over_sockets(scenario: &Scenario, address: Option<SocketAddr>) -> Option<Played> {
    if !scenario.pauses().is_zero() {
        return None;
    }
    match address {
        Some(address) => live::play(scenario, address, PATIENCE),
        None => Some(failed(&io::ErrorKind::Unsupported.into())),
    }
}

/// What has come of it where nothing could be played.
fn failed(error: &io::Error) -> Played {
    eprintln!("unstick-tap: {error}");
    Err(Box::new(Difference::unreachable(error)))
}
