//! Transcripts: what came, whatever it came over.

use crate::scenario::{Act, Scenario};
use core::fmt;
use std::io;

/// What happened on one connection, one line for each act of the script. What came is merged, so
/// how a transport cut it does not show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    /// The lines; fewer than the script has acts if something else came.
    pub lines: Vec<Line>,
}

/// What happened upon one act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// So many bytes were sent.
    Sent(usize),
    /// These bytes came; and why no more did, where more were expected or none at all.
    Came(Vec<u8>, Option<StopReason>),
    /// A message came: its header without what differs from node to node, and which of the
    /// expected pieces its body has.
    CameLike(String, Vec<String>),
    /// The sending side was closed.
    Finished,
    /// The transport would not send.
    Failed(io::ErrorKind),
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

impl Transcript {
    /// The transcript of a node that follows the rules.
    #[must_use]
    pub fn expected(scenario: &Scenario) -> Self {
        Self { lines: scenario.script.iter().map(Line::expected).collect() }
    }

    /// Where two transcripts part, as text of two or three lines; `None` if they are equal.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<String> {
        let lines = self.lines.len().max(other.lines.len());
        let at = (0..lines).find(|at| self.lines.get(*at) != other.lines.get(*at))?;
        let (left, right) = (self.lines.get(at), other.lines.get(at));
        let mut text = format!("line {}: {}\n", at + 1, shown(left));
        text += &format!(
            "{:>width$} {}",
            "but:",
            shown(right),
            width = format!("line {}:", at + 1).len()
        );
        if let (Some(Line::Came(left, _)), Some(Line::Came(right, _))) = (left, right)
            && left.len().max(right.len()) > SHOWN
        {
            let same = left.iter().zip(right).take_while(|(left, right)| left == right).count();
            text += &format!("\nthey part at byte {same}");
        }
        Some(text)
    }
}

impl Line {
    /// What a node that follows the rules does upon an act.
    #[must_use]
    pub fn expected(act: &Act) -> Self {
        match act {
            Act::Send(bytes) => Self::Sent(bytes.len()),
            Act::Expect(bytes) => Self::Came(bytes.clone(), None),
            Act::ExpectLike { header, body } => {
                Self::CameLike((*header).to_owned(), body.iter().map(ToString::to_string).collect())
            }
            Act::Finish => Self::Finished,
            Act::ExpectEnd => Self::Came(Vec::new(), Some(StopReason::End)),
            Act::Silence => Self::Came(Vec::new(), Some(StopReason::Silence)),
        }
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// Bytes of one line that are shown.
const SHOWN: usize = 400;

fn shown(line: Option<&Line>) -> String {
    line.map_or_else(|| "nothing more happened".to_owned(), ToString::to_string)
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent(len) => write!(f, "sent {len} bytes"),
            Self::Came(bytes, Some(stop)) if bytes.is_empty() => write!(f, "{stop}"),
            Self::Came(bytes, stop) => {
                let head = bytes.get(..SHOWN).unwrap_or(bytes);
                write!(f, "came \"{}\"", head.escape_ascii())?;
                if head.len() < bytes.len() {
                    write!(f, " and {} bytes more", bytes.len() - head.len())?;
                }
                stop.map_or(Ok(()), |stop| write!(f, ", then {stop}"))
            }
            Self::CameLike(header, pieces) => write!(f, "came {header} with {pieces:?}"),
            Self::Finished => f.write_str("sent the end"),
            Self::Failed(kind) => write!(f, "could not send: {kind}"),
        }
    }
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
