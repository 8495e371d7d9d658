//! A host that several sessions share.

use crate::session::{Next, Session, Step};
use crate::time::Instant;
use core::cell::RefCell;
use core::time::Duration;

/// How soon a session is stepped again whose host was lent elsewhere.
const LENT: Duration = Duration::from_millis(1);

/// A session on a host that the tasks of one thread share.
///
/// A driver keeps the host of its session for as long as a connection lives. That of this session is
/// a `&RefCell<H>`, of which each task has one of its own; the host itself is borrowed while a step
/// runs and given back before anything is waited for.
///
/// ```
/// use core::cell::RefCell;
/// use unstick::driver::{Buffered, Shared};
/// use unstick::host::{Identity, Node};
/// use unstick::store::RamStore;
/// use unstick::{Instant, Limits, Next, Server, Service};
///
/// let node = Node::new(Identity::new("pump-7", "1.0"), RamStore::new([[0; 256]; 4]));
/// let node = RefCell::new(node);
/// let server = |service| Shared(Server::new(service, Limits::DEFAULT));
///
/// let (mut one, mut other) = (&node, &node);
/// let mut commands = Buffered::new(server(Service::Command), [0; 2048], [0; 2048]);
/// let mut echo = Buffered::new(server(Service::Echo), [0; 2048], [0; 2048]);
/// assert_eq!(commands.step(Instant::ZERO, &mut one).next, Next::Input);
/// assert_eq!(echo.step(Instant::ZERO, &mut other).next, Next::Input);
/// ```
///
/// Who holds a borrow of the host across a wait holds all its sessions up: a step then does nothing
/// and asks to be stepped again soon, and an abort cannot return what the session had.
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
            Err(_) => {
                let deadline = Some(now.after(LENT));
                Step { consumed: 0, written: 0, next: Next::Wait, deadline }
            }
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
