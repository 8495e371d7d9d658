//! A caller that asks a few things, and watches what its client does.

use std::io::Write as _;
use unstick::header::Header;
use unstick::message::Verdict;
use unstick::{Caller, Request, Service, Stop};

/// Few windows hold all of it.
const BODY: &[u8] = b"The quick brown fox jumps over the lazy dog. 0123456789, and once more.";

/// What is asked of a service: the commands and the bodies of the requests.
fn questions(service: Service) -> [(&'static str, &'static [u8]); 3] {
    match service {
        Service::Echo => [("", BODY), ("", b""), ("", b"hello")],
        Service::Frame | Service::Message => [("upper hello", b""), ("info", b""), ("get a", b"")],
        Service::Command => [("upper hello", b""), ("put a", BODY), ("get a", b"")],
    }
}

/// These requests as they are on the wire.
pub(crate) fn requests(service: Service) -> Vec<Vec<u8>> {
    let request = |((command, body), id): ((&str, &[u8]), u32)| match service {
        Service::Echo => body.to_vec(),
        Service::Frame | Service::Message => command.into(),
        Service::Command => {
            let size = body.len();
            let header = format!(r#"{{"id":{id},"command":"{command}","total_size":{size}}}"#);
            let prefix = u32::try_from(header.len()).unwrap().to_le_bytes();
            [&prefix, header.as_bytes(), body].concat()
        }
    };
    questions(service).into_iter().zip(1..).map(request).collect()
}

pub(crate) struct Asker {
    pub(crate) service: Service,
    /// Whether it asks again only when it is answered.
    waits: bool,
    /// Requests whose heads are sent, and what is left of the last one's body.
    pub(crate) asked: usize,
    body: &'static [u8],
    /// Replies that are whole, and the bytes left of the one that comes.
    pub(crate) answered: usize,
    left: Option<u64>,
    /// Whether a reply was whole before its request was. The server would take what is sent then for
    /// the rest of what it refused, or for a request of its own.
    refused: bool,
    /// What it was told: headers, bodies and verdicts.
    pub(crate) told: Vec<u8>,
}

impl Asker {
    pub(crate) fn new(service: Service, waits: bool) -> Self {
        Self {
            service,
            waits,
            asked: 0,
            body: b"",
            answered: 0,
            left: None,
            refused: false,
            told: Vec::new(),
        }
    }

    /// Whether a reply has begun that is not whole.
    pub(crate) fn in_reply(&self) -> bool {
        self.left.is_some()
    }
}

impl Caller for Asker {
    fn request(&mut self) -> Option<Request<'_>> {
        let (command, body) = *questions(self.service).get(self.asked)?;
        let waits = self.waits && self.answered < self.asked;
        (!waits).then_some(Request { command, size: body.len() as u64, md5: None })
    }

    fn sent(&mut self) {
        assert!(self.body.is_empty() && !self.refused);
        // Only the command service has ids to tell replies by.
        assert!(self.service == Service::Command || self.answered == self.asked);
        (_, self.body) = questions(self.service)[self.asked];
        self.asked += 1;
    }

    fn supply(&mut self, output: &mut [u8]) -> usize {
        assert!(!output.is_empty() && !self.refused);
        let (piece, rest) = self.body.split_at(output.len());
        output.copy_from_slice(piece);
        self.body = rest;
        piece.len()
    }

    fn reply(&mut self, size: u64, header: Option<&Header<'_>>) {
        assert!(self.left.is_none() && !self.refused);
        assert_eq!(header.is_some(), matches!(self.service, Service::Message | Service::Command));
        if self.service == Service::Command
            && let Some(Header { id, status, .. }) = header
        {
            match id {
                Some(id) => assert_eq!(id.raw(), (self.answered + 1).to_string()),
                None => assert!(status.is_some_and(|status| status != *"ok")),
            }
        }
        self.left = Some(size);
        write!(self.told, "reply of {size} bytes, {header:?}: ").unwrap();
    }

    fn body(&mut self, piece: &[u8]) -> Result<(), Stop> {
        let left = self.left.and_then(|left| left.checked_sub(piece.len() as u64));
        assert!(left.is_some(), "{} bytes, of {:?}", piece.len(), self.left);
        self.left = left;
        self.told.extend_from_slice(piece);
        Ok(())
    }

    fn end(&mut self, verdict: Verdict) {
        assert_eq!(self.left.take(), Some(0));
        self.refused = self.answered >= self.asked - usize::from(!self.body.is_empty());
        self.answered += 1;
        writeln!(self.told, " {verdict:?}").unwrap();
    }
}
