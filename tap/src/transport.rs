//! The TCP segment or UDP datagram in an Ethernet frame: where it is, and its checksum.

use crate::header::{Checksum, Header, Kind, Segments};
use core::num::NonZeroU16;
use smoltcp::wire::{
    ETHERNET_HEADER_LEN, EthernetFrame, EthernetProtocol, IpAddress, IpProtocol, Ipv4Packet,
    Ipv6Packet, TcpPacket, UDP_HEADER_LEN, UdpPacket,
};

/// Bytes of a VLAN tag (IEEE 802.1Q), and the EtherType that announces one.
const TAG: usize = 4;
const TAGGED: u16 = 0x8100;

/// A TCP segment or UDP datagram that lies whole in a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transport {
    pub(crate) protocol: IpProtocol,
    /// Where its IP packet begins, where it begins itself, and where it ends.
    pub(crate) packet: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) from: IpAddress,
    pub(crate) to: IpAddress,
}

impl Transport {
    /// Finds it; `None` in a frame that has none, or a fragment of one.
    pub(crate) fn find(frame: &[u8]) -> Option<Self> {
        let ethernet = EthernetFrame::new_checked(frame).ok()?;
        let (mut packet, mut kind) = (ETHERNET_HEADER_LEN, ethernet.ethertype());
        if kind == EthernetProtocol::Unknown(TAGGED) {
            let next = frame.get(packet + 2..packet + TAG)?.first_chunk()?;
            (packet, kind) = (packet + TAG, u16::from_be_bytes(*next).into());
        }
        let (protocol, header, len, from, to): (_, _, _, IpAddress, IpAddress) = match kind {
            EthernetProtocol::Ipv4 => {
                let bytes = frame.get(packet..)?;
                let ip = Ipv4Packet::new_checked(bytes).ok()?;
                if ip.more_frags() || ip.frag_offset() != 0 {
                    return None;
                }
                let (header, total) = (usize::from(ip.header_len()), usize::from(ip.total_len()));
                let len = total.checked_sub(header)?;
                (ip.next_header(), header, len, ip.src_addr().into(), ip.dst_addr().into())
            }
            EthernetProtocol::Ipv6 => {
                let ip = Ipv6Packet::new_checked(frame.get(packet..)?).ok()?;
                let (header, len) = (ip.header_len(), usize::from(ip.payload_len()));
                // Not behind extension headers, which nobody here sends it with.
                (ip.next_header(), header, len, ip.src_addr().into(), ip.dst_addr().into())
            }
            _ => return None,
        };
        let start = packet + header;
        let found = Self { protocol, packet, start, end: start + len, from, to };
        let least = match protocol {
            IpProtocol::Tcp => smoltcp::wire::TCP_HEADER_LEN,
            IpProtocol::Udp => UDP_HEADER_LEN,
            _ => return None,
        };
        (len >= least && found.end <= frame.len()).then_some(found)
    }

    /// Whether its checksum is right; a datagram without one is.
    pub(crate) fn is_right(&self, frame: &[u8]) -> bool {
        let Some(bytes) = frame.get(self.start..self.end) else { return false };
        match self.protocol {
            IpProtocol::Tcp => TcpPacket::new_checked(bytes)
                .is_ok_and(|it| it.verify_checksum(&self.from, &self.to)),
            _ => UdpPacket::new_checked(bytes)
                .is_ok_and(|it| it.checksum() == 0 || it.verify_checksum(&self.from, &self.to)),
        }
    }

    /// Leaves the sum of the pseudo header in place of its checksum, and returns what the kernel is to do
    /// with the frame: sum up the rest, and cut it if its segments have a size.
    pub(crate) fn leave_to_kernel(&self, frame: &mut [u8], size: Option<NonZeroU16>) -> Header {
        let offset = match self.protocol {
            IpProtocol::Tcp => 16,
            _ => 6,
        };
        let at = self.start + offset;
        let sum = self.pseudo_header().to_be_bytes();
        let Some(place) = frame.get_mut(at..at + 2) else { return Header::default() };
        place.copy_from_slice(&sum);
        // A frame is shorter than 64 KiB up to there.
        let (start, offset) = (self.start as u16, offset as u16);
        let segments = size.zip(frame.get(self.start..)).map(|(size, bytes)| {
            let (kind, header) = match (self.protocol, self.from) {
                (IpProtocol::Udp, _) => (Kind::Udp, UDP_HEADER_LEN),
                (_, IpAddress::Ipv4(_)) => (Kind::Tcp4, tcp_header(bytes)),
                (_, IpAddress::Ipv6(_)) => (Kind::Tcp6, tcp_header(bytes)),
            };
            Segments { kind, size, headers: start.saturating_add(header as u16) }
        });
        Header { checksum: Checksum::Partial { start, offset }, segments }
    }

    /// The sum of the pseudo header (RFC 9293 3.1, RFC 768, RFC 8200 8.1), not inverted.
    fn pseudo_header(&self) -> u16 {
        let words = |address: IpAddress| match address {
            IpAddress::Ipv4(it) => sum(&it.octets()),
            IpAddress::Ipv6(it) => sum(&it.octets()),
        };
        let len = (self.end - self.start) as u32;
        let mut sum = words(self.from)
            + words(self.to)
            + u32::from(u8::from(self.protocol))
            + (len >> 16)
            + (len & 0xFFFF);
        while sum > 0xFFFF {
            sum = (sum >> 16) + (sum & 0xFFFF);
        }
        sum as u16
    }
}

