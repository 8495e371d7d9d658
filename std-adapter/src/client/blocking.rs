//! The client without async.

use super::{Body, ClientOptions, Error, Progress, Reply};
use crate::url::Url;
use std::io::Write;
use tokio::runtime::{Builder, Runtime};

/// [`Client`](super::Client) for programs without a runtime: each call blocks until it is done.
///
/// It brings a runtime of its own, so it must not be used inside another one.
#[derive(Debug)]
pub struct Client {
    // Dropped first: its socket belongs to the runtime.
    client: super::Client,
    runtime: Runtime,
}

impl Client {
    /// Connects, with the default options.
    pub fn connect(url: &Url) -> Result<Self, Error> {
        Self::connect_with(url, ClientOptions::default())
    }

    /// Connects; as [`Client::connect_with`](super::Client::connect_with).
    pub fn connect_with(url: &Url, options: ClientOptions) -> Result<Self, Error> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::System)?;
        let client = runtime.block_on(super::Client::connect_with(url, options))?;
        Ok(Self { client, runtime })
    }

    /// Whom it asks.
    #[must_use]
    pub fn url(&self) -> &Url {
        self.client.url()
    }

    /// Sends a command and takes the reply into memory; as
    /// [`Client::call`](super::Client::call).
    pub fn call(&mut self, command: &str) -> Result<Reply, Error> {
        self.runtime.block_on(self.client.call(command))
    }

    /// Sends a command with a body, and writes the reply's body to a sink as it comes; as
    /// [`Client::call_with`](super::Client::call_with).
    pub fn call_with(
        &mut self,
        command: &str,
        body: Option<Body<'_>>,
        sink: &mut (dyn Write + Send),
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Reply, Error> {
        self.runtime.block_on(self.client.call_with(command, body, sink, progress))
    }

    /// Whether the peer, as far as is known, still holds the connection.
    pub fn is_open(&mut self) -> bool {
        self.runtime.block_on(self.client.is_open())
    }
}
