//! **The node on embassy-net**, on the boards of `unstick-firmware` and with its memory, files and
//! commands.
//!
//! This file is what a user writes: memory, and a task for each socket. What the sockets do is in
//! `unstick-embassy`; the rest is the board's.
//!
//! | module | what |
//! |---|---|
//! | `board` | the Ethernet controller, the log, the loop: poll, then sleep; a reboot |
//! | `time` | embassy's clock on the board's timers |
//! | `executor` | embassy's executor, which rests until an interrupt |
#![no_std]
#![no_main]

mod board;
mod executor;
mod time;

use board::{Board, Nic};
use embassy_net::{Runner, StackResources};
use static_cell::{ConstStaticCell, StaticCell};
use unstick::host::Identity;
use unstick::{Endpoint, Limits, Service};
use unstick_embassy::{Hearing, TcpBuffers, UdpBuffers, UdpSlots};
use unstick_firmware::TARGET;
use unstick_firmware::hardware::Block;
use unstick_firmware::node::{self, CONNECTIONS, FILE, FILES, RECEIVE, SEND};

/// What the tasks share: there is one for each socket.
type Services = unstick_embassy::Services<'static, node::Node<Block>, { node::TCP + node::UDP }>;

/// Bytes of each ring of datagrams: four of full length, which are two turns of the Ethernet driver.
const DATAGRAMS: usize = 4 * unstick::datagram::ETHERNET;

// What is zero at the start takes no flash as long as it is kept apart from what is not.
static FILE_BYTES: ConstStaticCell<[[u8; FILE]; FILES]> = ConstStaticCell::new([[0; FILE]; FILES]);
static TCP: ConstStaticCell<[TcpBuffers<RECEIVE, SEND>; node::TCP]> =
    ConstStaticCell::new([const { TcpBuffers::new() }; node::TCP]);
static UDP: ConstStaticCell<[UdpBuffers<DATAGRAMS>; node::UDP]> =
    ConstStaticCell::new([const { UdpBuffers::new() }; node::UDP]);
static UDP_SLOTS: StaticCell<[UdpSlots<8>; node::UDP]> = StaticCell::new();
static SERVICES: StaticCell<Services> = StaticCell::new();
static SOCKETS: StaticCell<StackResources<{ node::TCP + node::UDP + board::SOCKETS }>> =
    StaticCell::new();

#[cortex_m_rt::entry]
fn main() -> ! {
    const ONCE: &str = "there is a task for each socket";
    let (board, nic, commands) = Board::take();
    let started = time::now();
    // This board has no source of randomness; the time its devices took is all there is.
    let seed = started.as_micros();
    let sockets = SOCKETS.init_with(StackResources::new);
    let (stack, runner) = embassy_net::new(Hearing::new(nic), board::config(), sockets, seed);

    let identity = Identity::new("mps2", env!("CARGO_PKG_VERSION")).target(TARGET);
    let identity = identity.connections(node::TCP).started(started);
    let node = node::node(identity, FILE_BYTES.take(), commands);
    let services = SERVICES.init_with(|| Services::new(stack, node, Limits::DEFAULT));
    let spawner = board.spawner();
    let offered = Service::ALL.into_iter().flat_map(|service| [service; CONNECTIONS]);
    for (service, buffers) in offered.zip(TCP.take()) {
        spawner.spawn(connection(services, service, buffers).expect(ONCE));
    }
    let slots = UDP_SLOTS.init_with(|| [const { UdpSlots::new() }; node::UDP]);
    for ((endpoint, buffers), slots) in Endpoint::UDP.into_iter().zip(UDP.take()).zip(slots) {
        spawner.spawn(datagrams(services, endpoint, buffers, slots).expect(ONCE));
    }
    spawner.spawn(network(runner).expect(ONCE));
    board.run(stack, services)
}

#[embassy_executor::task(pool_size = node::TCP)]
async fn connection(
    services: &'static Services,
    service: Service,
    buffers: &'static mut TcpBuffers<RECEIVE, SEND>,
) {
    let _ = services.serve_tcp(service, Endpoint::tcp(service).port(), buffers).await;
}

#[embassy_executor::task(pool_size = node::UDP)]
async fn datagrams(
    services: &'static Services,
    endpoint: Endpoint,
    buffers: &'static mut UdpBuffers<DATAGRAMS>,
    slots: &'static mut UdpSlots<8>,
) {
    let _ = services.serve_udp(endpoint.service(), endpoint.port(), buffers, slots).await;
}

#[embassy_executor::task]
async fn network(mut runner: Runner<'static, Hearing<Nic>>) -> ! {
    runner.run().await
}
