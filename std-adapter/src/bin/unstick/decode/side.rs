//! One direction of a connection: segments in order again, and what they say.

use super::packets::Segment;
use core::fmt::Write as _;
use std::collections::BTreeMap;
use unstick::frame::{Decoder, Event, FrameError, MAX, Oversize};
use unstick::header::{Header, HeaderError, JsonError};
use unstick::message::{self, Integrity, Kind, MessageError, Reader};
use unstick::{Endpoint, Service};

/// Bytes of a text or body that are shown.
const SHOWN: usize = 60;

/// Segments that are kept until those before them come.
const AHEAD: usize = 1024;

pub(crate) struct Side {
    /// The sequence number of the next byte; `None` until the first segment.
    next: Option<u32>,
    ahead: BTreeMap<u32, Vec<u8>>,
    says: Says,
    /// Whether it is over, or makes no sense any more.
    over: bool,
}

/// What its bytes are.
enum Says {
    Bytes,
    Lines(Vec<u8>),
    Frames { decoder: Decoder, begin: Vec<u8> },
    Messages { reader: Box<Reader>, told: String, begin: Vec<u8> },
}

impl Side {
    pub(crate) fn new(service: Service, to_node: bool) -> Self {
        let says = match (service, to_node) {
            (Service::Echo, _) => Says::Bytes,
            (Service::Frame | Service::Message, true) => Says::Lines(Vec::new()),
            (Service::Frame, false) => {
                Says::Frames { decoder: Decoder::new(MAX, Oversize::Close), begin: Vec::new() }
            }
            (Service::Message | Service::Command, to_node) => {
                let kind = if to_node { Kind::Request } else { Kind::Reply };
                let reader = Box::new(Reader::new(kind));
                Says::Messages { reader, told: String::new(), begin: Vec::new() }
            }
        };
        Self { next: None, ahead: BTreeMap::new(), says, over: false }
    }

    /// Takes a segment; what is whole now, a line each.
    pub(crate) fn takes(&mut self, segment: &Segment) -> Vec<String> {
        let mut lines = Vec::new();
        let Segment { sequence, begins, ends, is_reset, bytes } = segment;
        if *begins {
            self.next = Some(sequence.wrapping_add(1));
        }
        let next = *self.next.get_or_insert(*sequence);
        // What has come before is left out; what is ahead is kept.
        let old = next.wrapping_sub(*sequence);
        if old <= u32::MAX / 2 {
            if let Some(fresh) = bytes.get(old as usize..).filter(|fresh| !fresh.is_empty()) {
                self.next = Some(next.wrapping_add(fresh.len() as u32));
                self.read(fresh, &mut lines);
            }
        } else if self.ahead.len() < AHEAD {
            self.ahead.insert(*sequence, bytes.clone());
        }
        while let Some(fresh) = self.next.and_then(|next| self.ahead.remove(&next)) {
            self.next = self.next.map(|next| next.wrapping_add(fresh.len() as u32));
            self.read(&fresh, &mut lines);
        }
        if *is_reset {
            lines.push("reset".into());
            self.over = true;
        } else if *ends && !self.over {
            self.end(&mut lines);
            self.over = true;
        }
        lines
    }

    fn read(&mut self, mut bytes: &[u8], lines: &mut Vec<String>) {
        if self.over {
            return;
        }
        match &mut self.says {
            Says::Bytes => lines.push(format!("{} bytes {}", bytes.len(), shown(bytes))),
            Says::Lines(kept) => {
                kept.extend_from_slice(bytes);
                while let Some(end) = kept.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<_> = kept.drain(..=end).collect();
                    lines.push(format!("request {}", shown(&line)));
                }
                // Without a newline what one receive delivers is a request as well (B1).
                if !kept.is_empty() {
                    lines.push(format!("request {}", shown(kept)));
                    kept.clear();
                }
            }
            Says::Frames { decoder, begin } => loop {
                match decoder.decode(&mut bytes) {
                    Ok(Some(Event::Piece(piece))) => {
                        keep(begin, piece.bytes);
                        if piece.is_last() {
                            lines.push(format!("reply {} bytes {}", piece.total, shown(begin)));
                            begin.clear();
                        }
                    }
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(error) => {
                        lines.push(format!("breaks {}: {error}", frame_rule(&error)));
                        self.over = true;
                        break;
                    }
                }
            },
            Says::Messages { reader, told, begin } => loop {
                match reader.read(&mut bytes) {
                    Ok(Some(message::Event::Header { header, size })) => {
                        *told = tell(&header, size);
                        begin.clear();
                    }
                    Ok(Some(message::Event::Body(piece))) => keep(begin, piece),
                    Ok(Some(message::Event::End(end))) => {
                        let mut line = core::mem::take(told);
                        if !begin.is_empty() {
                            let _ = write!(line, " {}", shown(begin));
                        }
                        if let Integrity::Mismatch { .. } = end.integrity {
                            line += " breaks M2: the body's md5 is another than its header says";
                        }
                        lines.push(line);
                    }
                    Ok(None) => break,
                    Err(error) => {
                        lines.push(format!("breaks {}: {error}", rule(&error)));
                        self.over = true;
                        break;
                    }
                }
            },
        }
    }

    fn end(&self, lines: &mut Vec<String>) {
        let error = match &self.says {
            Says::Frames { decoder, .. } => decoder.end().map_err(MessageError::Frame),
            Says::Messages { reader, .. } => reader.end(),
            Says::Bytes | Says::Lines(_) => Ok(()),
        };
        lines.push(match error {
            Ok(()) => "end".into(),
            Err(error) => format!("breaks F3: {error}"),
        });
    }
}