fn tcp_header(bytes: &[u8]) -> usize {
    TcpPacket::new_checked(bytes).map_or(smoltcp::wire::TCP_HEADER_LEN, |it| it.header_len().into())
}

fn sum(bytes: &[u8]) -> u32 {
    bytes.as_chunks::<2>().0.iter().map(|word| u32::from(u16::from_be_bytes(*word))).sum()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use smoltcp::phy::ChecksumCapabilities;
    use smoltcp::wire::{EthernetAddress, EthernetRepr, IpRepr, UdpRepr};

    const FROM: [IpAddress; 2] =
        [IpAddress::v4(192, 168, 69, 1), IpAddress::v6(0xFD00, 0, 0, 0, 0, 0, 0, 1)];
    const TO: [IpAddress; 2] =
        [IpAddress::v4(192, 168, 69, 100), IpAddress::v6(0xFD00, 0, 0, 0, 0, 0, 0, 2)];

    /// A frame with a datagram in it, of both versions of IP, with its checksum.
    pub(crate) fn datagrams(payload: &[u8]) -> [Vec<u8>; 2] {
        core::array::from_fn(|version| {
            let udp = UdpRepr { src_port: 7, dst_port: 9 };
            let len = udp.header_len() + payload.len();
            let (from, to) = (FROM[version], TO[version]);
            let ip = IpRepr::new(from, to, IpProtocol::Udp, len, 64);
            let is_v4 = version == 0;
            let ethernet = EthernetRepr {
                src_addr: EthernetAddress([2, 0, 0, 0, 0, 1]),
                dst_addr: EthernetAddress([2, 0, 0, 0, 0, 2]),
                ethertype: if is_v4 { EthernetProtocol::Ipv4 } else { EthernetProtocol::Ipv6 },
            };
            let start = ethernet.buffer_len() + ip.header_len();
            let mut frame = vec![0; start + len];
            ethernet.emit(&mut EthernetFrame::new_unchecked(&mut frame));
            ip.emit(&mut frame[ethernet.buffer_len()..], &ChecksumCapabilities::default());
            let mut packet = UdpPacket::new_unchecked(&mut frame[start..]);
            let fill = |bytes: &mut [u8]| bytes.copy_from_slice(payload);
            udp.emit(
                &mut packet,
                &from,
                &to,
                payload.len(),
                fill,
                &ChecksumCapabilities::default(),
            );
            frame
        })
    }

    /// What a kernel does with a frame whose checksum is partial.
    fn complete(frame: &mut [u8], header: Header) {
        let Checksum::Partial { start, offset } = header.checksum else { panic!("it is partial") };
        let (start, at) = (usize::from(start), usize::from(start + offset));
        let mut all = sum(&frame[start..]);
        if frame[start..].len() % 2 == 1 {
            all += u32::from(frame[frame.len() - 1]) << 8;
        }
        while all > 0xFFFF {
            all = (all >> 16) + (all & 0xFFFF);
        }
        frame[at..at + 2].copy_from_slice(&(!(all as u16)).to_be_bytes());
    }

    #[test]
    fn what_is_left_to_the_kernel_becomes_the_checksum() {
        for payload in [&b"odd"[..], b"even", b""] {
            for whole in datagrams(payload) {
                let mut frame = whole.clone();
                let transport = Transport::find(&frame).unwrap();
                let header = transport.leave_to_kernel(&mut frame, None);
                assert_eq!(header.segments, None);
                complete(&mut frame, header);
                assert_eq!(frame, whole);
            }
        }
    }

    #[test]
    fn a_damaged_byte_is_noticed_behind_a_vlan_tag_too() {
        for mut frame in datagrams(b"hello") {
            for _ in 0..2 {
                let transport = Transport::find(&frame).unwrap();
                assert!(transport.is_right(&frame));
                for at in transport.start..frame.len() {
                    frame[at] ^= 0x10;
                    let still = Transport::find(&frame).is_some_and(|it| it.is_right(&frame));
                    assert!(!still, "byte {at}");
                    frame[at] ^= 0x10;
                }
                frame.splice(12..12, [0x81, 0, 0, 1]);
            }
        }
    }

    #[test]
    fn padding_is_no_part_of_it() {
        let [mut frame, _] = datagrams(b"hi");
        frame.extend([0xEE; 16]);
        let transport = Transport::find(&frame).unwrap();
        assert_eq!(transport.end, frame.len() - 16);
        assert!(transport.is_right(&frame));
    }

    #[test]
    fn a_fragment_and_a_frame_cut_short_have_none() {
        let [mut frame, v6] = datagrams(b"hello");
        for whole in [&frame, &v6] {
            for len in 0..whole.len() {
                assert!(Transport::find(&whole[..len]).is_none(), "{len} bytes");
            }
        }
        frame[20] |= 0x20; // more fragments
        assert!(Transport::find(&frame).is_none());
    }
}
