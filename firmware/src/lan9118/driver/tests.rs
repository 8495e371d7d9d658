use super::super::model::Model;
use super::*;
use core::cell::{Cell, RefCell};
use core::sync::atomic::{AtomicUsize, Ordering};
use embassy_net_driver::Driver as _;
use std::sync::Arc;
use std::task::Wake;
use std::thread_local;
use std::vec::Vec;

thread_local! {
    static REGISTERED: RefCell<Option<Waker>> = const { RefCell::new(None) };
    static GREETINGS: Cell<usize> = const { Cell::new(0) };
}

/// Counts how often it is woken.
#[derive(Default)]
struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Task {
    fn wakes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

struct Bench {
    driver: Driver<Model>,
    task: Arc<Task>,
}

impl Bench {
    fn new() -> Self {
        let nic = Lan9118::new(Model::new(), None).unwrap();
        let register = |waker: &Waker| REGISTERED.set(Some(waker.clone()));
        let greet = |_: &mut Lan9118<Model>| GREETINGS.set(GREETINGS.get() + 1);
        Self { driver: Driver::new(nic, register, greet), task: Arc::default() }
    }

    fn model(&mut self) -> &mut Model {
        &mut self.driver.nic.registers
    }

    /// What one poll of a stack takes in.
    fn poll(&mut self) -> Vec<Vec<u8>> {
        let waker = Waker::from(Arc::clone(&self.task));
        let mut context = Context::from_waker(&waker);
        let mut frames = Vec::new();
        while let Some((received, _)) = self.driver.receive(&mut context) {
            frames.push(received.consume(|bytes| bytes.to_vec()));
        }
        frames
    }
}

#[test]
fn it_waits_for_a_frame_by_interrupt_and_by_nothing_else() {
    let mut bench = Bench::new();
    assert!(bench.poll().is_empty());
    assert!(!bench.model().is_interrupting());
    bench.model().receive(&[7; 60], true);
    assert!(bench.model().is_interrupting());
    assert_eq!(bench.task.wakes(), 0);
    REGISTERED.take().unwrap().wake(); // as the interrupt does
    assert_eq!(bench.task.wakes(), 1);
    assert_eq!(bench.poll(), [[7; 60]]);
    assert!(!bench.model().is_interrupting());
    assert_eq!(bench.task.wakes(), 1);
}

#[test]
fn a_flood_leaves_the_tasks_their_turn() {
    let mut bench = Bench::new();
    for number in 0..2 * TURN + 1 {
        bench.model().receive(&[number as u8; 60], true);
    }
    for expected in [0..TURN, TURN..2 * TURN, 2 * TURN..2 * TURN + 1] {
        let woken = bench.task.wakes();
        let frames: Vec<_> = expected.clone().map(|number| [number as u8; 60]).collect();
        assert_eq!(bench.poll(), frames);
        let more = expected.end <= 2 * TURN;
        assert_eq!(bench.task.wakes() - woken, usize::from(more), "it wakes itself for the rest");
    }
}

#[test]
fn without_room_to_send_it_asks_again_and_takes_nothing() {
    let mut bench = Bench::new();
    bench.model().receive(&[7; 60], true);
    bench.model().room = 0;
    assert!(bench.poll().is_empty());
    let waker = Waker::from(Arc::clone(&bench.task));
    assert!(bench.driver.transmit(&mut Context::from_waker(&waker)).is_none());
    assert_eq!(bench.task.wakes(), 2);
    bench.model().room = 4608;
    assert_eq!(bench.poll(), [[7; 60]]);
    let room = bench.driver.transmit(&mut Context::from_waker(&waker)).unwrap();
    room.consume(61, |bytes| bytes.fill(9));
    assert_eq!(bench.model().sent, [[9; 61]]);
}

#[test]
fn it_greets_each_time_the_link_comes_up() {
    let mut bench = Bench::new();
    let mut context = Context::from_waker(Waker::noop());
    let link = bench.model().phy;
    for (phy, state, greetings) in [
        ([0; 32], LinkState::Down, 0),
        (link, LinkState::Up, 1),
        (link, LinkState::Up, 1),
        ([0; 32], LinkState::Down, 1),
        (link, LinkState::Up, 2),
    ] {
        bench.model().phy = phy;
        assert!(bench.driver.link_state(&mut context) == state);
        assert_eq!(GREETINGS.get(), greetings);
    }
}
