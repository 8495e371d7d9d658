//! The node: who it is, its commands, its files, its counters.

use crate::command::{self, unstick_command};
use crate::device::Device;
use crate::error::{code, unstick_error};
use crate::memory::{Kind, Slot, fits, number, space, text};
use core::ffi::{c_char, c_void};
use core::mem::MaybeUninit;
use heapless::Vec;
use unstick::host::{Counter, Counters, Identity};
use unstick::store::RamStore;
use unstick::{Endpoint, Instant};

/// Bytes of an `unstick_node`.
#[cfg(target_pointer_width = "32")]
pub const UNSTICK_NODE_SIZE: usize = 3088;
/// Bytes of an `unstick_node`.
#[cfg(target_pointer_width = "64")]
pub const UNSTICK_NODE_SIZE: usize = 3808;
/// The same in `uint64_t`, for the alignment.
pub const UNSTICK_NODE_WORDS: usize = UNSTICK_NODE_SIZE / 8;

/// Most files of a node.
pub const UNSTICK_MAX_FILES: usize = 8;

/// A node: what all its sessions and datagrams share. It is in memory of yours, static or not, that
/// stays where it is; nothing of it is for you to read.
#[repr(C)]
pub struct unstick_node {
    opaque: [MaybeUninit<u64>; UNSTICK_NODE_WORDS],
}

fits!(unstick_node, Slot<Device>);

impl Kind for Device {
    const READY: u32 = 0x6E6F_6465;
}

/// What a node is started with. It needs its three texts; zero or NULL is right for all else that
/// you do without.
#[repr(C)]
pub struct unstick_config {
    /// The node's name, as the command `info` shows it.
    pub name: *const c_char,
    /// Its version.
    pub version: *const c_char,
    /// What it runs on.
    pub target: *const c_char,
    /// The largest datagram it can send, in bytes of UDP payload: 1472 on Ethernet.
    pub datagram: usize,
    /// The UDP ports it answers on, of the echo and the command service, as plain numbers and not in
    /// network byte order; 0 for 8092 and 8093. What comes from these numbers is dropped: two nodes
    /// would answer each other for ever.
    pub udp_ports: [u16; 2],
    /// A table of commands of your own; NULL if there are none.
    pub commands: *const unstick_command,
    /// Rows of the table, at most `UNSTICK_MAX_COMMANDS`.
    pub command_count: usize,
    /// Passed to each of these commands unchanged.
    pub context: *mut c_void,
    /// Memory for files, `file_count` times `file_size` bytes of any alignment; NULL for a node
    /// that keeps none.
    pub files: *mut u8,
    /// Number of files, at most `UNSTICK_MAX_FILES`. A file that is replaced while it is read needs
    /// two.
    pub file_count: usize,
    /// Most bytes of a file.
    pub file_size: usize,
    /// The most connections that you have at once, as the command `info` shows it; 0 shows nothing.
    pub connections: usize,
}

/// Starts a node.
///
/// The config itself is copied. Its texts and its table, with the table's texts, must neither move
/// nor change as long as the node is used; its memory for files must stay as long and is the node's
/// alone. Zero the memory of a node before its first start, and when a call that used it was cut off.
/// A node that is started again begins anew, without files: abort its sessions before. It takes up
/// to 3328 bytes of stack, see above. Errors: `NULL` for the node, the config or a text; `MEMORY`,
/// `TEXT`, `COMMAND`, `FILES`; `IN_USE` until it is zeroed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unstick_node_start(
    node: *mut unstick_node,
    config: Option<&unstick_config>,
    now_us: u64,
) -> unstick_error {
    let config = config.ok_or(unstick_error::Null);
    // SAFETY: node and config are as the header documents them.
    code(config.and_then(|config| unsafe { start(node.cast(), config, now_us) }))
}

/// # Safety
///
/// The slot is NULL or memory of its size. The config's pointers are NULL or to what its fields say,
/// and that stays.
unsafe fn start(
    slot: *mut Slot<Device>,
    config: &unstick_config,
    now_us: u64,
) -> Result<(), unstick_error> {
    let unstick_config { files, file_count, file_size, .. } = *config;
    if file_count > UNSTICK_MAX_FILES {
        return Err(unstick_error::Files);
    }
    let memory = file_count.checked_mul(file_size).ok_or(unstick_error::Memory)?;
    let mut commands = Vec::new();
    // SAFETY: the caller's promises.
    let (memory, rows, name, version, target) = unsafe {
        let rows = command::table(config.commands, config.command_count, &mut commands)?;
        let [name, version, target] =
            [config.name, config.version, config.target].map(|it| text(it));
        (space(files, memory)?, rows, name?, version?, target?)
    };
    let started = Instant::from_micros(now_us);
    let identity = Identity::new(name, version).target(target);
    let identity = identity.datagram(config.datagram).connections(config.connections);
    let identity = identity.started(started);
    let mut udp_ports = Endpoint::UDP_PORTS;
    for (port, own) in udp_ports.iter_mut().zip(config.udp_ports).filter(|(_, own)| *own != 0) {
        *port = own;
    }
    let mut files = memory.chunks_exact_mut(file_size.max(1));
    let make = || {
        let files = [(); UNSTICK_MAX_FILES].map(|()| files.next().unwrap_or_default());
        let (store, counters) = (RamStore::new(files), Counters::default());
        let context = config.context;
        Device { identity, udp_ports, rows, commands, context, store, counters }
    };
    // SAFETY: the caller's promise.
    unsafe { Slot::start(slot, make) }
}

/// What a node counts.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum unstick_counter {
    /// Requests begun, and datagrams of the UDP echo.
    Frames,
    /// Bytes taken in.
    Bytes,
    /// Requests refused because something in them is over a limit.
    Oversized,
    /// Datagrams cut on arrival, and UDP replies that did not fit.
    Truncated,
    /// Requests refused because they break a rule or name no command, and datagrams dropped.
    Rejected,
    /// Connections that were lost.
    Resets,
    /// Connections closed upon a deadline.
    Timeouts,
    /// Requests refused because they are not allowed.
    Denied,
    /// Requests refused because they cannot be answered now.
    Busy,
    /// Requests refused because their command failed, as for want of room.
    Failed,
    /// Connections refused because all that there may be were taken.
    Refused,
    /// Connections ended to make room for a new one.
    Evicted,
}

fn counter(value: MaybeUninit<unstick_counter>) -> Result<Counter, unstick_error> {
    Counter::ALL.get(usize::from(number(value))).copied().ok_or(unstick_error::Value)
}

/// Adds to a counter what only the network's side sees: a datagram that was dropped, a connection that
/// was refused or had to give way. Counters stop at their end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unstick_node_count(
    node: *mut unstick_node,
    what: MaybeUninit<unstick_counter>,
    count: u64,
) -> unstick_error {
    // SAFETY: the node is NULL, zeroed or started.
    let node = unsafe { Slot::<Device>::borrow(node.cast()) };
    code(node.and_then(|mut node| {
        node.counters.count(counter(what)?, count);
        Ok(())
    }))
}

/// A counter; 0 where the call is wrong.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unstick_node_counter(
    node: *mut unstick_node,
    what: MaybeUninit<unstick_counter>,
) -> u64 {
    // SAFETY: the node is NULL, zeroed or started.
    let node = unsafe { Slot::<Device>::borrow(node.cast()) };
    node.and_then(|node| Ok(node.counters.get(counter(what)?))).unwrap_or_default()
}
