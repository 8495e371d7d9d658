//! Bare requests: lines, or whatever one receive delivers (rules B1 and B4).

use crate::limits::REQUEST;
use heapless::{CapacityError, Vec};

/// Cuts a stream into bare requests. It can keep `N` bytes of one whose newline has not come.
#[derive(Debug)]
pub(super) struct LineReader<const N: usize> {
    /// The start of a request, less a CR at its end.
    kept: Vec<u8, N>,
    /// That CR, which belongs to the request unless a newline follows.
    carriage_return: bool,
    /// Whether what is kept has been returned.
    spent: bool,
    /// Whether a newline has ended a request: from then on nothing else does.
    lines: bool,
    /// Whether the rest of a request that was too long is being dropped.
    dropping: bool,
    /// Bytes at the front of the input that came with the receive that is being taken.
    received: usize,
}

/// A bare request as it came.
#[derive(Debug)]
pub(super) enum Line<'a> {
    /// Its bytes, at least one.
    Whole(&'a [u8]),
    /// It has more bytes than a request may have; these are its first.
    TooLong(&'a [u8]),
}

impl<const N: usize> LineReader<N> {
    /// The most bytes of a request.
    pub(super) const MOST: usize = if N < REQUEST { N } else { REQUEST };

    pub(super) const fn new() -> Self {
        Self {
            kept: Vec::new(),
            carriage_return: false,
            spent: false,
            lines: false,
            dropping: false,
            received: 0,
        }
    }

    /// Notes how much one receive has delivered: call it with the input of each step.
    pub(super) const fn received(&mut self, input: &[u8]) {
        if self.received == 0 {
            self.received = input.len();
        }
    }

    /// Whether no request has begun that has not ended.
    pub(super) fn is_between(&self) -> bool {
        (self.kept.is_empty() || self.spent) && !self.carriage_return && !self.dropping
    }

    /// Takes bytes off `input` up to the end of the next request; `None` when it is used up. Where the
    /// input has `ended`, what is kept is a request, too.
    pub(super) fn read<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
        ended: bool,
    ) -> Option<Line<'a>> {
        if core::mem::take(&mut self.spent) {
            self.kept.clear();
        }
        loop {
            let Some((piece, newline)) = self.piece(input) else {
                if ended {
                    break;
                }
                return None;
            };
            if self.dropping {
                self.dropping = !newline;
                continue;
            }
            if !self.is_between() || (self.lines && !newline) {
                if self.keep(piece).is_err() {
                    return Some(self.too_long(newline));
                }
                if !newline {
                    continue;
                }
                if self.kept.is_empty() {
                    self.carriage_return = false;
                    continue;
                }
                break;
            }
            let line = piece.strip_suffix(b"\r").unwrap_or(piece);
            if line.is_empty() {
                continue;
            }
            self.lines |= newline;
            if line.len() > Self::MOST {
                self.too_long(newline);
                return Some(Line::TooLong(line));
            }
            return Some(Line::Whole(line));
        }
        (self.carriage_return, self.dropping, self.spent) = (false, false, true);
        if self.kept.is_empty() { None } else { Some(Line::Whole(&self.kept)) }
    }

    /// The next bytes of the receive, up to a newline if it has one, and whether it has.
    fn piece<'i>(&mut self, input: &mut &'i [u8]) -> Option<(&'i [u8], bool)> {
        if input.is_empty() {
            return None;
        }
        self.received(input);
        let (receive, _) = input.split_at_checked(self.received).unwrap_or((*input, &[]));
        let newline = receive.iter().position(|byte| *byte == b'\n');
        let piece = newline.and_then(|at| receive.get(..at)).unwrap_or(receive);
        let consumed = piece.len().saturating_add(usize::from(newline.is_some()));
        *input = input.get(consumed..).unwrap_or_default();
        self.received = self.received.saturating_sub(consumed);
        Some((piece, newline.is_some()))
    }

    fn keep(&mut self, piece: &[u8]) -> Result<(), CapacityError> {
        if piece.is_empty() {
            return Ok(());
        }
        if core::mem::take(&mut self.carriage_return) {
            self.push(b"\r")?;
        }
        let line = piece.strip_suffix(b"\r");
        self.carriage_return = line.is_some();
        self.push(line.unwrap_or(piece))
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), CapacityError> {
        if self.kept.len().saturating_add(bytes.len()) > Self::MOST {
            return Err(CapacityError::default());
        }
        self.kept.extend_from_slice(bytes)
    }

    /// The request is refused, and the rest of it dropped.
    fn too_long(&mut self, newline: bool) -> Line<'_> {
        (self.carriage_return, self.spent) = (false, true);
        (self.dropping, self.lines) = (!newline, true);
        Line::TooLong(&self.kept)
    }
}

