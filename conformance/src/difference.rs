//! Where a node parts from a script, shown to people.

use crate::scenario::Act;
use core::fmt::{self, Write as _};
use std::io;

/// The first step of a script at which something else came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which step of the script it is, from 0.
    pub step: usize,
    /// What was sent since the node was last waited for.
    pub sent: Vec<Vec<u8>>,
    /// What was to come.
    pub expected: Act,
    /// What came.
    pub seen: Vec<u8>,
    /// Why no more came, where more was waited for.
    pub stop: Option<StopReason>,
    /// What is wrong with it: a sentence without its full stop.
    pub why: String,
}

/// Why nothing more came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The peer closed.
    End,
    /// Nothing came in time.
    Silence,
    /// The connection broke.
    Error(io::ErrorKind),
}

impl Difference {
    /// Of a scenario that could not even begin.
    #[must_use]
    pub fn unreachable(error: &io::Error) -> Self {
        Self {
            step: 0,
            sent: Vec::new(),
            expected: Act::Finish,
            seen: Vec::new(),
            stop: Some(StopReason::Error(error.kind())),
            why: format!("nobody could be reached: {error}"),
        }
    }
}

/// All bytes of what was sent, expected and seen, one above the other.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {}: {}", self.step + 1, self.why)?;
        for sent in &self.sent {
            write!(f, "\n  sent      \"{}\"", shown(sent))?;
        }
        let stop = self.stop.map(|stop| format!(", then {stop}")).unwrap_or_default();
        let seen = match (self.seen.as_slice(), self.stop) {
            ([], Some(stop)) => stop.to_string(),
            (seen, _) => format!("\"{}\"{stop}", shown(seen)),
        };
        let expected = match &self.expected {
            Act::Expect(bytes) => Some(bytes.clone()),
            Act::Reply(reply) => reply.bytes(),
            _ => None,
        };
        let Some(expected) = expected else {
            let expected = match &self.expected {
                Act::Reply(reply) => reply.to_string(),
                Act::End => StopReason::End.to_string(),
                Act::Silence => StopReason::Silence.to_string(),
                _ => "it is taken".into(),
            };
            return write!(f, "\n  expected  {expected}\n  seen      {seen}");
        };
        write!(f, "\n  expected  \"{}\"\n  seen      {seen}", shown(&expected))?;
        let same =
            expected.iter().zip(&self.seen).take_while(|(left, right)| left == right).count();
        if !self.seen.is_empty() {
            let width = shown(&expected[..same]).chars().count();
            write!(f, "\n             {:width$}^ they part at byte {same}", "")?;
        }
        Ok(())
    }
}

/// Bytes that are the same, from which on they are shown as one and their number.
const RUN: usize = 40;

/// Every byte, none of which steers a terminal; of many that are the same, one and how many.
fn shown(bytes: &[u8]) -> String {
    let mut text = String::new();
    for run in bytes.chunk_by(|left, right| left == right) {
        if run.len() < RUN {
            let _ = write!(text, "{}", run.escape_ascii());
        } else {
            let _ = write!(text, "{}{{{} times}}", run[..1].escape_ascii(), run.len());
        }
    }
    text
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::End => f.write_str("the end"),
            Self::Silence => f.write_str("silence"),
            Self::Error(kind) => write!(f, "an error: {kind}"),
        }
    }
}
