//! Unstick on ST's NUCLEO-F767ZI, over its own Ethernet: all services, files in RAM, a command for the
//! LED; the address by DHCP. Compiled only: it has not run on the board so far.
#![no_std]
#![no_main]

use core::fmt::Write as _;
use defmt::{info, unwrap};
use embassy_executor::Spawner;
use embassy_net::{Config, Runner, StackResources};
use embassy_stm32::eth::{Ethernet, GenericPhy, InterruptHandler, PacketQueue, Sma};
use embassy_stm32::gpio::{Level, Output, Speed};
use embassy_stm32::peripherals::{ETH, ETH_SMA, RNG};
use embassy_stm32::rng::{self, Rng};
use embassy_stm32::{bind_interrupts, rcc, time::Hertz};
use static_cell::{ConstStaticCell, StaticCell};
use unstick::command::{Answer, Call, Command, Outcome};
use unstick::host::Identity;
use unstick::store::RamStore;
use unstick::{Endpoint, Limits, Refusal, Service, Status, Text};
use unstick_embassy::{Hearing, TcpBuffers, UdpBuffers, UdpSlots};
use {defmt_rtt as _, panic_probe as _};

const CONNECTIONS: usize = Service::ALL.len(); // one of each
const ADDRESS: [u8; 6] = [0x02, 0x00, 0x00, 0xF7, 0x67, 0x01]; // of Ethernet, made up

/// Four files of 16 KiB, and the LED.
type Node = unstick::Node<RamStore<&'static mut [u8], 4>, Output<'static>>;
/// A task for each socket: four for connections, two for datagrams.
type Services = unstick_embassy::Services<'static, Node, 6>;
type Rings = TcpBuffers<1460, 2048>;
type Datagrams = UdpBuffers<4096>;
type Slots = UdpSlots<8>;
type Memory = (&'static mut Datagrams, &'static mut Slots);
type Nic = Hearing<Ethernet<'static, ETH, GenericPhy<Sma<'static, ETH_SMA>>>>;

bind_interrupts!(struct Irqs {
    ETH => InterruptHandler;
    RNG => rng::InterruptHandler<RNG>;
});

static FILES: ConstStaticCell<[[u8; 16 * 1024]; 4]> = ConstStaticCell::new([[0; 16 * 1024]; 4]);
static TCP: ConstStaticCell<[Rings; CONNECTIONS]> =
    ConstStaticCell::new([const { Rings::new() }; CONNECTIONS]);
static UDP: ConstStaticCell<[Datagrams; 2]> = ConstStaticCell::new([const { Datagrams::new() }; 2]);
static SLOTS: StaticCell<[Slots; 2]> = StaticCell::new();
static PACKETS: StaticCell<PacketQueue<4, 8>> = StaticCell::new();
static SOCKETS: StaticCell<StackResources<7>> = StaticCell::new(); // one of them is DHCP's
static SERVICES: StaticCell<Services> = StaticCell::new();

const COMMANDS: &[Command<Node>] =
    &[Command::new("led", led).usage("led on|off|toggle").help("switches the green LED")];

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
    let p = embassy_stm32::init(clocks());
    let seed = Rng::new(p.RNG, Irqs).next_u32().into();
    #[rustfmt::skip] // the pins of the board's RMII
    let nic = Hearing::new(Ethernet::new(
        PACKETS.init_with(PacketQueue::new), p.ETH, Irqs, p.PA1, p.PA7, p.PC4, p.PC5, p.PG13, p.PB13,
        p.PG11, ADDRESS, p.ETH_SMA, p.PA2, p.PC1,
    ));
    let sockets = SOCKETS.init_with(StackResources::new);
    let (stack, runner) = embassy_net::new(nic, Config::dhcpv4(Default::default()), sockets, seed);
    spawner.spawn(unwrap!(network(runner)));

    let store = RamStore::new(FILES.take().each_mut().map(|file| file.as_mut_slice()));
    let led = Output::new(p.PB0, Level::Low, Speed::Low);
    let identity = Identity::new("nucleo-f767zi", env!("CARGO_PKG_VERSION")).target("thumbv7em");
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
async fn network(mut runner: Runner<'static, Nic>) -> ! {
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

/// 216 MHz from the 8 MHz of the debugger's clock (RM0410, 5.2).
fn clocks() -> embassy_stm32::Config {
    let mut config = embassy_stm32::Config::default();
    config.rcc.hse = Some(rcc::Hse { freq: Hertz(8_000_000), mode: rcc::HseMode::Bypass });
    config.rcc.pll_src = rcc::PllSource::HSE;
    let (prediv, mul) = (rcc::PllPreDiv::DIV4, rcc::PllMul::MUL216);
    let (divp, divq) = (Some(rcc::PllPDiv::DIV2), Some(rcc::PllQDiv::DIV9)); // 48 MHz for the RNG
    config.rcc.pll = Some(rcc::Pll { prediv, mul, divp, divq, divr: None });
    config.rcc.sys = rcc::Sysclk::PLL1_P;
    config.rcc.apb1_pre = rcc::APBPrescaler::DIV4;
    config.rcc.apb2_pre = rcc::APBPrescaler::DIV2;
    config
}