/// What a datagram says.
pub(crate) fn datagram(
    endpoint: Endpoint,
    to_node: bool,
    bytes: &[u8],
    limit: usize,
) -> Vec<String> {
    let word = if to_node { "request" } else { "reply" };
    let over = if bytes.len() > limit { " (U3: over the usual limit)" } else { "" };
    if endpoint.service() == Service::Echo {
        return vec![format!("{word} {} bytes {}{over}", bytes.len(), shown(bytes))];
    }
    let line = match message::split::<1024>(bytes) {
        Err(_) if bytes.is_empty() => "empty".into(),
        Err(error) => format!("breaks {}: {error}", rule(&error)),
        Ok((header, body)) => {
            let size = header.total_size.unwrap_or(0);
            let mut line = tell(&header, size);
            let is_short = body.is_empty() && header.status.is_some() && header.md5.is_none();
            if !is_short && size != body.len() as u64 {
                let _ = write!(line, " breaks U1: there are {} bytes", body.len());
            }
            if !body.is_empty() {
                let _ = write!(line, " {}", shown(body));
            }
            line
        }
    };
    vec![line + over]
}

/// A header in a line.
fn tell(header: &Header<'_>, size: u64) -> String {
    let mut line = String::from(if header.command.is_some() { "request" } else { "reply" });
    if let Some(id) = header.id {
        let _ = write!(line, " id {}", id.raw());
    }
    let text = |text: unstick::header::Escaped<'_>| text.chars().collect::<String>();
    if let Some(status) = header.status {
        let _ = write!(line, " {}", text(status).escape_debug());
    }
    if let Some(command) = header.command {
        let _ = write!(line, " {:?}", text(command));
    }
    if let Some(name) = header.filename.map(text).filter(|name| !name.is_empty()) {
        let _ = write!(line, " file {name:?}");
    }
    if let Some(exit) = header.exit {
        let _ = write!(line, " exit {exit}");
    }
    if size > 0 || header.status.is_some() {
        let _ = write!(line, " {size} bytes");
    }
    line
}

fn keep(begin: &mut Vec<u8>, piece: &[u8]) {
    let space = (SHOWN + 1).saturating_sub(begin.len()).min(piece.len());
    begin.extend_from_slice(&piece[..space]);
}

/// The beginning of some bytes, which steers no terminal.
fn shown(bytes: &[u8]) -> String {
    match bytes.get(..SHOWN) {
        Some(head) if head.len() < bytes.len() => format!("\"{}\"...", head.escape_ascii()),
        _ => format!("\"{}\"", bytes.escape_ascii()),
    }
}

fn frame_rule(error: &FrameError) -> &'static str {
    match error {
        FrameError::Incomplete { .. } => "F3",
        FrameError::Oversized { .. } => "H1",
        _ => "F1",
    }
}

/// The rule that a message breaks.
fn rule(error: &MessageError) -> &'static str {
    match error {
        MessageError::Frame(error) => frame_rule(error),
        MessageError::Incomplete { .. } => "F3",
        MessageError::Size { .. } => "U1",
        MessageError::Header(error) => match error {
            HeaderError::Json(JsonError::Escape { .. }) => "H3",
            HeaderError::Json(
                JsonError::TooDeep | JsonError::TooManyKeys | JsonError::Duplicate { .. },
            ) => "H4",
            HeaderError::TotalSize(_) => "H5",
            HeaderError::Missing { field: "total_size" } => "H5",
            HeaderError::TwoNames => "H6",
            HeaderError::NotText { .. } | HeaderError::NotExit => "H8",
            HeaderError::NotId | HeaderError::LongId { .. } => "C2",
            HeaderError::Missing { .. } | HeaderError::Reply => "C3",
            _ => "H2",
        },
    }
}
