//! A link around another link, with a key.

use crate::player::Link;
use core::time::Duration;
use std::io::{self, ErrorKind};
use std::time;
use unstick::keys::{Key, KeyedClient};
use unstick::{Closed, Instant, Next, Session, Step};

/// Bytes of the longest message that a node may send.
const MESSAGE: usize = 16 * 1024;

/// Does the handshake over a connection to a command service, as a client with that key; the node answers
/// within `patience`. What is played over the link is what the sessions inside say to each other.
///
/// `secret` is random, and another each time. [`ErrorKind::UnexpectedEof`] says that the node has closed
/// without a word, [`ErrorKind::InvalidData`] that what came was not sealed with the key.
pub fn keyed(
    link: Box<dyn Link>,
    key: Key,
    secret: [u8; 32],
    patience: Duration,
) -> io::Result<Box<dyn Link>> {
    let mut new = Keyed {
        link,
        session: KeyedClient::offer(Pipe { ended: false }, key, secret),
        ends: Ends::default(),
        came: Vec::new(),
        closed: None,
        began: time::Instant::now(),
    };
    new.step()?;
    while !new.ends.is_open {
        new.receive_once(patience)?;
        if let Some(why) = new.closed {
            return Err(error(why));
        }
    }
    Ok(Box::new(new))
}

struct Keyed {
    link: Box<dyn Link>,
    session: KeyedClient<Pipe, MESSAGE>,
    ends: Ends,
    /// What has come and was not consumed.
    came: Vec<u8>,
    closed: Option<Closed>,
    began: time::Instant,
}

/// What goes into the session and what comes out of it.
#[derive(Default)]
struct Ends {
    to_say: Vec<u8>,
    heard: Vec<u8>,
    /// Whether the handshake is done.
    is_open: bool,
}

/// The session inside: it passes bytes on.
struct Pipe {
    ended: bool,
}

impl Session<Ends> for Pipe {
    fn step(&mut self, _: Instant, ends: &mut Ends, input: &[u8], output: &mut [u8]) -> Step {
        ends.is_open = true;
        ends.heard.extend_from_slice(input);
        let written = ends.to_say.len().min(output.len());
        output[..written].copy_from_slice(&ends.to_say[..written]);
        ends.to_say.drain(..written);
        let next = match (ends.to_say.is_empty(), self.ended) {
            (false, _) => Next::Output,
            (true, true) => Next::Closed(Closed::End),
            (true, false) => Next::Input,
        };
        Step { consumed: input.len(), written, next, deadline: None }
    }

    fn end(&mut self) {
        self.ended = true;
    }

    fn finish(&mut self) {}

    fn abort(&mut self, _: &mut Ends) {}
}

impl Keyed {
    /// Steps the session until nothing moves, and sends what it has written, all of it with one write.
    fn step(&mut self) -> io::Result<()> {
        let Self { session, ends, came, closed, began, .. } = self;
        let now =
            Instant::from_micros(u64::try_from(began.elapsed().as_micros()).unwrap_or_default());
        let (mut output, mut said) = (vec![0; 2 * MESSAGE], Vec::new());
        loop {
            let step = session.step(now, ends, came, &mut output);
            came.drain(..step.consumed);
            said.extend_from_slice(&output[..step.written]);
            if let Next::Closed(why) = step.next {
                *closed = Some(why);
            }
            if step.consumed == 0 && step.written == 0 {
                break;
            }
        }
        if said.is_empty() { Ok(()) } else { self.link.send(&said) }
    }

    fn receive_once(&mut self, patience: Duration) -> io::Result<()> {
        let mut buffer = vec![0; 1 << 16];
        match self.link.receive(&mut buffer, patience)? {
            Some(len) => self.came.extend_from_slice(&buffer[..len]),
            None => Session::<Ends>::end(&mut self.session),
        }
        self.step()
    }
}

impl Link for Keyed {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.ends.to_say.extend_from_slice(bytes);
        self.step()
    }

    fn receive(&mut self, buffer: &mut [u8], patience: Duration) -> io::Result<Option<usize>> {
        while self.ends.heard.is_empty() {
            match self.closed {
                Some(Closed::End) => return Ok(None),
                Some(why) => return Err(error(why)),
                None => self.receive_once(patience)?,
            }
        }
        let len = self.ends.heard.len().min(buffer.len());
        buffer[..len].copy_from_slice(&self.ends.heard[..len]);
        self.ends.heard.drain(..len);
        Ok(Some(len))
    }

    fn finish(&mut self) -> io::Result<()> {
        self.link.finish()
    }
}

fn error(why: Closed) -> io::Error {
    match why {
        Closed::Forged => io::Error::new(ErrorKind::InvalidData, why),
        Closed::Timeout(_) => ErrorKind::TimedOut.into(),
        why => io::Error::new(ErrorKind::UnexpectedEof, why),
    }
}
