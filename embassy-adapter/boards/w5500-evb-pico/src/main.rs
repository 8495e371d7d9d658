//! Unstick on WIZnet's W5500-EVB-Pico, an RP2040 and a W5500: all services, files in RAM, a command for
//! the LED; the address by DHCP. Compiled only: it has not run on the board so far.
#![no_std]
#![no_main]

use core::fmt::Write as _;
use defmt::{info, unwrap};
use embassy_executor::Spawner;
use embassy_net::{Config, Runner, StackResources};
use embassy_net_wiznet::{Device, State, chip::W5500};
use embassy_rp::clocks::RoscRng;
use embassy_rp::gpio::{Input, Level, Output, Pull};
use embassy_rp::peripherals::{DMA_CH0, DMA_CH1, SPI0};
use embassy_rp::spi::{Async, Spi};
use embassy_rp::{bind_interrupts, dma};
use embassy_time::Delay;
use embedded_hal_bus::spi::ExclusiveDevice;
use static_cell::{ConstStaticCell, StaticCell};
use unstick::command::{Answer, Call, Command, Outcome};
use unstick::host::Identity;
use unstick::store::RamStore;
use unstick::{Endpoint, Limits, Refusal, Service, Status, Text};
use unstick_embassy::{Hearing, TcpBuffers, UdpBuffers, UdpSlots};
use {defmt_rtt as _, panic_probe as _};

const CONNECTIONS: usize = Service::ALL.len(); // one of each
const ADDRESS: [u8; 6] = [0x02, 0x00, 0x00, 0x55, 0x00, 0x01]; // of Ethernet, made up

/// Four files of 16 KiB, and the LED.
type Node = unstick::Node<RamStore<&'static mut [u8], 4>, Output<'static>>;
/// A task for each socket: four for connections, two for datagrams.
type Services = unstick_embassy::Services<'static, Node, 6>;
type Rings = TcpBuffers<1460, 2048>;
type Datagrams = UdpBuffers<4096>;
type Slots = UdpSlots<8>;
type Memory = (&'static mut Datagrams, &'static mut Slots);
type Bus = ExclusiveDevice<Spi<'static, SPI0, Async>, Output<'static>, Delay>;
type Chip = embassy_net_wiznet::Runner<'static, W5500, Bus, Input<'static>, Output<'static>>;

bind_interrupts!(struct Irqs {
    DMA_IRQ_0 => dma::InterruptHandler<DMA_CH0>, dma::InterruptHandler<DMA_CH1>;
});

static FILES: ConstStaticCell<[[u8; 16 * 1024]; 4]> = ConstStaticCell::new([[0; 16 * 1024]; 4]);
static TCP: ConstStaticCell<[Rings; CONNECTIONS]> =
    ConstStaticCell::new([const { Rings::new() }; CONNECTIONS]);
static UDP: ConstStaticCell<[Datagrams; 2]> = ConstStaticCell::new([const { Datagrams::new() }; 2]);
static SLOTS: StaticCell<[Slots; 2]> = StaticCell::new();
static STATE: StaticCell<State<8, 8>> = StaticCell::new();
static SOCKETS: StaticCell<StackResources<7>> = StaticCell::new(); // one of them is DHCP's
static SERVICES: StaticCell<Services> = StaticCell::new();

const COMMANDS: &[Command<Node>] =
    &[Command::new("led", led).usage("led on|off|toggle").help("switches the LED")];

fn led(node: &mut Node, call: &Call<'_>, text: &mut Text<'_>) -> Outcome<Node> {
    let led = &mut node.context;
    match call.args {
        "on" => led.set_high(),
        "off" => led.set_low(),
        "toggle" => led.toggle(),
        _ => return Err(Refusal::new(Status::BadRequest, format_args!("say on, off or toggle"))),
    }
    write!(text, "{}", if led.is_set_high() { "on" } else { "off" })?;
    Ok(Answer::Text)
}

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    let p = embassy_rp::init(Default::default());
    let mut config = embassy_rp::spi::Config::default();
    config.frequency = 50_000_000;
    let spi = Spi::new(p.SPI0, p.PIN_18, p.PIN_19, p.PIN_16, p.DMA_CH0, p.DMA_CH1, Irqs, config);
    let bus = unwrap!(ExclusiveDevice::new(spi, Output::new(p.PIN_17, Level::High), Delay));
    let (interrupt, reset) = (Input::new(p.PIN_21, Pull::Up), Output::new(p.PIN_20, Level::High));
    let state = STATE.init_with(State::new);
    let chip = embassy_net_wiznet::new(ADDRESS, state, bus, interrupt, reset).await;
    let Ok((device, ethernet_runner)) = chip else { defmt::panic!("the W5500 does not answer") };
    spawner.spawn(unwrap!(ethernet(ethernet_runner)));
    let (seed, sockets) = (RoscRng.next_u64(), SOCKETS.init_with(StackResources::new));
    let (stack, runner) =
        embassy_net::new(Hearing::new(device), Config::dhcpv4(Default::default()), sockets, seed);
    spawner.spawn(unwrap!(network(runner)));

    let store = RamStore::new(FILES.take().each_mut().map(|file| file.as_mut_slice()));
    let led = Output::new(p.PIN_25, Level::Low);
    let identity = Identity::new("w5500-evb-pico", env!("CARGO_PKG_VERSION")).target("thumbv6m");
    let identity = identity.connections(CONNECTIONS);
    let node = Node::with(identity, store, COMMANDS, led);
    let services = SERVICES.init_with(|| Services::new(stack, node, Limits::DEFAULT));
    for (service, buffers) in Service::ALL.into_iter().zip(TCP.take()) {
        spawner.spawn(unwrap!(connection(services, service, buffers)));
    }
    let slots = SLOTS.init_with(|| [const { Slots::new() }; 2]);
    for (it, memory) in Endpoint::UDP.into_iter().zip(UDP.take().iter_mut().zip(slots)) {
        spawner.spawn(unwrap!(datagrams(services, it, memory)));
    }
    stack.wait_config_up().await;
    info!("listening at {}", stack.config_v4().map(|config| config.address));
}

#[embassy_executor::task]
async fn ethernet(runner: Chip) -> ! {
    runner.run().await
}

#[embassy_executor::task]
async fn network(mut runner: Runner<'static, Hearing<Device<'static>>>) -> ! {
    runner.run().await
}

#[embassy_executor::task(pool_size = 4)]
async fn connection(node: &'static Services, it: Service, rings: &'static mut Rings) {
    let _ = node.serve_tcp(it, Endpoint::tcp(it).port(), rings).await;
}

#[embassy_executor::task(pool_size = 2)]
async fn datagrams(node: &'static Services, it: Endpoint, memory: Memory) {
    let (rings, slots) = memory;
    let _ = node.serve_udp(it.service(), it.port(), rings, slots).await;
}
