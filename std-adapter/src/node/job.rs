//! Work that a session waits for, done elsewhere.

use core::task::Poll;
use std::sync::Arc;
use tokio::sync::{Notify, oneshot};
use unstick::{Refusal, Status};

/// The session's end: dropping it tells the work that nobody waits any more.
#[derive(Debug)]
pub(super) struct Job<T> {
    receiver: oneshot::Receiver<Result<T, Refusal>>,
}

/// The work's end: dropping it, done or not, wakes the session.
#[derive(Debug)]
pub(super) struct Promise<T> {
    sender: Option<oneshot::Sender<Result<T, Refusal>>>,
    ready: Arc<Notify>,
}

/// A result that is here, or that a job is to bring.
pub(super) enum Later<T> {
    Coming(Job<T>),
    Here(T),
}

/// Both ends; `ready` is notified once the job can be polled with success.
pub(super) fn job<T>(ready: Arc<Notify>) -> (Promise<T>, Job<T>) {
    let (sender, receiver) = oneshot::channel();
    (Promise { sender: Some(sender), ready }, Job { receiver })
}

impl<T> Job<T> {
    /// The result, which it returns once.
    pub(super) fn poll(&mut self) -> Poll<Result<T, Refusal>> {
        match self.receiver.try_recv() {
            Ok(result) => Poll::Ready(result),
            Err(oneshot::error::TryRecvError::Empty) => Poll::Pending,
            Err(oneshot::error::TryRecvError::Closed) => {
                let why = format_args!("the node gave this up; it may be shutting down");
                Poll::Ready(Err(Refusal::new(Status::Failed, why)))
            }
        }
    }
}

impl<T> Later<T> {
    /// The result, from when it is here on; a refusal it returns once.
    pub(super) fn poll(&mut self) -> Poll<Result<&mut T, Refusal>> {
        if let Self::Coming(job) = self {
            match job.poll() {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(refusal)) => return Poll::Ready(Err(refusal)),
                Poll::Ready(Ok(result)) => *self = Self::Here(result),
            }
        }
        self.here().map_or(Poll::Pending, |result| Poll::Ready(Ok(result)))
    }

    /// The result, if [`Later::poll`] has found it here.
    pub(super) fn here(&mut self) -> Option<&mut T> {
        match self {
            Self::Here(result) => Some(result),
            Self::Coming(_) => None,
        }
    }
}

impl<T> Promise<T> {
    /// Hands over the result.
    pub(super) fn keep(mut self, result: Result<T, Refusal>) {
        if let Some(sender) = self.sender.take() {
            // Nobody may be waiting any more.
            let _ = sender.send(result);
        }
    }

    /// Whether nobody waits any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.sender.as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    /// Waits until nobody waits any more.
    pub(super) async fn abandoned(&mut self) {
        if let Some(sender) = &mut self.sender {
            sender.closed().await;
        }
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        // The sender first, so that the session does not find it still open.
        self.sender = None;
        self.ready.notify_one();
    }
}
