//! The player: a script and a link make a transcript.

use crate::golden;
use crate::scenario::{Act, Scenario};
use crate::transcript::{Line, StopReason, Transcript};
use core::time::Duration;
use std::io;

/// How long the player waits for what must come.
const PATIENCE: Duration = Duration::from_secs(10);

/// The client's end of one connection, or a socket for datagrams.
pub trait Link {
    /// Sends bytes, all of them, with one write; or one datagram. A peer that has closed in the
    /// meantime is not an error: what it sent before can still be received.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Receives some bytes, at least one, or one datagram, which may be empty. Returns how many.
    /// `None` is the end of the stream. [`io::ErrorKind::TimedOut`] says that nothing came within
    /// `patience`; a link that knows that nothing can come says so at once.
    fn receive(&mut self, buffer: &mut [u8], patience: Duration) -> io::Result<Option<usize>>;

    /// Closes the sending side only.
    fn finish(&mut self) -> io::Result<()>;
}

/// Plays a scenario from its beginning over a link of its own; stops at the first difference.
pub fn play(scenario: &Scenario, link: &mut dyn Link) -> Transcript {
    let mut player = Player { link, udp: scenario.is_udp(), unread: Vec::new() };
    let mut transcript = Transcript::default();
    for act in &scenario.script {
        let (line, as_scripted) = player.act(act);
        transcript.lines.push(line);
        if !as_scripted {
            break;
        }
    }
    transcript
}

struct Player<'l> {
    link: &'l mut dyn Link,
    udp: bool,
    /// What came beyond what the script has expected so far.
    unread: Vec<u8>,
}

impl Player<'_> {
    /// Does one act. Returns what happened, and whether that is what the script says.
    fn act(&mut self, act: &Act) -> (Line, bool) {
        let line = match act {
            Act::Send(bytes) => match self.link.send(bytes) {
                Ok(()) => Line::Sent(bytes.len()),
                Err(error) => Line::Failed(error.kind()),
            },
            Act::Finish => match self.link.finish() {
                Ok(()) => Line::Finished,
                Err(error) => Line::Failed(error.kind()),
            },
            Act::Expect(wanted) => self.expect(wanted),
            Act::ExpectLike { body, .. } => self.expect_like(body),
            Act::ExpectEnd => match self.more(PATIENCE) {
                Err(stop) if self.unread.is_empty() => Line::Came(Vec::new(), Some(stop)),
                stop => Line::Came(self.take_all(), stop.err()),
            },
            Act::Silence => match self.more(Act::QUIET) {
                Err(StopReason::Silence) => Line::Came(Vec::new(), Some(StopReason::Silence)),
                stop => Line::Came(self.take_all(), stop.err()),
            },
        };
        let as_scripted = line == Line::expected(act);
        (line, as_scripted)
    }

    fn expect(&mut self, wanted: &[u8]) -> Line {
        if self.udp {
            let stop = self.more(PATIENCE).err();
            return Line::Came(self.take_all(), stop);
        }
        let stop = self.at_least(wanted.len()).err();
        if self.unread.starts_with(wanted) {
            self.unread.drain(..wanted.len());
            return Line::Came(wanted.to_vec(), None);
        }
        Line::Came(self.take_all(), stop)
    }

    fn expect_like(&mut self, pieces: &[&str]) -> Line {
        let message = loop {
            if let Some(message) = golden::split_message(&self.unread) {
                break message;
            }
            if let Err(stop) = self.more(PATIENCE) {
                return Line::Came(self.take_all(), Some(stop));
            }
        };
        let (header, body) = message;
        let like = golden::mask(header, body);
        let has = |piece: &&&str| body.windows(piece.len()).any(|it| it == piece.as_bytes());
        let seen: Vec<_> = pieces.iter().filter(has).map(ToString::to_string).collect();
        let rest = self.unread.split_off(header.len() + body.len() + golden::PREFIX);
        self.unread = rest;
        Line::CameLike(like, seen)
    }

    fn take_all(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.unread)
    }

    fn at_least(&mut self, len: usize) -> Result<(), StopReason> {
        while self.unread.len() < len {
            self.more(PATIENCE)?;
        }
        Ok(())
    }

    /// Receives once.
    fn more(&mut self, patience: Duration) -> Result<(), StopReason> {
        let mut buffer = vec![0; 1 << 16];
        match self.link.receive(&mut buffer, patience) {
            Ok(Some(len)) => self.unread.extend_from_slice(&buffer[..len]),
            Ok(None) => return Err(StopReason::End),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Err(StopReason::Silence);
            }
            Err(error) => return Err(StopReason::Error(error.kind())),
        }
        Ok(())
    }
}
