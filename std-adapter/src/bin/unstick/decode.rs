//! `unstick decode`: what a capture says, message by message.

mod packets;
mod side;

use crate::failure::Failure;
use core::net::SocketAddr;
use core::time::Duration;
use packets::{Packet, Payload};
use side::Side;
use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use unstick::datagram::ETHERNET;
use unstick::{Endpoint, Transport};

/// Print what a packet capture says, message by message.
///
/// A line for each request and reply: when, from where to where, what, and which rule of
/// docs/protocol.md it breaks, if it breaks one. Segments are put together again, however they came.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  unstick-tap serve --pcap wire.pcap      captures while it serves
  tcpdump -i lo -w wire.pcap port 8088    so does this
  unstick decode wire.pcap
  unstick decode wire.pcap --port command=9000

wireshark/unstick.lua of the repository shows the same in Wireshark.")]
pub(crate) struct Args {
    /// A port that is not the service's own: SERVICE=PORT, such as command=9000 or echo+udp=9001
    #[arg(long, value_name = "SERVICE=PORT", value_parser = port)]
    port: Vec<(Endpoint, u16)>,
    /// The capture, as pcap or pcapng
    file: PathBuf,
}

fn port(text: &str) -> Result<(Endpoint, u16), String> {
    let known = || Endpoint::ALL.map(|endpoint| endpoint.to_string()).join(", ");
    let (service, port) = text.split_once('=').ok_or("write SERVICE=PORT")?;
    let endpoint = service
        .parse()
        .map_err(|_| format!("there is no service `{service}`; there are {}", known()))?;
    let port = port.parse().map_err(|_| format!("`{port}` is no port"))?;
    Ok((endpoint, port))
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let unreadable = |error: io::Error| Failure::file("read", &args.file, &error);
    let packets = packets::read(&args.file).map_err(unreadable)?;
    let mut ports: BTreeMap<_, _> = Endpoint::ALL
        .into_iter()
        .map(|it| ((it.transport() == Transport::Udp, it.port()), it))
        .collect();
    ports.extend(
        args.port.iter().map(|(it, port)| ((it.transport() == Transport::Udp, *port), *it)),
    );
    let mut out = BufWriter::new(io::stdout().lock());
    let mut sides = BTreeMap::<(SocketAddr, SocketAddr), Side>::new();
    let (mut others, mut lines, mut first) = (0_u64, 0_u64, None);
    for packet in packets {
        let packet = packet.map_err(unreadable)?;
        let Packet { time, from, to, payload } = packet;
        let is_udp = matches!(payload, Payload::Datagram(_));
        let to_node = ports.get(&(is_udp, to.port())).copied();
        let endpoint = to_node.or_else(|| ports.get(&(is_udp, from.port())).copied());
        let Some(endpoint) = endpoint else {
            others += 1;
            continue;
        };
        let since = time.saturating_sub(*first.get_or_insert(time));
        let says = match payload {
            Payload::Datagram(bytes) => {
                side::datagram(endpoint, to_node.is_some(), &bytes, ETHERNET)
            }
            Payload::Segment(segment) => {
                let side = sides
                    .entry((from, to))
                    .or_insert_with(|| Side::new(endpoint.service(), to_node.is_some()));
                side.takes(&segment)
            }
        };
        for line in says {
            lines += 1;
            tell(&mut out, since, from, to, endpoint, &line)?;
        }
    }
    out.flush()?;
    if lines == 0 {
        let why =
            format!("nothing of ours is in it; {others} packets are of other ports: give --port");
        return Err(Failure::said(format!("{}: {why}", args.file.display())));
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(
    out: &mut impl Write,
    since: Duration,
    from: SocketAddr,
    to: SocketAddr,
    endpoint: Endpoint,
    line: &str,
) -> io::Result<()> {
    writeln!(out, "{:10.6}  {from} > {to}  {endpoint}  {line}", since.as_secs_f64())
}
