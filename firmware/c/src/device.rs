//! The node as the core's sessions see it.

use crate::command::{self, TaskOfC, unstick_command};
use crate::node::UNSTICK_MAX_FILES;
use core::ffi::c_void;
use heapless::Vec;
use unstick::host::{Counter, Counters, Identity};
use unstick::store::RamStore;
use unstick::{Command, Host};

/// A node whose commands are written in C and whose files are in C's memory.
pub(crate) struct Device {
    pub(crate) identity: Identity<'static>,
    pub(crate) udp_ports: [u16; 2],
    /// The commands' rows in C, and the same in Rust.
    pub(crate) rows: &'static [unstick_command],
    pub(crate) commands: Vec<Command<Self>, { command::UNSTICK_MAX_COMMANDS }>,
    pub(crate) context: *mut c_void,
    pub(crate) store: RamStore<&'static mut [u8], UNSTICK_MAX_FILES>,
    pub(crate) counters: Counters,
}

impl Host for Device {
    type Store = RamStore<&'static mut [u8], UNSTICK_MAX_FILES>;

    type Task = TaskOfC;

    fn commands(&self) -> &[Command<Self>] {
        &self.commands
    }

    fn store(&mut self) -> &mut Self::Store {
        &mut self.store
    }

    fn identity(&self) -> Identity<'_> {
        self.identity
    }

    fn count(&mut self, counter: Counter, count: u64) {
        self.counters.count(counter, count);
    }

    fn counters(&self) -> Counters {
        self.counters
    }
}