/// Whether a line plainly belongs to another protocol (rule B4). It is asked of lines that begin with
/// no command of the node's.
pub(super) fn is_foreign(line: &[u8]) -> bool {
    /// Methods of HTTP (RFC 9110, RFC 9113), and how mail begins (RFC 5321).
    const WORDS: [&[u8]; 12] = [
        b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH",
        b"PRI", b"EHLO", b"HELO",
    ];
    let mut words = line.split(|byte| *byte == b' ');
    let first = words.next().unwrap_or_default();
    let last = words.next_back().unwrap_or_default();
    // A TLS hello and what else is binary; not a tab, nor the ESC that a terminal's key sends.
    matches!(line, [0..=8 | 14..=26, ..])
        || line.contains(&0)
        || line.starts_with(b"SSH-") // RFC 4253
        || matches!(first, [_, .., b':']) // the field of a header, as in `Host: ...`
        || matches!(last, [.., b'A'..=b'Z', b'/', b'0'..=b'9', b'.', b'0'..=b'9']) // HTTP/1.1, RTSP/1.0
        || WORDS.contains(&first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    /// What comes of these receives, and then of the end of input.
    fn read(receives: &[&[u8]]) -> Vec<String> {
        let mut reader = LineReader::<1024>::new();
        let mut seen = Vec::new();
        let ends = receives.iter().map(|receive| (*receive, false)).chain([(&b""[..], true)]);
        for (mut input, ended) in ends {
            reader.received(input);
            while let Some(line) = reader.read(&mut input, ended) {
                seen.push(match line {
                    Line::Whole(line) => String::from_utf8_lossy(line).into_owned(),
                    Line::TooLong(_) => "too long".into(),
                });
            }
            assert!(input.is_empty());
        }
        assert!(reader.is_between());
        seen
    }

    #[test]
    fn without_newlines_each_receive_is_a_request() {
        assert_eq!(
            read(&[b"upper a", b"upper b\r", b"\r", b"\r\n", b"upper c"]),
            ["upper a", "upper b", "upper c"]
        );
    }

    #[test]
    fn once_a_newline_has_ended_a_request_only_newlines_do() {
        assert_eq!(read(&[b"upper a\nupper b", b"c\n"]), ["upper a", "upper bc"]);
        assert_eq!(read(&[b"upper a\r\nupper", b" b"]), ["upper a", "upper b"]);
        assert_eq!(read(&[b"a\n", b"b"]), ["a", "b"], "the end of input ends it, too");
    }

    #[test]
    fn how_lines_are_split_does_not_matter() {
        let input = b"first\na\r\n\r\n\nb\rc\r\r\n\rd\ne\r";
        let (first, rest) = input.split_at(6);
        let whole = read(&[first, rest]);
        assert_eq!(whole, ["first", "a", "b\rc\r", "\rd", "e"]);
        for at in 0..rest.len() {
            for to in at..rest.len() {
                assert_eq!(read(&[first, &rest[..at], &rest[at..to], &rest[to..]]), whole);
            }
        }
    }

    #[test]
    fn of_a_request_that_is_too_long_nothing_is_left() {
        let most = "x".repeat(1024);
        for end in ["\n", "\r\n"] {
            let line = [&most, end].concat();
            assert_eq!(read(&[line.as_bytes()]), core::slice::from_ref(&most));
            for at in [1, 500, 1024, 1025] {
                let (left, right) = line.as_bytes().split_at(at);
                assert_eq!(read(&[b"first\n", left, right]), ["first", &most]);
                let long = [b"y", left].concat();
                assert_eq!(read(&[b"first\n", &long, right, b"z\n"]), ["first", "too long", "z"]);
            }
        }
        let flood = "x".repeat(65_536);
        let flood = flood.as_bytes();
        assert_eq!(read(&[flood, flood, b"upper z\n", b"upper a\n"]), ["too long", "upper a"]);
        assert_eq!(read(&[flood]), ["too long"]);
    }

    #[test]
    fn what_is_plainly_foreign() {
        for line in [
            "GET / HTTP/1.1",
            "POST /x HTTP/1.0",
            "PRI * HTTP/2.0",
            "get / HTTP/1.1",
            "GET /",
            "DESCRIBE rtsp://10.0.2.15/ RTSP/1.0",
            "Host: 127.0.0.1",
            "EHLO there",
            "SSH-2.0-x",
            "\u{16}\u{3}\u{1}",
            " \0\0\0{\"command\":\"upper a\"}",
        ] {
            assert!(is_foreign(line.as_bytes()), "{line}");
        }
        for line in ["dir", "DIR", "get", "ls /tmp", "\tupper a", "\u{1b}[A", "a 1/2.5", ":", "x"] {
            assert!(!is_foreign(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn a_request_has_at_most_what_can_be_kept() {
        assert_eq!(
            [LineReader::<4>::MOST, LineReader::<1024>::MOST, LineReader::<2000>::MOST],
            [4, 1024, 1024]
        );
    }
}
