//! The packets of a capture that may be ours.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use pcap_file::DataLink;
use pcap_file::pcap::PcapReader;
use pcap_file::pcapng::{Block, PcapNgReader};
use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _};
use std::path::Path;

/// A packet of TCP or UDP.
pub(crate) struct Packet {
    /// Since 1970, or since the capture began.
    pub(crate) time: Duration,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) payload: Payload,
}

pub(crate) enum Payload {
    Datagram(Vec<u8>),
    Segment(Segment),
}

/// A segment of TCP.
pub(crate) struct Segment {
    pub(crate) sequence: u32,
    pub(crate) begins: bool,
    pub(crate) ends: bool,
    pub(crate) is_reset: bool,
    pub(crate) bytes: Vec<u8>,
}

type Packets = Box<dyn Iterator<Item = io::Result<Packet>>>;

/// Begins to read a capture.
pub(crate) fn read(path: &Path) -> io::Result<Packets> {
    /// How pcapng begins.
    const SECTION: [u8; 4] = [0x0A, 0x0D, 0x0D, 0x0A];
    let mut file = File::open(path)?;
    let mut magic = [0; 4];
    let is_whole = file.read_exact(&mut magic).is_ok();
    file.rewind()?;
    let file = BufReader::new(file);
    if !is_whole {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is no capture, but empty"));
    }
    if magic == SECTION {
        let mut reader = PcapNgReader::new(file).map_err(invalid)?;
        return Ok(Box::new(core::iter::from_fn(move || {
            loop {
                let (time, data) = match reader.next_block()? {
                    Err(error) => return Some(Err(invalid(error))),
                    Ok(Block::EnhancedPacket(packet)) => {
                        (packet.timestamp, packet.data.into_owned())
                    }
                    Ok(_) => continue,
                };
                if let Some(packet) = of(time, DataLink::ETHERNET, &data) {
                    return Some(Ok(packet));
                }
            }
        })));
    }
    let mut reader = PcapReader::new(file).map_err(invalid)?;
    let link = reader.header().datalink;
    Ok(Box::new(core::iter::from_fn(move || {
        loop {
            match reader.next_packet()? {
                Err(error) => return Some(Err(invalid(error))),
                Ok(packet) => {
                    if let Some(packet) = of(packet.timestamp, link, &packet.data) {
                        return Some(Ok(packet));
                    }
                }
            }
        }
    })))
}

fn invalid(error: pcap_file::PcapError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("it is no capture: {error}"))
}

fn of(time: Duration, link: DataLink, data: &[u8]) -> Option<Packet> {
    let sliced = match link {
        DataLink::RAW | DataLink::IPV4 | DataLink::IPV6 => SlicedPacket::from_ip(data),
        DataLink::LINUX_SLL => SlicedPacket::from_linux_sll(data),
        _ => SlicedPacket::from_ethernet(data),
    };
    let sliced = sliced.ok()?;
    let (from, to): (IpAddr, IpAddr) = match sliced.net? {
        NetSlice::Ipv4(ip) => {
            (ip.header().source_addr().into(), ip.header().destination_addr().into())
        }
        NetSlice::Ipv6(ip) => {
            (ip.header().source_addr().into(), ip.header().destination_addr().into())
        }
        NetSlice::Arp(_) => return None,
    };
    let (ports, payload) = match sliced.transport? {
        TransportSlice::Udp(udp) => {
            ((udp.source_port(), udp.destination_port()), Payload::Datagram(udp.payload().to_vec()))
        }
        TransportSlice::Tcp(tcp) => (
            (tcp.source_port(), tcp.destination_port()),
            Payload::Segment(Segment {
                sequence: tcp.sequence_number(),
                begins: tcp.syn(),
                ends: tcp.fin(),
                is_reset: tcp.rst(),
                bytes: tcp.payload().to_vec(),
            }),
        ),
        _ => return None,
    };
    let (from, to) = (SocketAddr::new(from, ports.0), SocketAddr::new(to, ports.1));
    Some(Packet { time, from, to, payload })
}
