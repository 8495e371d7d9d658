//! A reboot: what has been asked is answered first.

use core::future::pending;
use core::sync::atomic::{AtomicUsize, Ordering};
use cortex_m::peripheral::SCB;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::watch::Watch;
use embassy_time::{Duration, Timer, with_timeout};
use unstick_firmware::node;

/// How long a reboot waits for clients to take their answers.
const FAREWELL: Duration = Duration::from_secs(2);

/// How long the controller takes to send what it holds: 4.5 KB at 10 Mbit/s.
const LAST_FRAMES: Duration = Duration::from_millis(4);

/// Said once, when no new connection and no new request is to be taken.
static FINISH: Watch<CriticalSectionRawMutex, (), { node::TCP }> = Watch::new();

/// How many [`Begun`] there are.
static BEGUN: AtomicUsize = AtomicUsize::new(0);

/// Answers what has been asked, then starts again.
#[embassy_executor::task]
pub(crate) async fn reboot() -> ! {
    FINISH.sender().send(());
    let _ = with_timeout(FAREWELL, finished()).await;
    Timer::after(LAST_FRAMES).await;
    SCB::sys_reset()
}

/// Waits until no new connection and no new request is to be taken.
pub(crate) async fn finishing() {
    match FINISH.receiver() {
        Some(mut receiver) => receiver.get().await,
        None => pending().await, // there is one for each connection
    }
}

/// A connection, or datagrams whose answers have not left. A reboot waits until it is dropped.
pub(crate) struct Begun(());

impl Begun {
    pub(crate) fn new() -> Self {
        BEGUN.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        BEGUN.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Waits until nothing begun is left.
async fn finished() {
    const PAUSE: Duration = Duration::from_millis(10);
    while BEGUN.load(Ordering::Relaxed) > 0 {
        Timer::after(PAUSE).await;
    }
}
