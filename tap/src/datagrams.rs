//! Datagrams that a sender handed to the kernel as one (`UDP_SEGMENT`), which smoltcp has to see one by
//! one.

use crate::transport::Transport;
use core::num::NonZeroU16;
use core::ops::Range;
use smoltcp::wire::{IpProtocol, Ipv4Packet, Ipv6Packet, UDP_HEADER_LEN, UdpPacket};

/// Those of a frame that have not been shown yet.
#[derive(Debug)]
pub(crate) struct Datagrams {
    transport: Transport,
    size: usize,
    /// Where the payload of the next begins.
    at: usize,
    count: u16,
}

impl Datagrams {
    /// The datagrams of a frame; `None` if it has none.
    pub(crate) fn of(frame: &[u8], size: NonZeroU16) -> Option<Self> {
        let transport = Transport::find(frame).filter(|it| it.protocol == IpProtocol::Udp)?;
        let at = transport.start + UDP_HEADER_LEN;
        Some(Self { transport, size: size.get().into(), at, count: 0 })
    }

    /// Puts the next one in a frame of its own; `None` if there is no more.
    pub(crate) fn next(&mut self, all: &[u8], frame: &mut Vec<u8>) -> Option<()> {
        let Transport { packet, start, end, .. } = self.transport;
        let payload: Range<usize> = self.at..end.min(self.at + self.size);
        if payload.is_empty() {
            return None;
        }
        frame.clear();
        frame.extend_from_slice(all.get(..start + UDP_HEADER_LEN)?);
        frame.extend_from_slice(all.get(payload.clone())?);
        let len = u16::try_from(frame.len() - start).ok()?;
        let is_v4 = all.get(packet)? >> 4 == 4;
        let ip = frame.get_mut(packet..)?;
        if is_v4 {
            let mut ip = Ipv4Packet::new_unchecked(ip);
            let header = u16::from(ip.header_len());
            ip.set_total_len(header + len);
            ip.set_ident(ip.ident().wrapping_add(self.count));
            ip.fill_checksum();
        } else {
            Ipv6Packet::new_unchecked(ip).set_payload_len(len);
        }
        let mut udp = UdpPacket::new_unchecked(frame.get_mut(start..)?);
        udp.set_len(len);
        let Transport { from, to, .. } = &self.transport;
        udp.fill_checksum(from, to);
        self.at = payload.end;
        self.count = self.count.wrapping_add(1);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::tests::datagrams;
    use smoltcp::wire::{EthernetFrame, EthernetProtocol};

    #[test]
    fn each_is_as_if_it_had_been_sent_alone() {
        let payload: Vec<u8> = (0..250).collect();
        for all in datagrams(&payload) {
            let mut parts = Datagrams::of(&all, NonZeroU16::new(100).unwrap()).unwrap();
            let (mut frame, mut seen, mut idents) = (Vec::new(), Vec::new(), Vec::new());
            while parts.next(&all, &mut frame).is_some() {
                let transport = Transport::find(&frame).unwrap();
                assert!(transport.is_right(&frame));
                seen.push(frame[transport.start + UDP_HEADER_LEN..].to_vec());
                if EthernetFrame::new_unchecked(&frame).ethertype() == EthernetProtocol::Ipv4 {
                    let ip = Ipv4Packet::new_checked(&frame[transport.packet..]).unwrap();
                    assert!(ip.verify_checksum());
                    idents.push(ip.ident());
                }
            }
            assert_eq!(seen, [&payload[..100], &payload[100..200], &payload[200..]]);
            assert!(idents.is_sorted_by(|a, b| a < b));
        }
    }
}
