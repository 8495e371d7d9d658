//! A node on threads of its own.

use super::{Config, Error, Listening, Node};
use crate::url::Url;
use core::net::SocketAddr;
use std::io;
use std::sync::mpsc;
use std::thread::JoinHandle;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use unstick::Endpoint;

/// A node that runs on threads of its own until it is stopped or dropped.
///
/// Both wait for what is in flight, at most for the configured grace and a little for programs, and
/// block the caller so long.
pub struct Running {
    listening: Vec<Listening>,
    shutdown: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Starts a node; when this returns it listens.
    pub fn start(config: Config) -> Result<Self, Error> {
        let (shutdown, stopped) = oneshot::channel();
        let (bound, binding) = mpsc::sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("unstick-node".into())
            .spawn(move || run(config, &bound, stopped))
            .map_err(Error::Runtime)?;
        let died = || Err(Error::Runtime(io::Error::other("the node's thread ended")));
        let listening = binding.recv().unwrap_or_else(|_| died())?;
        Ok(Self { listening, shutdown: Some(shutdown), thread: Some(thread) })
    }

    /// Where an endpoint is, at the first of the configured addresses; `None` if it is off.
    #[must_use]
    pub fn address(&self, endpoint: Endpoint) -> Option<SocketAddr> {
        self.listening.iter().find(|it| it.endpoint == endpoint).map(|it| it.address)
    }

    /// The URL of an endpoint, at the first of the configured addresses; `None` if it is off.
    #[must_use]
    pub fn url(&self, endpoint: Endpoint) -> Option<Url> {
        self.listening.iter().find(|it| it.endpoint == endpoint).map(Listening::url)
    }

    /// All its sockets.
    #[must_use]
    pub fn listening(&self) -> &[Listening] {
        &self.listening
    }

    /// Stops it, as dropping it does.
    pub fn stop(self) {}
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.shutdown.take());
        if let Some(thread) = self.thread.take() {
            // An error is that it panicked, which it has reported.
            let _ = thread.join();
        }
    }
}

/// The node's thread.
fn run(
    config: Config,
    bound: &mpsc::SyncSender<Result<Vec<Listening>, Error>>,
    stopped: oneshot::Receiver<()>,
) {
    let bind = |runtime: Runtime| Ok((runtime.block_on(Node::bind(config))?, runtime));
    match Runtime::new().map_err(Error::Runtime).and_then(bind) {
        Ok((node, runtime)) => {
            // The handle waits for this.
            let _ = bound.send(Ok(node.listening().to_vec()));
            runtime.block_on(node.run(async {
                // An error is that the handle is gone, which stops the node too.
                let _ = stopped.await;
            }));
        }
        Err(error) => {
            let _ = bound.send(Err(error));
        }
    }
}
