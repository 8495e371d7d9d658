//! How a request ends: its status, and the reason of a refusal.

use super::write_char;
use crate::limits::REASON;
use core::fmt;
use heapless::String;

/// The kind of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Status {
    /// The command ran.
    Ok,
    /// No command of that name.
    UnknownCommand,
    /// The request does not follow the rules; its text says which.
    BadRequest,
    /// Something is over a limit; the text names it.
    TooLarge,
    /// The reply does not fit a datagram: ask again over TCP.
    Truncated,
    /// Not allowed here.
    Denied,
    /// The command ran and failed.
    Failed,
    /// Not now.
    Busy,
}

impl Status {
    const ALL: [Self; 8] = [
        Self::Ok,
        Self::UnknownCommand,
        Self::BadRequest,
        Self::TooLarge,
        Self::Truncated,
        Self::Denied,
        Self::Failed,
        Self::Busy,
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::UnknownCommand => "unknown-command",
            Self::BadRequest => "bad-request",
            Self::TooLarge => "too-large",
            Self::Truncated => "truncated",
            Self::Denied => "denied",
            Self::Failed => "failed",
            Self::Busy => "busy",
        }
    }

    /// The status of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a request is not answered: a status, and a sentence for a person.
///
/// ```
/// use unstick::{Refusal, Status};
///
/// let refusal = Refusal::new(Status::Denied, format_args!("pump {} is locked", 7));
/// assert_eq!(refusal.to_string(), "denied: pump 7 is locked");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the reply.
    pub status: Status,
    /// The body of the reply, cut at [`REASON`] bytes.
    pub reason: String<REASON>,
}

impl Refusal {
    /// A refusal that says why; what does not fit [`REASON`] bytes is cut.
    #[must_use]
    #[inline(never)] // or its text would be moved about in every function that may refuse
    pub fn new(status: Status, why: fmt::Arguments<'_>) -> Self {
        let mut reason = String::new();
        let _ = fmt::write(&mut Clipped(&mut reason), why);
        Self { status, reason }
    }
}

impl Refusal {
    /// The refusal of a datagram whose answer would have to wait.
    #[must_use]
    pub fn late() -> Self {
        let why = format_args!("a datagram does not wait for this answer: ask again over TCP");
        Self::new(Status::Busy, why)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.reason)
    }
}

impl core::error::Error for Refusal {}

impl From<fmt::Error> for Refusal {
    /// Writing text fails only where it is full.
    #[inline(never)]
    fn from(_: fmt::Error) -> Self {
        Self::new(Status::TooLarge, format_args!("the answer is longer than this node can hold"))
    }
}

/// A reason that takes what fits, where a string would take all of a piece or none.
struct Clipped<'r>(&'r mut String<REASON>);

impl fmt::Write for Clipped<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        let space = self.0.capacity().saturating_sub(self.0.len());
        let fits = piece.get(..piece.floor_char_boundary(space)).unwrap_or_default();
        self.0.push_str(fits).map_err(|_| fmt::Error)?;
        if fits.len() == piece.len() { Ok(()) } else { Err(fmt::Error) }
    }

    fn write_char(&mut self, character: char) -> fmt::Result {
        write_char(self, character)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn each_status_has_a_word() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
            assert_eq!(format!("{status}"), status.as_str());
        }
        assert_eq!(Status::parse("OK"), None);
    }

    #[test]
    fn a_reason_that_is_too_long_is_cut_between_characters() {
        let reason = |why: fmt::Arguments<'_>| Refusal::new(Status::Denied, why).reason;
        assert_eq!(reason(format_args!("{:>3}{}", 'a', "b")), "  ab");
        let long = "x".repeat(REASON - 1);
        assert_eq!(reason(format_args!("{long}{}", 'y')), *format!("{long}y"));
        assert_eq!(reason(format_args!("{long}é")), *long);
        assert_eq!(
            reason(format_args!("{long}{}{}", 'é', 'z')),
            *long,
            "what follows is not there"
        );
    }
}
