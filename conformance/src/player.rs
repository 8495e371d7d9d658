//! The player: plays a script over a link, and says where something else came.

use crate::difference::{Difference, StopReason};
use crate::reply::{Judge, Verdict};
use crate::scenario::{Act, Scenario};
use core::time::Duration;
use std::io;
use std::time::Instant;

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

    /// Lets time pass.
    fn pause(&mut self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// Plays scenarios.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Player {
    /// How the node is judged.
    pub judge: Judge,
    /// How long the player waits for the next byte of what must come; for all of it, ten times that.
    pub patience: Duration,
}

/// What has come of a scenario: where something else came than its script says.
pub type Played = Result<(), Box<Difference>>;

impl Default for Player {
    /// Exact, and patient.
    fn default() -> Self {
        Self { judge: Judge::Exact, patience: Duration::from_secs(10) }
    }
}

/// Plays a scenario from its beginning over a link of its own, exactly; stops at the first difference.
pub fn play(scenario: &Scenario, link: &mut dyn Link) -> Played {
    Player::default().play(scenario, link)
}

impl Player {
    /// Plays a scenario from its beginning over a link of its own; stops at the first difference.
    pub fn play(&self, scenario: &Scenario, link: &mut dyn Link) -> Played {
        let (is_datagram, unread) = (scenario.is_udp(), Vec::new());
        let began = Instant::now();
        let mut playing = Playing { player: *self, link, is_datagram, began, unread };
        for (step, act) in scenario.script.iter().enumerate() {
            playing.began = Instant::now();
            if let Err(wrong) = playing.act(act) {
                let Wrong { why, seen, stop } = wrong;
                return Err(Box::new(Difference {
                    step,
                    sent: sent_before(scenario, step),
                    expected: act.clone(),
                    seen,
                    stop,
                    why,
                }));
            }
        }
        Ok(())
    }
}

/// What was sent since the node was last waited for.
fn sent_before(scenario: &Scenario, step: usize) -> Vec<Vec<u8>> {
    let before = scenario.script.iter().take(step);
    let mut sent = Vec::new();
    for (act, next) in before.zip(scenario.script.iter().skip(1)) {
        match act {
            Act::Send(bytes) => sent.push(bytes.clone()),
            act if act.waits() && !next.waits() => sent.clear(),
            _ => {}
        }
    }
    sent
}

struct Wrong {
    why: String,
    seen: Vec<u8>,
    stop: Option<StopReason>,
}

struct Playing<'l> {
    player: Player,
    link: &'l mut dyn Link,
    is_datagram: bool,
    /// When this step did.
    began: Instant,
    /// What came beyond what the script has expected so far.
    unread: Vec<u8>,
}

impl Playing<'_> {
    fn act(&mut self, act: &Act) -> Result<(), Wrong> {
        match act {
            Act::Send(bytes) => self.link.send(bytes).map_err(|error| self.unsent(&error)),
            Act::Finish => self.link.finish().map_err(|error| self.unsent(&error)),
            Act::Pause(time) => {
                self.link.pause(*time);
                Ok(())
            }
            Act::Expect(wanted) => self.expect(wanted),
            Act::Reply(_) => self.reply(act),
            Act::End => self.nothing(self.player.patience, StopReason::End),
            Act::Silence => self.nothing(Act::QUIET, StopReason::Silence),
        }
    }

    fn unsent(&mut self, error: &io::Error) -> Wrong {
        let stop = Some(StopReason::Error(error.kind()));
        Wrong { why: "nothing could be sent".into(), seen: self.take(), stop }
    }

    fn expect(&mut self, wanted: &[u8]) -> Result<(), Wrong> {
        loop {
            let there = self.unread.len().min(wanted.len());
            if self.unread[..there] != wanted[..there] {
                return self.wrong("other bytes came", None);
            }
            if there == wanted.len() && !self.is_datagram {
                self.unread.drain(..there);
                return Ok(());
            }
            if let Err(stop) = self.more(self.player.patience) {
                return self.wrong("less came", Some(stop));
            }
            if self.is_datagram {
                let came = self.take();
                return if came == wanted {
                    Ok(())
                } else {
                    Err(Wrong { why: "another datagram came".into(), seen: came, stop: None })
                };
            }
        }
    }

    fn reply(&mut self, act: &Act) -> Result<(), Wrong> {
        let Act::Reply(reply) = act else { return Ok(()) };
        loop {
            if !self.unread.is_empty() {
                match reply.judge(self.player.judge, &self.unread) {
                    Verdict::Incomplete => {}
                    Verdict::Right(len) => {
                        self.unread.drain(..len);
                        return Ok(());
                    }
                    Verdict::Wrong(len, why) => {
                        let seen = self.unread.drain(..len).collect();
                        return Err(Wrong { why, seen, stop: None });
                    }
                }
            }
            if let Err(stop) = self.more(self.player.patience) {
                let nothing = self.unread.is_empty();
                return self
                    .wrong(if nothing { "no reply came" } else { "a part came" }, Some(stop));
            }
        }
    }

    /// Nothing comes, and that is how it stops.
    fn nothing(&mut self, patience: Duration, wanted: StopReason) -> Result<(), Wrong> {
        let mut stop = Ok(());
        while stop.is_ok() && (self.unread.is_empty() || wanted == StopReason::End) {
            stop = self.more(patience);
        }
        match stop {
            Err(stop) if self.unread.is_empty() && stop == wanted => Ok(()),
            Err(stop) if self.unread.is_empty() => {
                self.wrong("it ended in another way", Some(stop))
            }
            stop => self.wrong("something came", stop.err()),
        }
    }

    fn wrong(&mut self, why: &str, stop: Option<StopReason>) -> Result<(), Wrong> {
        Err(Wrong { why: why.into(), seen: self.take(), stop })
    }

    fn take(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.unread)
    }

    /// Receives once.
    fn more(&mut self, patience: Duration) -> Result<(), StopReason> {
        if self.began.elapsed() > self.player.patience.saturating_mul(10) {
            return Err(StopReason::Silence);
        }
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
