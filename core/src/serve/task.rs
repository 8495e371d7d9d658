//! Commands that come late, take a long body, or answer piece by piece.

use super::reply::{Refusal, Status};
use super::text::Text;
use crate::time::Instant;

/// A command that goes on after its row has run, which [answered with it](crate::Answer::task).
///
/// Its session keeps it and calls, in this order: [`body`] for each piece of the request's body,
/// where the row [streams it](crate::command::Body::Streamed); once that is whole and its digest
/// right, [`poll`] until there is an answer; [`read`] for each piece of an answer that is longer than
/// a text; and [`close`], whatever happened before. No other session is held up meanwhile. A
/// datagram does not wait: what is not ready at once is answered `busy`.
///
/// The text is the same through all of them: what one call leaves there the next one finds. Only
/// [`read`] finds it empty.
///
/// A session that is dropped closes nothing; who drops one that is not over
/// [aborts](crate::Session::abort) it before.
///
/// [`body`]: Task::body
/// [`poll`]: Task::poll
/// [`read`]: Task::read
/// [`close`]: Task::close
///
/// ```
/// use core::fmt::Write as _;
/// use unstick::{Instant, Progress, Refusal, Task, Text};
///
/// /// The sum of all bytes of a body, however long.
/// struct Checksum(u8);
///
/// impl<H> Task<H> for Checksum {
///     fn body(&mut self, _: &mut H, piece: &[u8], _: &mut Text<'_>) -> Result<(), Refusal> {
///         self.0 = piece.iter().fold(self.0, |sum, byte| sum.wrapping_add(*byte));
///         Ok(())
///     }
///
///     fn poll(&mut self, _: &mut H, _: Instant, text: &mut Text<'_>) -> Result<Progress, Refusal> {
///         write!(text, "{:02x}", self.0)?;
///         Ok(Progress::Text)
///     }
/// }
/// ```
pub trait Task<H> {
    /// Takes the next bytes of the request's body, at least one, cut anywhere. They are not verified
    /// yet: act on them in [`Task::poll`], which is not called if they turn out damaged.
    fn body(&mut self, host: &mut H, piece: &[u8], text: &mut Text<'_>) -> Result<(), Refusal> {
        let _ = (host, piece, text);
        Err(Refusal::new(Status::Failed, format_args!("this command takes no body")))
    }

    /// Asks for the answer. While that has to wait it is asked again, at times too often.
    fn poll(
        &mut self,
        host: &mut H,
        now: Instant,
        text: &mut Text<'_>,
    ) -> Result<Progress, Refusal>;

    /// Writes the next piece of a [`Progress::Body`] to the text, which is empty, or waits. A refusal,
    /// an empty piece, or more bytes than were announced break the body off, and so the connection.
    fn read(
        &mut self,
        host: &mut H,
        now: Instant,
        text: &mut Text<'_>,
    ) -> Result<Progress, Refusal> {
        let _ = (host, now, text);
        Ok(Progress::Text)
    }

    /// Called once, last: after the answer, a refusal, or the loss of the connection. What the task
    /// took from the host is returned here.
    fn close(&mut self, host: &mut H) {
        let _ = host;
    }
}

/// How far a [`Task`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Progress {
    /// Nothing before this time; the task is asked again then, or before.
    WaitUntil(Instant),
    /// Nothing yet; the task is asked again when the driver learns that the host is ready.
    Wait,
    /// The text is the answer, or the next piece of it.
    Text,
    /// The answer has this many bytes; they come from [`Task::read`].
    Body(u64),
}

/// The task of a host that has none. It costs nothing.
#[derive(Clone, Copy, Debug)]
pub enum NoTask {}

impl<H> Task<H> for NoTask {
    fn poll(&mut self, _: &mut H, _: Instant, _: &mut Text<'_>) -> Result<Progress, Refusal> {
        match *self {}
    }
}

/// Makes one task type of several, each a variant that is made [`From`] it.
///
/// ```
/// # use unstick::{Instant, Progress, Refusal, Task, Text};
/// use unstick::Node;
/// use unstick::store::RamStore;
/// # struct Crc; struct Count;
/// # impl<H> Task<H> for Crc {
/// #     fn poll(&mut self, _: &mut H, _: Instant, _: &mut Text<'_>) -> Result<Progress, Refusal> { todo!() }
/// # }
/// # impl<H> Task<H> for Count {
/// #     fn poll(&mut self, _: &mut H, _: Instant, _: &mut Text<'_>) -> Result<Progress, Refusal> { todo!() }
/// # }
///
/// type Bench = Node<RamStore<[u8; 64], 4>, (), Tasks>;
///
/// unstick::tasks! {
///     /// What a bench's commands may start.
///     pub enum Tasks for Bench { Crc(Crc), Count(Count) }
/// }
/// ```
#[macro_export]
macro_rules! tasks {
    ($(#[$meta:meta])* $vis:vis enum $name:ident for $host:ty { $($kind:ident($task:ty)),+ $(,)? }) => {
        $(#[$meta])*
        #[allow(missing_docs)]
        $vis enum $name { $($kind($task)),+ }

        $(impl ::core::convert::From<$task> for $name {
            fn from(task: $task) -> Self {
                Self::$kind(task)
            }
        })+

        impl $crate::Task<$host> for $name {
            fn body(
                &mut self,
                host: &mut $host,
                piece: &[u8],
                text: &mut $crate::Text<'_>,
            ) -> ::core::result::Result<(), $crate::Refusal> {
                match self { $(Self::$kind(task) => $crate::Task::body(task, host, piece, text)),+ }
            }

            fn poll(
                &mut self,
                host: &mut $host,
                now: $crate::Instant,
                text: &mut $crate::Text<'_>,
            ) -> ::core::result::Result<$crate::Progress, $crate::Refusal> {
                match self { $(Self::$kind(task) => $crate::Task::poll(task, host, now, text)),+ }
            }

            fn read(
                &mut self,
                host: &mut $host,
                now: $crate::Instant,
                text: &mut $crate::Text<'_>,
            ) -> ::core::result::Result<$crate::Progress, $crate::Refusal> {
                match self { $(Self::$kind(task) => $crate::Task::read(task, host, now, text)),+ }
            }

            fn close(&mut self, host: &mut $host) {
                match self { $(Self::$kind(task) => $crate::Task::close(task, host)),+ }
            }
        }
    };
}

#[cfg(test)]
mod tests;
