//! **The node on embassy-net**, on the boards of `unstick-firmware` and with its memory, files and
//! commands.
//!
//! embassy moves the bytes; what they mean is in the core's sessions, through its async driver.
//!
//! | module | what |
//! |---|---|
//! | `connections` | a task for each connection |
//! | `datagrams` | a task for each datagram service |
//! | `farewell` | what a reboot waits for |
//! | `time` | embassy's clock and the core's, on the board's timers |
//! | `executor` | embassy's executor, which rests until an interrupt |
#![no_std]
#![no_main]

mod connections;
mod datagrams;
mod executor;
mod farewell;
mod time;

use core::cell::RefCell;
use core::fmt::Write as _;
use core::panic::PanicInfo;
use cortex_m::peripheral::NVIC;
use embassy_executor::Spawner;
use embassy_net::{Config, Ipv4Cidr, Runner, Stack, StackResources, StaticConfigV4};
use embassy_sync::waitqueue::AtomicWaker;
use embassy_time::{Duration, Timer};
use executor::Executor;
use static_cell::{ConstStaticCell, StaticCell};
use unstick::host::Identity;
use unstick::{Endpoint, Service};
use unstick_firmware::TARGET;
use unstick_firmware::board::{Alarm, Clock, Uart};
use unstick_firmware::commands::Board;
use unstick_firmware::hardware::{self, Block, Hardware, Interrupt};
use unstick_firmware::lan9118::{Driver, Lan9118};
use unstick_firmware::node::{self, ADDRESS, CONNECTIONS, FILE, FILES, GATEWAY, Watch};

/// The node, which all tasks share. None of them borrows it while it waits.
pub(crate) type Node = node::Node<Block>;

/// How often the link is looked at, until it is up.
const LOOK: Duration = Duration::from_millis(100);

/// What waits for a frame.
static ETHERNET: AtomicWaker = AtomicWaker::new();

// What is zero at the start takes no flash as long as it is kept apart from what is not.
static FILE_BYTES: ConstStaticCell<[[u8; FILE]; FILES]> = ConstStaticCell::new([[0; FILE]; FILES]);
static TCP: ConstStaticCell<[connections::Buffers; node::TCP]> =
    ConstStaticCell::new([const { connections::Buffers::new() }; node::TCP]);
static UDP: ConstStaticCell<[datagrams::Buffers; node::UDP]> =
    ConstStaticCell::new([const { datagrams::Buffers::new() }; node::UDP]);
static UDP_SLOTS: StaticCell<[datagrams::Slots; node::UDP]> = StaticCell::new();
static SOCKETS: StaticCell<StackResources<{ node::TCP + node::UDP }>> = StaticCell::new();
static DRIVER: StaticCell<Driver<Block>> = StaticCell::new();
static NODE: StaticCell<RefCell<Node>> = StaticCell::new();

#[cortex_m_rt::entry]
fn main() -> ! {
    let hardware = Hardware::take().expect("the board is taken only here");
    let Hardware { timer0, timer1, uart0, fpga, ethernet } = hardware;
    let mut log = Uart::new(uart0);
    time::start(Clock::new(timer0), Alarm::new(timer1));
    let _ = writeln!(log, "unstick {} {TARGET}, on embassy-net", env!("CARGO_PKG_VERSION"));

    let driver = driver(ethernet, &mut log);
    let started = time::now();
    // There is no source of randomness on this board; the time its devices took is a little of it.
    let (stack, runner) = embassy_net::new(
        driver,
        config(),
        SOCKETS.init_with(StackResources::new),
        started.as_micros(),
    );
    let identity = Identity::new("mps2", env!("CARGO_PKG_VERSION"));
    let identity = identity.target(TARGET).datagram(datagrams::LIMIT).started(started);
    let node = node::node(identity, FILE_BYTES.take(), Board::new(fpga));
    let node: &RefCell<_> = NODE.init(RefCell::new(node));

    let mut executor = Executor::take().expect("it is taken only here");
    let spawner = executor.spawner();
    spawn(spawner, stack, runner, node);
    hardware::wake_on_interrupts();
    executor.poll(); // now all of them listen
    let _ = node::write_services(&mut log);
    let mut watch = Watch::default();
    let mut rebooting = false;
    loop {
        executor.poll();
        let _ = watch.tell(time::now(), node.borrow().counters, &mut log);
        if !rebooting && node.borrow().context.wants_reboot() {
            rebooting = true;
            let _ = writeln!(log, "reboot");
            spawner.spawn(farewell::reboot().expect("it is spawned once"));
        }
        // QEMU looks at its sockets when a timer is set, else only every half second: so it is set
        // before every rest.
        time::serve();
        if !executor.is_woken() {
            cortex_m::asm::wfi();
        }
        NVIC::unpend(Interrupt::Timer1);
        if NVIC::is_pending(Interrupt::Ethernet) {
            NVIC::unpend(Interrupt::Ethernet);
            ETHERNET.wake();
        }
    }
}

/// Sets the controller up. Not inlined, or the loop would keep for good the stack that it takes once.
#[inline(never)]
fn driver(ethernet: Block, log: &mut Uart<Block>) -> &'static mut Driver<Block> {
    let nic = match Lan9118::new(ethernet, None) {
        Ok(nic) => nic,
        Err(error) => panic!("{error}"),
    };
    let _ = writeln!(log, "ethernet {}, address {ADDRESS}", nic.address());
    DRIVER.init(Driver::new(nic, |waker| ETHERNET.register(waker), announce))
}

fn config() -> Config {
    Config::ipv4_static(StaticConfigV4 {
        address: Ipv4Cidr::new(ADDRESS.address(), ADDRESS.prefix_len()),
        gateway: Some(GATEWAY),
        dns_servers: Default::default(),
    })
}

/// Spawns a task for each connection and datagram service, and those of the network.
fn spawn(
    spawner: Spawner,
    stack: Stack<'static>,
    runner: Runner<'static, &'static mut Driver<Block>>,
    node: &'static RefCell<Node>,
) {
    const ONCE: &str = "there is a task for each socket";
    let offered = Service::ALL.into_iter().flat_map(|service| [service; CONNECTIONS]);
    for (service, buffers) in offered.zip(TCP.take()) {
        spawner.spawn(connections::serve(service, stack, node, buffers).expect(ONCE));
    }
    let slots = UDP_SLOTS.init_with(|| [const { datagrams::Slots::new() }; node::UDP]);
    for ((endpoint, buffers), slots) in Endpoint::UDP.into_iter().zip(UDP.take()).zip(slots) {
        spawner.spawn(datagrams::serve(endpoint, stack, node, buffers, slots).expect(ONCE));
    }
    spawner.spawn(run(runner).expect(ONCE));
    spawner.spawn(look(stack).expect(ONCE));
}

/// Moves packets.
#[embassy_executor::task]
async fn run(mut runner: Runner<'static, &'static mut Driver<Block>>) -> ! {
    runner.run().await
}

/// Has the stack look at the link until it is up: the controller does not tell.
#[embassy_executor::task]
async fn look(stack: Stack<'static>) {
    while !stack.is_link_up() {
        ETHERNET.wake();
        Timer::after(LOOK).await;
    }
}

/// Tells a link that has come up who is here.
fn announce(nic: &mut Lan9118<Block>) {
    let address = nic.address();
    node::announce(nic, address, time::now());
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    hardware::restart(info)
}
