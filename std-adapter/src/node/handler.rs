//! Commands with state of their own, or async code.

use super::files::{Source, Whole};
use super::host::Host;
use super::job::{Later, job};
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::sync::Arc;
use unstick::command::{Answer, Body, Call, Command, Outcome};
use unstick::{Instant, Refusal, Status, Text};

/// A command of a desktop node that is an async closure: it may keep what it captured, and wait.
///
/// It runs as a task of the node's tokio runtime and is dropped, wherever it waits, when its client
/// leaves. Other clients do not wait for it, and neither do the node's other connections; later
/// requests of its own connection do. Over UDP an answer that is not ready at once is `busy`. An
/// answer may have any length.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use unstick::Refusal;
/// use unstick_std::node::Handler;
///
/// let asked = AtomicU64::new(0);
/// let hits = Handler::new("hits", move |_| {
///     let hits = asked.fetch_add(1, Ordering::Relaxed);
///     async move { Ok::<_, Refusal>(hits.to_string()) }
/// })
/// .help("how often it was asked for");
///
/// let slow = Handler::new("slow", |call| async move {
///     tokio::time::sleep(core::time::Duration::from_secs(1)).await;
///     Ok(call.args.to_uppercase())
/// });
/// ```
pub struct Handler {
    pub(super) row: Command<Host>,
    run: Box<Run>,
}

type Run = dyn Fn(OwnedCall) -> Pin<Box<Answering>> + Send + Sync;
type Answering = dyn Future<Output = Result<Vec<u8>, Refusal>> + Send;

/// What a [`Handler`] is given.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnedCall {
    /// The command's name.
    pub name: &'static str,
    /// What follows the command's name and one space, as it came.
    pub args: String,
    /// The whole body, verified; empty unless the handler [takes](Handler::body) one.
    pub body: Vec<u8>,
    /// The time on the node's clock.
    pub now: Instant,
}

impl OwnedCall {
    /// The same, borrowed: with what a [`Call`] can do, such as to read a value or typed JSON.
    ///
    /// ```
    /// use unstick::Refusal;
    /// use unstick_std::node::Handler;
    ///
    /// let square = Handler::new("square", |call| async move {
    ///     let n: u32 = call.as_call().arg("N")?;
    ///     Ok::<_, Refusal>((u64::from(n) * u64::from(n)).to_string())
    /// });
    /// ```
    #[must_use]
    pub fn as_call(&self) -> Call<'_> {
        Call::new(self.name, &self.args, &self.body, self.now)
    }
}

impl Handler {
    /// A command of that name, without a body.
    pub fn new<F, Fut, T>(name: &'static str, run: F) -> Self
    where
        F: Fn(OwnedCall) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, Refusal>> + Send + 'static,
        T: Into<Vec<u8>>,
    {
        let run = move |call| -> Pin<Box<Answering>> {
            let answer = run(call);
            Box::pin(async move { answer.await.map(Into::into) })
        };
        Self { row: Command::new(name, start), run: Box::new(run) }
    }

    /// How it is called, name included.
    #[must_use]
    pub fn usage(self, usage: &'static str) -> Self {
        Self { row: self.row.usage(usage), ..self }
    }

    /// What it does, in one line.
    #[must_use]
    pub fn help(self, help: &'static str) -> Self {
        Self { row: self.row.help(help), ..self }
    }

    /// What becomes of a request's body: none, or a whole one of some kilobytes. Streamed bodies are
    /// for a [`Command`] that answers with a task.
    #[must_use]
    pub fn body(self, body: Body) -> Self {
        Self { row: self.row.body(body), ..self }
    }

    /// That it changes nothing: see [`Command::read_only`].
    #[must_use]
    pub fn read_only(self) -> Self {
        Self { row: self.row.read_only(), ..self }
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler").field("name", &self.row.name).finish_non_exhaustive()
    }
}

/// The `run` of every handler's row.
fn start(host: &mut Host, call: &Call<'_>, text: &mut Text<'_>) -> Outcome<Host> {
    let handler = host.handler(call.name);
    let handler = handler
        .ok_or_else(|| Refusal::new(Status::Failed, format_args!("{} is gone", call.name)))?;
    let owned = OwnedCall {
        name: handler.row.name,
        args: call.args.into(),
        body: call.body.into(),
        now: call.now,
    };
    let mut answer = (handler.run)(owned);
    // Most answers are ready at once: those need no task.
    if let Poll::Ready(answer) = answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        let answer = answer?;
        if text.write_bytes(&answer).is_ok() {
            return Ok(Answer::Text);
        }
        return Ok(Answer::Source(Source::from(Later::Here(Whole::new(answer)))));
    }
    match host.ready() {
        Some(ready) if !call.at_once => {
            let (mut promise, job) = job(Arc::clone(ready));
            tokio::spawn(async move {
                tokio::select! {
                    result = answer => promise.keep(result.map(Whole::new)),
                    () = promise.abandoned() => {}
                }
            });
            Ok(Answer::Source(Source::from(Later::Coming(job))))
        }
        _ => Err(Refusal::late()),
    }
}
