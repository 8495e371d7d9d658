//! What each layer costs at run time.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use static_cell::{ConstStaticCell, StaticCell};
use unstick::{Endpoint, Service};
use unstick_footprint::board::commands::{
    Connection, REFUSED, REPLY, REQUEST, longest, refused, request,
};
use unstick_footprint::board::frames::{self, Aligned, Costs};
use unstick_footprint::board::network::{datagram, introduce, round_trip};
use unstick_footprint::board::{end, start, tell};
use unstick_footprint::node::Whole;

const ECHO: u16 = 8092;
const COMMAND: u16 = 8093;

#[entry]
fn main() -> ! {
    start();
    static STREAM: ConstStaticCell<Aligned<65_536>> = ConstStaticCell::new(Aligned([0; 65_536]));
    static TEXT: Aligned<512> = Aligned([b'x'; 512]);
    let stream = &mut STREAM.take().0;
    let text = core::str::from_utf8(&TEXT.0).unwrap_or_default();
    for size in [64, 512] {
        tell_frames("ours", size, frames::ours(&text[..size], stream));
        tell_frames("cobs", size, frames::cobs(&text[..size], stream));
    }

    static CONNECTION: StaticCell<Connection> = StaticCell::new();
    let connection = CONNECTION.init_with(Connection::open);
    let (mut space, mut hello_space, mut longest_space) = ([0; 256], [0; 256], [0; REQUEST]);
    let (mut hello_reply, mut longest_reply) = ([0; REPLY], [0; REPLY]);
    let hello = request("upper hello", &[], &mut hello_space);
    let longest = longest(&mut longest_space);
    tell(format_args!("command"), connection.instructions(hello));
    let (mut session, mut answer) = (connection.stack(longest), connection.datagram_stack(longest));
    for (command, body) in [
        ("put a", &b"hello"[..]),
        ("get a", b""),
        ("list", b""),
        ("help", b""),
        ("upper hello", b""),
        ("info", b""),
        ("stats", b""),
        ("uptime", b""),
        ("remove a", b""),
    ] {
        let request = request(command, body, &mut space);
        session = session.max(connection.stack(request));
        answer = answer.max(connection.datagram_stack(request));
    }
    for header in REFUSED {
        session = session.max(connection.refused_stack(refused(header, &mut space)));
    }
    tell(format_args!("session stack"), session);
    tell(format_args!("datagram stack"), answer);
    let hello_reply = connection.reply(hello, &mut hello_reply);
    let longest_reply = connection.reply(longest, &mut longest_reply);

    let Ok(mut node) = Whole::start() else { panic!("the node does not start") };
    introduce(&mut node);
    let mut deepest = 0;
    for size in [1, 1472] {
        let (bytes, reply) = (&[b'a'; 1472][..size], &[b'A'; 1472][..size]);
        let (instructions, stack) = datagram(&mut node, ECHO, bytes, reply);
        tell(format_args!("UDP echo {size}"), instructions);
        deepest = stack.max(deepest);
    }
    for (name, request, reply) in
        [("short", hello, hello_reply), ("longest", longest, longest_reply)]
    {
        let (instructions, stack) = datagram(&mut node, COMMAND, request, reply);
        tell(format_args!("UDP command {name}"), instructions);
        deepest = stack.max(deepest);
        let port = Endpoint::tcp(Service::Command).port();
        let (instructions, stack) = round_trip(&mut node, port, request, reply);
        tell(format_args!("TCP command {name}"), instructions);
        deepest = stack.max(deepest);
    }
    for size in [1, 64, 1280] {
        let (bytes, reply) = (&[b'a'; 1280][..size], &[b'A'; 1280][..size]);
        let (instructions, stack) =
            round_trip(&mut node, Endpoint::tcp(Service::Echo).port(), bytes, reply);
        tell(format_args!("TCP echo {size}"), instructions);
        deepest = stack.max(deepest);
    }
    tell(format_args!("stack"), deepest);
    end()
}

fn tell_frames(whose: &str, size: usize, costs: Costs) {
    let Costs { encoded, decoded, assembled, stack } = costs;
    tell(format_args!("{whose} encoded {size}"), encoded);
    tell(format_args!("{whose} decoded {size}"), decoded);
    tell(format_args!("{whose} assembled {size}"), assembled);
    tell(format_args!("{whose} stack {size}"), stack);
}
