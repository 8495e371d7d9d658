//! The board around the node: its Ethernet controller, its log, the loop, a reboot.

use crate::executor::Executor;
use crate::{Services, time};
use core::fmt::Write as _;
use core::panic::PanicInfo;
use cortex_m::peripheral::{NVIC, SCB};
use embassy_executor::Spawner;
use embassy_net::{Config, Stack};
use embassy_sync::waitqueue::AtomicWaker;
use embassy_time::{Duration, Timer, with_timeout};
use static_cell::StaticCell;
use unstick_firmware::TARGET;
use unstick_firmware::board::{Alarm, Clock, Uart};
use unstick_firmware::commands;
use unstick_firmware::hardware::{self, Block, Hardware, Interrupt};
use unstick_firmware::lan9118::{Driver, Lan9118};
use unstick_firmware::node::{self, CounterLog};

/// How often the link is looked at, until it is up.
const LOOK: Duration = Duration::from_millis(100);

/// How long a reboot waits for clients to take their answers.
const FAREWELL: Duration = Duration::from_secs(2);

/// How long the controller takes to send what it holds: 4.5 KB at 10 Mbit/s.
const LAST_FRAMES: Duration = Duration::from_millis(4);

/// Sockets besides those of the services: DHCP's.
pub(crate) const SOCKETS: usize = if cfg!(feature = "dhcp") { 1 } else { 0 };

/// The Ethernet controller.
pub(crate) type Nic = &'static mut Driver<Block>;

/// What waits for a frame.
static ETHERNET: AtomicWaker = AtomicWaker::new();

static DRIVER: StaticCell<Driver<Block>> = StaticCell::new();

/// Runs the tasks, and writes the log.
pub(crate) struct Board {
    log: Uart<Block>,
    executor: Executor,
}

impl Board {
    /// The board, its controller, and what its commands work on.
    pub(crate) fn take() -> (Self, Nic, commands::Board<Block>) {
        let hardware = Hardware::take().expect("the board is taken only here");
        let Hardware { timer0, timer1, uart0, fpga, ethernet } = hardware;
        let mut log = Uart::new(uart0);
        time::start(Clock::new(timer0), Alarm::new(timer1));
        let _ = writeln!(log, "unstick {} {TARGET}, on embassy-net", env!("CARGO_PKG_VERSION"));
        let nic = nic(ethernet, &mut log);
        let executor = Executor::take().expect("it is taken only here");
        (Self { log, executor }, nic, commands::Board::new(fpga))
    }

    /// What spawns its tasks.
    pub(crate) fn spawner(&self) -> Spawner {
        self.executor.spawner()
    }

    /// Polls the tasks, and sleeps until an interrupt.
    pub(crate) fn run(self, stack: Stack<'static>, services: &'static Services) -> ! {
        let Self { mut log, mut executor } = self;
        executor.spawner().spawn(look(stack).expect("it is spawned once"));
        hardware::wake_on_interrupts();
        let mut watch = CounterLog::default();
        let (mut listens, mut reboots) = (false, false);
        loop {
            executor.poll();
            if !listens && let Some(config) = stack.config_v4() {
                listens = true;
                let _ = node::write_services(&mut log, config.address.address());
            }
            let host = services.host().borrow();
            let _ = watch.tell(time::now(), host.counters, &mut log);
            if !reboots && host.context.wants_reboot() {
                reboots = true;
                let _ = writeln!(log, "reboot");
                executor.spawner().spawn(reboot(services).expect("it is spawned once"));
            }
            drop(host);
            // QEMU looks at its sockets when a timer is set, else only every half second: so it is
            // set before every rest.
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
}

/// Sets the controller up. Not inlined, or the loop would keep for good the stack that it takes once.
#[inline(never)]
fn nic(ethernet: Block, log: &mut Uart<Block>) -> Nic {
    let nic = match Lan9118::new(ethernet, None) {
        Ok(nic) => nic,
        Err(error) => panic!("{error}"),
    };
    let _ = writeln!(log, "ethernet {}", nic.address());
    DRIVER.init(Driver::new(nic, |waker| ETHERNET.register(waker), announce))
}

/// Where the address comes from: a DHCP server. QEMU's user networking has one.
#[cfg(feature = "dhcp")]
pub(crate) fn config() -> Config {
    Config::dhcpv4(Default::default())
}

/// The address is fixed.
#[cfg(not(feature = "dhcp"))]
pub(crate) fn config() -> Config {
    Config::ipv4_static(embassy_net::StaticConfigV4 {
        address: embassy_net::Ipv4Cidr::new(node::ADDRESS.address(), node::ADDRESS.prefix_len()),
        gateway: Some(node::GATEWAY),
        dns_servers: Default::default(),
    })
}

/// Tells a link that has come up who is here; where DHCP does, the server knows.
fn announce(nic: &mut Lan9118<Block>) {
    if !cfg!(feature = "dhcp") {
        let address = nic.address();
        node::announce(nic, address, time::now());
    }
}

/// Has the stack look at the link until it is up: the controller does not report it.
#[embassy_executor::task]
async fn look(stack: Stack<'static>) {
    while !stack.is_link_up() {
        ETHERNET.wake();
        Timer::after(LOOK).await;
    }
}

/// Answers what has been asked, then starts again.
#[embassy_executor::task]
async fn reboot(services: &'static Services) -> ! {
    services.finish();
    if with_timeout(FAREWELL, services.finished()).await.is_err() {
        services.abort(); // nobody is to wait for what will not come
        let _ = with_timeout(FAREWELL, services.finished()).await;
    }
    Timer::after(LAST_FRAMES).await;
    SCB::sys_reset()
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    hardware::restart(info)
}
