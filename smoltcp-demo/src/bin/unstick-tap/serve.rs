//! `unstick-tap serve`: the node on an interface of this system, until a signal ends it.

use crate::host::Host;
use crate::node::{Address, Node};
use crate::tap::TapConfig;
use crate::{Failure, Program, cable};
use clap::CommandFactory as _;
use clap::error::ErrorKind;
use core::hash::{Hash as _, Hasher as _};
use core::net::Ipv4Addr;
use nix::ifaddrs::getifaddrs;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;
use smoltcp::wire::{EthernetAddress, Ipv4Cidr};
use std::hash::DefaultHasher;
use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tracing::level_filters::LevelFilter;
use unstick::datagram::ETHERNET;
use unstick::host::Identity;
use unstick::{Endpoint, Limits, Service};
use unstick_std::keys::{self, NodeKeys};
use unstick_std::node::{Listening, Ports};
use unstick_std::options::{LogArgs, PortArgs};

/// Bytes of a file in memory.
const FILE: usize = 64 * 1024;

/// Options of `unstick-tap serve`.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Name of the TAP interface; it is made if it does not exist, else used unchanged
    #[arg(long, value_name = "NAME", default_value = "unstick0")]
    tap: String,
    /// The node's own address and its network
    #[arg(long, value_name = "ADDR/BITS", default_value = "192.168.69.1/24", value_parser = network)]
    ip: Ipv4Cidr,
    /// Ask a DHCP server on the interface for the address
    #[arg(long, conflicts_with = "ip")]
    dhcp: bool,
    /// The address this system gets on an interface that is made [default: one of the network]
    #[arg(long, value_name = "ADDR")]
    host_ip: Option<Ipv4Addr>,
    /// Largest IP packet on an interface that is made
    #[arg(long, value_name = "BYTES", default_value_t = 1500)]
    mtu: u16,
    /// Key file: only who has one of its keys may run commands
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    #[command(flatten)]
    ports: PortArgs,
    #[command(flatten)]
    cable: cable::Args,
    #[command(flatten)]
    log: LogArgs,
}

const AFTER_HELP: &str = "\
A PORT is a number, 0 to have one chosen, or `off` not to serve it.
Prints `listening SERVICE TRANSPORT ADDR` for each socket when it is ready, and on stderr what to
type to reach it. Ctrl-C or SIGTERM ends it when what is in flight is done; a second one ends it at
once. An interface that was made goes with it.";

