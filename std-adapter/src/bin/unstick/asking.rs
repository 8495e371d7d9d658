//! How a node is asked: what the commands have in common, and the word while one waits.

use crate::failure::Failure;
use core::time::Duration;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::thread;
use unstick::Limits;
use unstick::keys::Key;
use unstick_std::client::{Client, ClientOptions, Error};
use unstick_std::keys;
use unstick_std::url::Url;

/// After this time somebody at a terminal is told what is waited for.
const SOON: Duration = Duration::from_secs(1);

/// Between two tries.
const APART: Duration = Duration::from_millis(500);

/// Options of every command that asks a node.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Asking {
    /// Seconds to wait for a connection, for an answer, and for each further byte
    /// [default: 5, 60 and 30; over UDP 5]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// Try again so often where nobody could be reached, or no datagram came back
    #[arg(long, value_name = "N", default_value_t = 0)]
    retries: u32,
    /// Key file for a node that asks for a key; its first key is used
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Where a session for datagrams is opened, with a key [default: the host's command service]
    #[arg(long, value_name = "URL", requires = "key")]
    session: Option<Url>,
}

/// The key of a client: the first of a file.
pub(crate) fn key_of(path: Option<&Path>) -> Result<Option<Key>, Failure> {
    let keys =
        path.map(keys::read).transpose().map_err(|error| Failure::said(error.to_string()))?;
    Ok(keys.and_then(|keys| keys.into_iter().next()))
}

pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.01..=86_400.0).contains(seconds));
    let seconds = seconds.ok_or("seconds are a number from 0.01 to 86400")?;
    Ok(Duration::from_secs_f64(seconds))
}

impl Asking {
    pub(crate) fn options(&self) -> Result<ClientOptions, Failure> {
        let mut options = ClientOptions::new();
        options.key = key_of(self.key.as_deref())?;
        options.session = self.session.clone();
        let Some(time) = self.timeout else { return Ok(options) };
        let limits = Limits::DEFAULT.with_header(time).with_stall(time).with_answer(time);
        Ok(options.connect(time).datagram_reply(time).limits(limits))
    }

    /// Connects, and tries again where that may help.
    pub(crate) async fn connect(
        &self,
        url: &Url,
        options: &ClientOptions,
    ) -> Result<Client, Error> {
        self.patiently(async || Client::connect_with(url, options.clone()).await).await
    }

    /// Does it, and does it again where nothing had come of it.
    pub(crate) async fn patiently<T>(
        &self,
        mut what: impl AsyncFnMut() -> Result<T, Error>,
    ) -> Result<T, Error> {
        for _ in 0..self.retries {
            match what().await {
                Err(
                    Error::NobodyListens { .. }
                    | Error::Unreachable { .. }
                    | Error::ConnectTimeout { .. }
                    | Error::NoReply { .. },
                ) => tokio::time::sleep(APART).await,
                done => return done,
            }
        }
        what().await
    }
}

/// A word on stderr, once somebody at a terminal has waited for a second; gone when this is dropped.
pub(crate) struct Waiting(ProgressBar);

impl Waiting {
    pub(crate) fn begin(url: &Url) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{spinner} waiting for {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.set_message(url.to_string());
        if io::stderr().is_terminal() {
            let later = bar.downgrade();
            thread::spawn(move || {
                thread::sleep(SOON);
                if let Some(bar) = later.upgrade().filter(|bar| !bar.is_finished()) {
                    bar.set_draw_target(ProgressDrawTarget::stderr());
                    bar.enable_steady_tick(Duration::from_millis(200));
                }
            });
        }
        Self(bar)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
