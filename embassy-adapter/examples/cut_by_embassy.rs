//! Asks embassy-net what it does with a datagram that is longer than the buffer, and Unstick what it
//! says of the same: a row of the table under rule U3 of docs/protocol.md.

use embassy_futures::block_on;
use embassy_futures::select::{Either, select};
use embassy_net::udp::{PacketMetadata, UdpSocket};
use embassy_net::{Config, Ipv4Address, Ipv4Cidr, Stack, StackResources, StaticConfigV4};
use embassy_net_driver_channel as channel;
use embassy_net_driver_channel::driver::{HardwareAddress, LinkState};
use unstick::datagram::Datagram;

const MTU: usize = 1514;
const ADDRESS: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);
const PEER: [u8; 6] = [2, 0, 0, 0, 0, 2];
const SENT: [u8; 20] = [b'x'; 20];

fn main() {
    let mut state = channel::State::<MTU, 4, 4>::new();
    let hardware = [2, 0, 0, 0, 0, 1];
    let (runner, device) = channel::new(&mut state, HardwareAddress::Ethernet(hardware));
    let (link, mut rx, _tx) = runner.split();
    link.set_link_state(LinkState::Up);
    let address = Ipv4Cidr::new(ADDRESS, 24);
    let config = StaticConfigV4 { address, gateway: None, dns_servers: Default::default() };
    let mut resources = StackResources::<2>::new();
    let config = Config::ipv4_static(config);
    let (stack, mut runner) = embassy_net::new(device, config, &mut resources, 1);
    let ask = async {
        stack.wait_config_up().await;
        for _ in 0..2 {
            let frame = datagram(hardware);
            rx.rx_buf().await[..frame.len()].copy_from_slice(&frame);
            rx.rx_done(frame.len());
        }
        row(stack).await
    };
    match block_on(select(runner.run(), ask)) {
        Either::First(never) => never,
        Either::Second(row) => println!("{row}"),
    }
}

async fn row(stack: Stack<'_>) -> String {
    let (mut rx, mut tx) = ([0; 256], [0; 256]);
    let (mut slots, mut sent) = ([PacketMetadata::EMPTY; 4], [PacketMetadata::EMPTY; 1]);
    let mut socket = UdpSocket::new(stack, &mut slots, &mut rx, &mut sent, &mut tx);
    socket.bind(8092).expect("the port is free");
    let mut buffer = [0; 8];
    let (error, len, from) = match socket.recv_from(&mut buffer).await {
        Ok((len, from)) => ("none".into(), Some(len), Some(from)),
        Err(error) => (format!("{error:?}"), None, None),
    };
    let delivered = buffer.iter().take_while(|it| **it == b'x').count();
    let told = |is: bool| if is { "yes" } else { "no" };
    let (length, sender) = (told(len == Some(SENT.len())), told(from.is_some()));
    // As the adapter takes it: the whole lies in the socket's ring.
    let unstick = socket.recv_from_with(|bytes, _| {
        let head = &bytes[..buffer.len().min(bytes.len())];
        match Datagram::received(head, bytes.len()) {
            Datagram::Truncated { head, len: Some(len) } => {
                format!("cut, {} of {len} bytes", head.len())
            }
            other => format!("{other:?}"),
        }
    });
    let unstick = unstick.await;
    format!("| embassy-net | {delivered} | `{error}` | {length} | {sender} | {unstick} |")
}

/// A frame of a neighbour, with a datagram without checksum.
fn datagram(to: [u8; 6]) -> Vec<u8> {
    let from = Ipv4Address::new(10, 0, 0, 2);
    let (udp, ip) = (8 + SENT.len() as u16, 28 + SENT.len() as u16);
    let mut header = [&[0x45, 0][..], &ip.to_be_bytes(), &[0, 0, 0, 0, 64, 17, 0, 0]].concat();
    header.extend([from.octets(), ADDRESS.octets()].concat());
    let words = header.chunks(2).map(|it| u32::from(it[0]) << 8 | u32::from(it[1]));
    let sum = words.sum::<u32>();
    let sum = !((sum & 0xFFFF) + (sum >> 16)) as u16;
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    let ports =
        [5000_u16.to_be_bytes(), 8092_u16.to_be_bytes(), udp.to_be_bytes(), [0, 0]].concat();
    [&to[..], &PEER, &[8, 0], &header, &ports, &SENT].concat()
}
