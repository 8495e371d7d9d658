//! embassy's executor, polled by the main loop.
//!
//! The executor that embassy has for Cortex-M rests in `wfe`, upon which QEMU does not stop, and
//! wants an interrupt handler for each driver. Here the loop rests in `wfi`, with interrupts masked.
#![allow(unsafe_code, reason = "the executor must not be polled from within a poll")]

use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};
use embassy_executor::{Spawner, raw};
use static_cell::StaticCell;

static WOKEN: AtomicBool = AtomicBool::new(false);

/// The executor, which has one owner.
pub(crate) struct Executor(&'static raw::Executor);

impl Executor {
    /// The executor; `None` for who comes second.
    pub(crate) fn take() -> Option<Self> {
        static EXECUTOR: StaticCell<raw::Executor> = StaticCell::new();
        EXECUTOR.try_init(raw::Executor::new(ptr::null_mut())).map(|raw| Self(raw))
    }

    /// What spawns its tasks.
    pub(crate) fn spawner(&self) -> Spawner {
        self.0.spawner()
    }

    /// Polls each task that has been woken, once.
    pub(crate) fn poll(&mut self) {
        WOKEN.store(false, Ordering::Relaxed);
        // SAFETY: nobody else has the raw executor, so that `&mut self` keeps a poll from being
        // inside another.
        unsafe { self.0.poll() };
    }

    /// Whether a task has been woken since the last poll began.
    pub(crate) fn is_woken(&self) -> bool {
        WOKEN.load(Ordering::Relaxed)
    }
}

/// The executor calls this, by its name, when a task has been woken.
#[unsafe(export_name = "__pender")]
fn pend(_: *mut ()) {
    WOKEN.store(true, Ordering::Relaxed);
}
