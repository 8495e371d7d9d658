//! What comes in, looked at before smoltcp does: so that a client finds a socket, and an answer its way.

use core::net::Ipv4Addr;
use smoltcp::iface::Interface;
use smoltcp::phy::{self, Device, DeviceCapabilities, Medium, PacketMeta};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr, IpEndpoint};

/// Bytes of an Ethernet header.
const ETHERNET: usize = 14;

/// The protocol number of TCP (RFC 9293).
const TCP: u8 = 6;

/// Whether an Ethernet frame with an IPv4 packet has TCP in it.
pub(crate) fn is_tcp(frame: &[u8]) -> bool {
    frame.get(ETHERNET + 9) == Some(&TCP)
}

/// What matters here of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The first packet of a connection from there to this port.
    Syn { from: IpEndpoint, port: u16 },
    /// Another packet of TCP.
    Tcp,
    /// Not to be answered: it is from or to more than one host, from this one's address, or no way leads
    /// back.
    Silent,
    /// Anything else.
    Other,
}

impl Kind {
    /// What a frame is; whether its sender is `known` to be one host to which a way leads.
    pub(crate) fn of(
        now: Instant,
        frame: &[u8],
        medium: Medium,
        known: bool,
        iface: &mut Interface,
    ) -> Self {
        Self::look(now, frame, medium, known, iface).unwrap_or(Self::Other)
    }

    fn look(
        now: Instant,
        frame: &[u8],
        medium: Medium,
        known: bool,
        iface: &mut Interface,
    ) -> Option<Self> {
        let packet = match medium {
            Medium::Ethernet => match frame.get(12..ETHERNET)? {
                [0x08, 0x00] => frame.get(ETHERNET..)?,
                // The address that an ARP packet is from (RFC 826).
                [0x08, 0x06] => {
                    let from = Ipv4Addr::from(*frame.get(ETHERNET + 14..)?.first_chunk()?);
                    return Some(if is_broadcast(iface, from) {
                        Self::Silent
                    } else {
                        Self::Other
                    });
                }
                _ => return None,
            },
            #[allow(unreachable_patterns, reason = "other media are the user's to switch on")]
            _ => frame,
        };
        let protocol = *packet.get(9)?;
        let first = *packet.first()?;
        let (version, header) = (first >> 4, usize::from(first & 0xF) * 4);
        if version != 4 {
            return None;
        }
        let to_us = iface.has_ip_addr(Ipv4Addr::from(*packet.get(16..)?.first_chunk()?));
        let from = Ipv4Addr::from(*packet.get(12..)?.first_chunk()?);
        if !known {
            let leads_back = next_hop(now, iface, from.into()).is_some();
            let forged = iface.has_ip_addr(from) && !is_from_us(iface, frame);
            if (to_us && !leads_back) || is_broadcast(iface, from) || forged {
                return Some(Self::Silent);
            }
        }
        if protocol != TCP {
            return None;
        }
        if !to_us {
            return Some(Self::Silent); // a connection is between two
        }
        let segment = packet.get(header..)?;
        let [source, port] = *segment.as_chunks::<2>().0.first_chunk()?;
        const SYN: u8 = 0x02;
        const OTHERS: u8 = 0x10 | 0x04 | 0x01; // ACK, RST, FIN
        let flags = *segment.get(13)? & (SYN | OTHERS);
        if flags != SYN {
            return Some(Self::Tcp);
        }
        if !is_for(iface, frame) {
            return Some(Self::Silent);
        }
        let from = IpEndpoint::new(from.into(), u16::from_be_bytes(source));
        Some(Self::Syn { from, port: u16::from_be_bytes(port) })
    }
}

/// Whether an Ethernet frame was sent to this host, and not to others as well.
fn is_for(iface: &Interface, frame: &[u8]) -> bool {
    match iface.hardware_addr() {
        HardwareAddress::Ethernet(own) => frame.starts_with(own.as_bytes()),
        #[allow(unreachable_patterns, reason = "other media are the user's to switch on")]
        _ => true,
    }
}

/// Whether a frame may be from this host itself, as on a loopback device: then an Ethernet frame has its
/// address.
fn is_from_us(iface: &Interface, frame: &[u8]) -> bool {
    match iface.hardware_addr() {
        HardwareAddress::Ethernet(own) => frame.get(6..12) == Some(own.as_bytes()),
        #[allow(unreachable_patterns, reason = "other media are the user's to switch on")]
        _ => true,
    }
}

/// Whether an address is that of all hosts of one of the interface's networks.
fn is_broadcast(iface: &Interface, address: Ipv4Addr) -> bool {
    let of_all = |cidr: &IpCidr| match cidr {
        IpCidr::Ipv4(cidr) => cidr.broadcast() == Some(address),
        #[allow(unreachable_patterns, reason = "IPv6 is the user's to switch on")]
        _ => false,
    };
    address.is_broadcast() || iface.ip_addrs().iter().any(of_all)
}

/// The address on the link that leads to another, as smoltcp would choose it; `None` if none does.
pub(crate) fn next_hop(now: Instant, iface: &mut Interface, to: IpAddress) -> Option<IpAddress> {
    if iface.ip_addrs().iter().any(|cidr| cidr.contains_addr(&to)) {
        return Some(to);
    }
    let mut hop = None;
    iface.routes_mut().update(|routes| {
        let lives = routes.iter().filter(|it| it.expires_at.is_none_or(|end| now <= end));
        let leads = lives.filter(|it| it.cidr.contains_addr(&to));
        hop = leads.max_by_key(|it| it.cidr.prefix_len()).map(|it| it.via_router);
    });
    hop
}

/// A device that has one frame, and a token to answer it.
pub(crate) struct Single<'f, T> {
    frame: Option<(&'f [u8], PacketMeta)>,
    answer: Option<T>,
}

impl<'f, T> Single<'f, T> {
    pub(crate) fn new(frame: &'f [u8], meta: PacketMeta, answer: T) -> Self {
        Self { frame: Some((frame, meta)), answer: Some(answer) }
    }
}

impl<'f, T: phy::TxToken> Device for Single<'f, T> {
    type RxToken<'a>
        = Frame<'f>
    where
        Self: 'a;
    type TxToken<'a>
        = T
    where
        Self: 'a;

    fn receive(&mut self, _: Instant) -> Option<(Frame<'f>, T)> {
        let (bytes, meta) = self.frame.take()?;
        Some((Frame { bytes, meta }, self.answer.take()?))
    }

    fn transmit(&mut self, _: Instant) -> Option<T> {
        self.answer.take()
    }

    fn capabilities(&self) -> DeviceCapabilities {
        DeviceCapabilities::default() // taking a packet in does not ask for them
    }
}

pub(crate) struct Frame<'f> {
    bytes: &'f [u8],
    meta: PacketMeta,
}

impl phy::RxToken for Frame<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.bytes)
    }

    fn meta(&self) -> PacketMeta {
        self.meta
    }
}