/// Serves until a signal.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let host_ip = args.host_ip.unwrap_or_else(|| neighbour(args.ip));
    if host_ip == args.ip.address() || !args.ip.contains_addr(&host_ip) {
        let why = format!("--host-ip is another address of the network {}", args.ip);
        Program::command().error(ErrorKind::ValueValidation, why).exit();
    }
    let ports = args.ports();
    if ports == Ports::OFF {
        let why = "there is nothing to serve: give at least one service a port";
        Program::command().error(ErrorKind::ValueValidation, why).exit();
    }
    if let Some((one, other)) = same_port(&ports) {
        let why = format!("{one} and {other} have the same port: give one of them another");
        Program::command().error(ErrorKind::ValueValidation, why).exit();
    }
    let keys = args.key.as_deref().map(|path| NodeKeys::new(keys::read(path)?)).transpose();
    let keys = keys.map_err(|error| Failure::Other(error.to_string()))?;
    let wake = signals()?;
    let prefix = args.ip.prefix_len();
    let tap = TapConfig {
        name: args.tap.clone(),
        mtu: args.mtu,
        address: host_ip,
        prefix,
        offload: args.cable.offloads(),
    };
    let _log = args.log.start(LevelFilter::WARN);
    let mut cable = args.cable.open(&tap)?;
    let setup = if args.dhcp { String::new() } else { setup(args, host_ip)? };
    let identity = Identity::new("unstick-tap", env!("CARGO_PKG_VERSION")).target("smoltcp");
    let node = Node {
        address: if args.dhcp {
            Address::Dhcp(made_from(&args.tap))
        } else {
            Address::Fixed(args.ip)
        },
        ports,
        limits: Limits::DEFAULT,
        datagram: ETHERNET,
        host: Host::new(identity, FILE).with_keys(keys),
    };
    // A closed stream must not stop the node.
    if args.dhcp {
        let _ = writeln!(io::stderr(), "asking a DHCP server on {} for an address", args.tap);
    }
    let ready = |address: Ipv4Cidr| {
        let address = address.address();
        let _ = announce(address, &ports);
        let request = request(address, &ports, args.key.as_deref());
        let _ = writeln!(io::stderr(), "To reach it, type:\n{setup}{request}");
    };
    node.run(&mut cable, wake, ready)
        .map_err(|error| Failure::Other(format!("the node on {} ended: {error}", args.tap)))?;
    let dropped = cable.get_mut().device_mut().dropped();
    if let Some(line) = cable.get_ref().told() {
        let _ = writeln!(io::stderr(), "{line}");
    }
    for (count, what) in [
        (dropped.unsent, format!("could not be sent: was {} up?", args.tap)),
        (dropped.damaged, "came with a wrong checksum".into()),
        (dropped.refused, "came with an offload header that makes no sense".into()),
    ] {
        if count > 0 {
            let _ = writeln!(io::stderr(), "{count} frames {what}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Args {
    /// What to serve. A port that was left to us is one that no other service has.
    fn ports(&self) -> Ports {
        let wanted = self.ports.ports();
        let taken = |port| wanted.iter().any(|(_, it)| it == port);
        let mut free = (49152..=u16::MAX).filter(|port| !taken(*port));
        wanted.iter().fold(Ports::OFF, |ports, (endpoint, port)| {
            ports.with(endpoint, if port == 0 { free.next() } else { Some(port) })
        })
    }
}

/// Two services that would share a port, if there are.
fn same_port(ports: &Ports) -> Option<(Endpoint, Endpoint)> {
    let all: Vec<_> = ports.iter().collect();
    all.iter().enumerate().find_map(|(at, (one, port))| {
        let same =
            |(other, it): &&(Endpoint, u16)| it == port && other.transport() == one.transport();
        all.get(at + 1..)?.iter().find(same).map(|(other, _)| (*one, *other))
    })
}

/// A stream from which a byte can be read for each signal that asks the program to end.
fn signals() -> io::Result<UnixStream> {
    let (wake, signal) = UnixStream::pair()?;
    pipe::register(SIGINT, signal.try_clone()?)?;
    pipe::register(SIGTERM, signal)?;
    Ok(wake)
}

fn announce(address: Ipv4Addr, ports: &Ports) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    for (endpoint, port) in ports.iter() {
        let address = (address, port).into();
        writeln!(stdout, "listening {}", Listening { endpoint, address })?;
    }
    stdout.flush()
}

/// What to type before this system's end of the interface, as it is, reaches the node: lines.
fn setup(args: &Args, host_ip: Ipv4Addr) -> Result<String, Failure> {
    let (name, ip) = (&args.tap, args.ip.address());
    let own: Vec<(String, Ipv4Addr)> = getifaddrs()
        .map_err(|errno| Failure::Other(format!("cannot see the interfaces: {errno}")))?
        .filter_map(|one| Some((one.interface_name, one.address?.as_sockaddr_in()?.ip())))
        .collect();
    if let Some((other, _)) = own.iter().find(|(_, address)| *address == ip) {
        let why = format!("{ip} is this system's own address on {other}; choose another with --ip");
        return Err(Failure::Other(why));
    }
    let reaches =
        |(own, address): &(String, Ipv4Addr)| own == name && args.ip.contains_addr(address);
    if own.iter().any(reaches) {
        return Ok(String::new());
    }
    Ok(format!("sudo ip address add {host_ip}/{} dev {name}\n", args.ip.prefix_len()))
}

/// What to type to ask the node something.
fn request(address: Ipv4Addr, ports: &Ports, key: Option<&Path>) -> String {
    let udp = Some(Endpoint::UDP_COMMAND).filter(|_| key.is_none());
    let commands = [Endpoint::tcp(Service::Command)].into_iter().chain(udp);
    let Some((endpoint, port)) = commands.filter_map(|it| Some((it, ports.get(it)?))).next() else {
        return format!("ping {address}");
    };
    let port = if port == endpoint.port() { String::new() } else { format!(":{port}") };
    let key = key.map_or_else(String::new, |key| format!("--key {} ", key.display()));
    format!("unstick call {key}{endpoint}://{address}{port} upper hello")
}

/// A hardware address made from the interface's name, so that a DHCP server knows the node again.
fn made_from(name: &str) -> EthernetAddress {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let [a, b, c, d, ..] = hasher.finish().to_be_bytes();
    EthernetAddress([0x02, 1, a, b, c, d])
}

/// An address of the network that is not the node's: the hundredth if there are so many.
fn neighbour(node: Ipv4Cidr) -> Ipv4Addr {
    let network = node.network().address().to_bits();
    let hosts = [network.wrapping_add(100), network.wrapping_add(1), network.wrapping_add(2)];
    let usable = |address: &Ipv4Addr| {
        *address != node.address()
            && node.contains_addr(address)
            && Some(*address) != node.broadcast()
    };
    hosts.map(Ipv4Addr::from_bits).into_iter().find(usable).unwrap_or_else(|| node.address())
}

/// An address with its network, in which there are other addresses.
fn network(text: &str) -> Result<Ipv4Cidr, String> {
    let parts = text.split_once('/').unwrap_or((text, "24"));
    let parsed = parts.0.parse::<Ipv4Addr>().ok().zip(parts.1.parse().ok());
    match parsed {
        Some((address, bits)) if bits <= 30 && !address.is_unspecified() => {
            Ok(Ipv4Cidr::new(address, bits))
        }
        _ => Err("it is an IPv4 address and at most 30 bits, as in 192.168.69.1/24".into()),
    }
}
