//! A caller that asks a few things, and watches what its client does.

use std::io::Write as _;
use unstick::header::Header;
use unstick::{Caller, Cancelled, ReplyEvent, Request, Service};

/// Few windows hold all of it.
const BODY: &[u8] = b"The quick brown fox jumps over the lazy dog. 0123456789, and once more.";

/// The command and the body of a request.
pub(crate) type Question = (&'static str, &'static [u8]);

/// Three questions for a service.
pub(crate) fn questions(service: Service) -> &'static [Question] {
    match service {
        Service::Echo => &[("", BODY), ("", b""), ("", b"hello")],
        Service::Frame | Service::Message => &[("upper hello", b""), ("info", b""), ("get a", b"")],
        Service::Command => &[("upper hello", b""), ("put a", BODY), ("get a", b"")],
    }
}

/// These as they are on the wire.
pub(crate) fn requests(service: Service) -> Vec<Vec<u8>> {
    let request = |(&(command, body), id): (&Question, u32)| match service {
        Service::Echo => body.to_vec(),
        Service::Frame | Service::Message => command.into(),
        Service::Command => {
            let size = body.len();
            let header = format!(r#"{{"id":{id},"command":"{command}","total_size":{size}}}"#);
            let prefix = u32::try_from(header.len()).unwrap().to_le_bytes();
            [&prefix, header.as_bytes(), body].concat()
        }
    };
    questions(service).iter().zip(1..).map(request).collect()
}

/// It asks these, in their order.
pub(crate) struct Asker {
    pub(crate) service: Service,
    questions: Vec<Question>,
    /// Whether it asks again only when it is answered.
    waits: bool,
    /// The bytes it has supplied of each request's body.
    supplied: Vec<usize>,
    /// Replies that are whole, and the bytes left of the one that comes.
    pub(crate) answered: usize,
    left: Option<u64>,
    /// Whether a reply was whole before its request was. The server would take what is sent then for
    /// the rest of what it refused, or for a request of its own.
    refused: bool,
    /// What was reported to it: headers, bodies and verdicts.
    pub(crate) told: Vec<u8>,
}

impl Asker {
    pub(crate) fn new(service: Service, questions: &[Question], waits: bool) -> Self {
        Self {
            service,
            questions: questions.to_vec(),
            waits,
            supplied: vec![0; questions.len()],
            answered: 0,
            left: None,
            refused: false,
            told: Vec::new(),
        }
    }

    /// Whether every question is answered.
    pub(crate) fn is_done(&self) -> bool {
        self.answered == self.questions.len()
    }

    /// Whether a reply has begun that is not whole.
    pub(crate) fn in_reply(&self) -> bool {
        self.left.is_some()
    }

    /// The bytes of a request's body that were not supplied yet.
    fn rest(&self, index: usize) -> &'static [u8] {
        self.questions[index].1.split_at(self.supplied[index]).1
    }
}

impl Caller for Asker {
    fn request(&mut self, index: u64) -> Option<Request<'_>> {
        let index = index as usize;
        // Only the command service has ids that identify replies.
        let pipelined = self.service == Service::Command;
        assert!(!self.refused && (pipelined || index == self.answered));
        assert!((0..index).all(|before| self.rest(before).is_empty()), "the body before it");
        let (command, body) = *self.questions.get(index)?;
        let waits = self.waits && self.answered < index;
        (!waits).then(|| Request::new(command).with_body(body.len() as u64, None))
    }

    fn reply(&mut self, index: u64, event: ReplyEvent<'_>) -> Result<(), Cancelled> {
        assert_eq!(index, self.answered as u64);
        match event {
            ReplyEvent::Begin { size, header } => {
                assert!(self.left.is_none() && !self.refused);
                let has_header = matches!(self.service, Service::Message | Service::Command);
                assert_eq!(header.is_some(), has_header);
                if self.service == Service::Command
                    && let Some(Header { id, status, .. }) = header
                {
                    match id {
                        Some(id) => assert_eq!(id.raw(), (index + 1).to_string()),
                        None => assert!(status.is_some_and(|status| status != *"ok")),
                    }
                }
                self.left = Some(size);
                write!(self.told, "reply of {size} bytes, {header:?}: ").unwrap();
            }
            ReplyEvent::Body(piece) => {
                let left = self.left.and_then(|left| left.checked_sub(piece.len() as u64));
                assert!(left.is_some(), "{} bytes, of {:?}", piece.len(), self.left);
                self.left = left;
                self.told.extend_from_slice(piece);
            }
            ReplyEvent::End(integrity) => {
                assert_eq!(self.left.take(), Some(0));
                self.refused = !self.rest(self.answered).is_empty();
                self.answered += 1;
                writeln!(self.told, " {integrity:?}").unwrap();
            }
        }
        Ok(())
    }

    fn supply(&mut self, index: u64, output: &mut [u8]) -> usize {
        assert!(!output.is_empty() && !self.refused);
        let (piece, _) = self.rest(index as usize).split_at(output.len());
        output.copy_from_slice(piece);
        self.supplied[index as usize] += piece.len();
        piece.len()
    }
}
