//! The board's timers as embassy's clock.

use core::cell::RefCell;
use core::task::Waker;
use core::time::Duration;
use critical_section::Mutex;
use embassy_time_driver::{Driver, time_driver_impl};
use embassy_time_queue_utils::Queue;
use unstick::Instant;
use unstick_firmware::board;
use unstick_firmware::hardware::Block;

type Clock = board::Clock<Block>;
type Alarm = board::Alarm<Block>;

/// Starts the clock. Before, it stands at zero.
pub(crate) fn start(clock: Clock, alarm: Alarm) {
    TIMERS.with(|it| *it = Some(Timers { clock, alarm, queue: Queue::new() }));
}

/// Wakes whose time has come, and sets the alarm for who is next. That is never later than the
/// clock has to be read again.
pub(crate) fn serve() {
    TIMERS.with(|it| {
        if let Some(Timers { clock, alarm, queue }) = it {
            alarm.clear();
            let now = clock.now().as_micros();
            let next = queue.next_expiration(now);
            alarm.arm(Duration::from_micros(next.saturating_sub(now)));
        }
    });
}

/// The time.
pub(crate) fn now() -> Instant {
    Instant::from_micros(TIMERS.now())
}

struct Timers {
    clock: Clock,
    alarm: Alarm,
    queue: Queue,
}

/// The one that embassy's timers use, in microseconds.
struct Shared(Mutex<RefCell<Option<Timers>>>);

impl Shared {
    fn with<T>(&self, f: impl FnOnce(&mut Option<Timers>) -> T) -> T {
        critical_section::with(|section| f(&mut self.0.borrow_ref_mut(section)))
    }
}

impl Driver for Shared {
    fn now(&self) -> u64 {
        self.with(|it| it.as_mut().map_or(0, |timers| timers.clock.now().as_micros()))
    }

    /// The alarm is set before the next rest.
    fn schedule_wake(&self, at: u64, waker: &Waker) {
        self.with(|it| it.as_mut().map(|timers| timers.queue.schedule_wake(at, waker)));
    }
}

time_driver_impl!(static TIMERS: Shared = Shared(Mutex::new(RefCell::new(None))));
