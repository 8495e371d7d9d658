//! A node on threads of its own.

use super::{Config, Endpoint, Error, Node};
use crate::url::Transport;
use core::net::SocketAddr;
use std::io;
use std::sync::mpsc;
use std::thread::JoinHandle;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use unstick::Service;

/// A node that runs on threads of its own until it is stopped or dropped.
///
/// Both wait for what is in flight, at most for the configured grace and a little for programs, and
/// block the caller so long.
pub struct Running {
    endpoints: Vec<Endpoint>,
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
        let endpoints = binding.recv().unwrap_or_else(|_| died())?;
        Ok(Self { endpoints, shutdown: Some(shutdown), thread: Some(thread) })
    }

    /// Where a service is, at the first of the configured addresses; `None` if it is off.
    #[must_use]
    pub fn address(&self, service: Service, transport: Transport) -> Option<SocketAddr> {
        let mut endpoints = self.endpoints.iter();
        let found = endpoints.find(|it| it.service == service && it.transport == transport);
        found.map(|it| it.address)
    }

    /// All its sockets.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
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
    bound: &mpsc::SyncSender<Result<Vec<Endpoint>, Error>>,
    stopped: oneshot::Receiver<()>,
) {
    let bind = |runtime: Runtime| Ok((runtime.block_on(Node::bind(config))?, runtime));
    match Runtime::new().map_err(Error::Runtime).and_then(bind) {
        Ok((node, runtime)) => {
            // The handle waits for this.
            let _ = bound.send(Ok(node.endpoints().to_vec()));
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
