//! The program on the board: the loop that polls and rests.
#![no_std]
#![no_main]

use core::fmt::Write as _;
use core::panic::PanicInfo;
use core::time::Duration;
use cortex_m::peripheral::{NVIC, SCB};
use cortex_m_rt::entry;
use smoltcp::iface::SocketSet;
use smoltcp::phy::Device as _;
use static_cell::{ConstStaticCell, StaticCell};
use unstick::host::Identity;
use unstick_firmware::TARGET;
use unstick_firmware::board::{Alarm, Clock, Uart};
use unstick_firmware::commands::Board;
use unstick_firmware::hardware::{self, Block, Hardware, Interrupt};
use unstick_firmware::lan9118::Lan9118;
use unstick_firmware::node::{self, Buffers, CounterLog, Node, Services, Sockets};
use unstick_smoltcp::{Scratch, core_time, stack_time};

/// How long a reboot waits for clients to take their answers.
const FAREWELL: Duration = Duration::from_secs(2);

/// How long the controller takes to send what it holds: 4.5 KB at 10 Mbit/s.
const LAST_FRAMES: Duration = Duration::from_millis(4);

/// How often the link is looked at, until it is up.
const LOOK: Duration = Duration::from_millis(100);

static BUFFERS: ConstStaticCell<Buffers> = ConstStaticCell::new(Buffers::new());
static SOCKETS: StaticCell<Sockets> = StaticCell::new();
static ETHERNET_DEVICE: StaticCell<Lan9118<Block>> = StaticCell::new();
static SERVICES: StaticCell<Services<Block>> = StaticCell::new();
static NODE: StaticCell<Node<Block>> = StaticCell::new();

#[entry]
fn main() -> ! {
    let hardware = Hardware::take().expect("the board is taken only here");
    let Hardware { timer0, timer1, uart0, fpga, ethernet } = hardware;
    let mut log = Uart::new(uart0);
    let mut clock = Clock::new(timer0);
    let mut alarm = Alarm::new(timer1);
    let _ = writeln!(log, "unstick {} {}", env!("CARGO_PKG_VERSION"), TARGET);

    let nic = nic(ethernet);
    let address = nic.address();
    let now = clock.now();
    let identity = Identity::new("mps2", env!("CARGO_PKG_VERSION"));
    let identity = identity.target(TARGET).connections(node::TCP).started(now);
    let mtu = nic.capabilities().ip_mtu();
    let Buffers { connections, datagrams, input, output, files } = BUFFERS.take();
    let Sockets { storage, slots } = storage();
    let scratch = Scratch { input, output };
    let services = SERVICES.init_with(|| node::services(scratch, mtu));
    let mut sockets = SocketSet::new(&mut storage[..]);
    if let Err(error) = node::serve(services, &mut sockets, connections, datagrams, slots) {
        panic!("{error}");
    }
    let node = NODE.init_with(|| node::node(identity, files, Board::new(fpga)));
    // This board has no source of randomness; the time its devices took is all there is.
    let mut interface = node::interface(nic, address, now.as_micros(), now);
    let _ = writeln!(log, "ethernet {address}, address {}", node::ADDRESS);
    let _ = node::write_services(&mut log, node::ADDRESS.address());

    hardware::wake_on_interrupts();
    let mut announced = false;
    let mut farewell = None;
    let mut watch = CounterLog::default();
    loop {
        let now = clock.now();
        let time = stack_time(now);
        let deadline = services.poll(time, node, &mut interface, nic, &mut sockets).map(core_time);
        let _ = watch.tell(now, node.counters, &mut log);
        if node.context.wants_reboot() {
            let Some(until) = farewell else {
                services.finish(&mut sockets);
                farewell = Some(now.after(FAREWELL));
                continue; // the sessions are to hear of it
            };
            if services.is_finished(&sockets) || now >= until {
                let _ = writeln!(log, "reboot");
                // Nobody is to wait for what will not come.
                services.abort(time, node, &mut sockets);
                services.poll(time, node, &mut interface, nic, &mut sockets);
                let sent = clock.now().after(LAST_FRAMES);
                while clock.now() < sent {}
                SCB::sys_reset();
            }
        }
        if !announced && nic.is_linked() {
            announced = node::announce(nic, address, now);
        }
        let look = (!announced).then(|| now.after(LOOK));
        let deadline = deadline.into_iter().chain(farewell).chain(look).min();
        rest(nic, &mut alarm, deadline.map_or(Alarm::<Block>::LONGEST, |at| at.since(clock.now())));
    }
}

/// Sets the controller up. Not inlined, or the loop would keep for good the stack that it takes once.
#[inline(never)]
fn nic(ethernet: Block) -> &'static mut Lan9118<Block> {
    match Lan9118::new(ethernet, None) {
        Ok(nic) => ETHERNET_DEVICE.init(nic),
        Err(error) => panic!("{error}"),
    }
}

/// The sockets' storage. Not inlined for the same reason.
#[inline(never)]
fn storage() -> &'static mut Sockets {
    SOCKETS.init_with(Sockets::new)
}

/// Sleeps for `delay`, or until there is a frame.
fn rest(nic: &mut Lan9118<Block>, alarm: &mut Alarm<Block>, delay: Duration) {
    if delay > Duration::ZERO && !nic.enable_interrupt() {
        alarm.arm(delay);
        cortex_m::asm::wfi();
    }
    nic.disable_interrupt();
    alarm.clear();
    NVIC::unpend(Interrupt::Ethernet);
    NVIC::unpend(Interrupt::Timer1);
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    hardware::restart(info)
}
