//! The client without async.

use super::{Ask, ClientOptions, Error, Progress, Reply};
use crate::url::Url;
use std::path::Path;
use tokio::runtime::{Builder, Runtime};

/// [`Client`](super::Client) for programs without a runtime: each call blocks until it is done.
///
/// It brings a runtime of its own, so it must not be used inside another one. Between calls nothing
/// of it runs.
///
/// ```no_run
/// use unstick_std::client::blocking::Client;
///
/// let client = Client::connect("command://192.168.69.1")?;
/// println!("{}", client.call("info")?);
/// # Ok::<(), unstick_std::client::Error>(())
/// ```
#[derive(Debug)]
pub struct Client {
    // Dropped first: its socket belongs to the runtime.
    client: super::Client,
    runtime: Runtime,
}

impl Client {
    /// Connects, with the default options; as [`Client::connect`](super::Client::connect).
    pub fn connect<U>(url: U) -> Result<Self, Error>
    where
        U: TryInto<Url>,
        Error: From<U::Error>,
    {
        Self::connect_with(url, ClientOptions::new())
    }

    /// Connects; as [`Client::connect_with`](super::Client::connect_with).
    pub fn connect_with<U>(url: U, options: ClientOptions) -> Result<Self, Error>
    where
        U: TryInto<Url>,
        Error: From<U::Error>,
    {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::System)?;
        let client = runtime.block_on(super::Client::connect_with(url, options))?;
        Ok(Self { client, runtime })
    }

    /// Whom it asks.
    #[must_use]
    pub fn url(&self) -> &Url {
        self.client.url()
    }

    /// Sends a command and takes the reply into memory; as [`Client::call`](super::Client::call).
    pub fn call(&self, command: &str) -> Result<Reply, Error> {
        self.runtime.block_on(self.client.call(command))
    }

    /// Asks in full; as [`Client::ask`](super::Client::ask).
    pub fn ask(&self, ask: Ask) -> Result<Reply, Error> {
        self.runtime.block_on(self.client.ask(ask))
    }

    /// Puts a file on the node; as [`Client::put_file`](super::Client::put_file).
    pub fn put_file(
        &self,
        path: impl AsRef<Path>,
        name: &str,
        progress: impl FnMut(Progress) + Send + 'static,
    ) -> Result<Reply, Error> {
        self.runtime.block_on(self.client.put_file(path, name, progress))
    }

    /// Gets a file from the node; as [`Client::get_file`](super::Client::get_file).
    pub fn get_file(
        &self,
        name: &str,
        path: impl AsRef<Path>,
        progress: impl FnMut(Progress) + Send + 'static,
    ) -> Result<Reply, Error> {
        self.runtime.block_on(self.client.get_file(name, path, progress))
    }

    /// Whether the peer, as far as is known, still holds the connection.
    pub fn is_open(&self) -> bool {
        self.runtime.block_on(self.client.is_open())
    }
}
