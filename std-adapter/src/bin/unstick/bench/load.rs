//! Connections that ask without a pause.

use crate::asking::Asking;
use crate::failure::Failure;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use core::time::Duration;
use hdrhistogram::Histogram;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::task::JoinSet;
use unstick::Service;
use unstick_std::client::{Client, Error};
use unstick_std::url::Url;

/// Whom to ask what, and how much at once.
pub(super) struct Load<'a> {
    pub(super) url: &'a Url,
    pub(super) asking: &'a Asking,
    pub(super) connections: u32,
    pub(super) depth: u32,
    pub(super) size: usize,
    pub(super) time: Duration,
}

/// What has come of it.
pub(super) struct Measured {
    pub(super) requests: u64,
    /// Those over UDP that had no answer.
    pub(super) lost: u64,
    took: Duration,
    /// How long answers took, in nanoseconds.
    times: Histogram<u64>,
}

impl Default for Measured {
    fn default() -> Self {
        // Three digits, and as long as anybody waits.
        let times = Histogram::new(3).expect("3 is allowed");
        Self { requests: 0, lost: 0, took: Duration::ZERO, times }
    }
}

impl Measured {
    pub(super) fn per_second(&self) -> f64 {
        self.requests as f64 / self.took.as_secs_f64().max(1e-9)
    }

    /// What that part of all answers took at most.
    pub(super) fn time(&self, part: f64) -> Duration {
        Duration::from_nanos(self.times.value_at_quantile(part))
    }

    /// Adds another turn.
    pub(super) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.lost += other.lost;
        self.took += other.took;
        self.times.add(&other.times).expect("they grow");
    }
}

impl Load<'_> {
    /// Asks for that time; `seen` is how many answers there are already.
    pub(super) async fn run(&self, seen: &Arc<AtomicU64>) -> Result<Measured, Failure> {
        let text = self.text();
        let options = self.asking.options()?.in_flight(self.depth as usize);
        let mut clients = Vec::new();
        for _ in 0..self.connections {
            let client = self.asking.connect(self.url, &options).await?;
            // Once without hurry: an error comes before the measurement, and so does what a first
            // request costs.
            let reply = self.asking.patiently(async || client.call(&text).await).await?;
            if !reply.is_ok() {
                return Err(Failure::refused(&reply));
            }
            clients.push(Arc::new(client));
        }
        let measured = Arc::new(Mutex::new(Measured::default()));
        let start = Instant::now();
        let end = start + self.time;
        let mut all = JoinSet::new();
        for client in clients.iter().flat_map(|it| (0..self.depth).map(move |_| it)) {
            let (client, text, seen) = (Arc::clone(client), text.clone(), Arc::clone(seen));
            let measured = Arc::clone(&measured);
            all.spawn(async move { ask(&client, &text, end, measured, &seen).await });
        }
        while let Some(asked) = all.join_next().await {
            asked.map_err(|error| Failure::said(error.to_string()))??;
        }
        let took = start.elapsed();
        let mut all = measured.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Measured { took, ..core::mem::take(&mut *all) })
    }

    /// What is asked: an answer as long as the text.
    fn text(&self) -> String {
        let text = "X".repeat(self.size);
        match self.url.endpoint.service() {
            Service::Echo => text,
            _ => format!("upper {text}"),
        }
    }
}

/// Asks until that time, and once at least.
async fn ask(
    client: &Client,
    text: &str,
    end: Instant,
    measured: Arc<Mutex<Measured>>,
    seen: &AtomicU64,
) -> Result<(), Failure> {
    let mut own = Own { measured, times: Vec::new(), lost: 0 };
    loop {
        let asked = Instant::now();
        match client.call(text).await {
            Ok(reply) if reply.is_ok() => own.add(asked.elapsed()),
            Ok(reply) => return Err(Failure::refused(&reply)),
            Err(Error::NoReply { .. }) => own.lost += 1,
            Err(error) => return Err(error.into()),
        }
        seen.fetch_add(1, Relaxed);
        if Instant::now() >= end {
            return Ok(());
        }
    }
}

/// What one who asks has seen since it last told: told now and then, so that nobody waits for the lock.
struct Own {
    measured: Arc<Mutex<Measured>>,
    times: Vec<Duration>,
    lost: u64,
}

impl Own {
    const KEPT: usize = 64;

    fn add(&mut self, time: Duration) {
        self.times.push(time);
        if self.times.len() >= Self::KEPT {
            self.tell();
        }
    }

    fn tell(&mut self) {
        let mut all = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        all.requests += self.times.len() as u64;
        all.lost += core::mem::take(&mut self.lost);
        for time in self.times.drain(..) {
            // What is longer than five centuries is not counted.
            let _ = all.times.record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.tell();
    }
}
