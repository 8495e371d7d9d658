//! A host that several sessions share.

use crate::session::{Next, Session, Step};
use crate::time::Instant;
use core::cell::RefCell;

/// A session on a host that the tasks of one thread share.
///
/// A driver keeps the host of its session for as long as a connection lives. That of this session is
/// a `&RefCell<H>`, of which each task has one of its own; the host itself is borrowed while a step
/// runs and given back before anything is waited for.
///
/// ```
/// use core::cell::RefCell;
/// use unstick::driver::{Pump, Shared};
/// use unstick::host::{Identity, Node};
/// use unstick::store::RamStore;
/// use unstick::{Instant, Limits, Next, Server, Service};
///
/// let identity = Identity {
///     name: "bench-3",
///     version: "1.0",
///     target: "doc",
///     datagram: 1472,
///     started: Instant::ZERO,
/// };
/// let node = RefCell::new(Node::new(identity, RamStore::new([[0; 256]; 4])));
/// let server = |service| Shared(Server::<_>::new(service, Limits::DEFAULT));
///
/// let (mut one, mut other) = (&node, &node);
/// let mut commands = Pump::new(server(Service::Command), [0; 2048], [0; 2048]);
/// let mut echo = Pump::new(server(Service::Echo), [0; 2048], [0; 2048]);
/// assert_eq!(commands.step(Instant::ZERO, &mut one).next, Next::Input);
/// assert_eq!(echo.step(Instant::ZERO, &mut other).next, Next::Input);
/// ```
///
/// Who holds a borrow of the host across a wait holds all its sessions up: a step then does nothing
/// and asks to wait for the host, and an abort cannot give back what the session had.
#[derive(Debug)]
pub struct Shared<S>(
    /// The session.
    pub S,
);

impl<H, S: Session<H>> Session<&RefCell<H>> for Shared<S> {
    fn step(
        &mut self,
        now: Instant,
        host: &mut &RefCell<H>,
        input: &[u8],
        output: &mut [u8],
    ) -> Step {
        match host.try_borrow_mut() {
            Ok(mut host) => self.0.step(now, &mut host, input, output),
            Err(_) => Step { taken: 0, given: 0, next: Next::Host, deadline: None },
        }
    }

    fn end(&mut self) {
        self.0.end();
    }

    fn finish(&mut self) {
        self.0.finish();
    }

    fn abort(&mut self, host: &mut &RefCell<H>) {
        if let Ok(mut host) = host.try_borrow_mut() {
            self.0.abort(&mut host);
        }
    }
}
