//! The bytes before a body, rendered as often as it takes to send them.

use crate::bytes::copy;
use crate::limits::HEADER;
use crate::wire::frame::PREFIX;

/// Writes what goes before a body, in as many pieces as the output takes. For each piece it is
/// rendered again, so that only the position is kept; one that fits is rendered once, in place.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HeadWriter {
    sent: usize,
}

/// The largest head, prefix included.
pub(crate) const HEAD: usize = PREFIX + HEADER;

impl HeadWriter {
    /// Writes the rest of what `write` renders, or as much as there is space for. Returns the number
    /// of bytes written and whether that was all; `None` if `write` wants more than [`HEAD`] bytes.
    pub(crate) fn write(
        &mut self,
        output: &mut [u8],
        render: impl Fn(&mut [u8]) -> Option<usize>,
    ) -> Option<(usize, bool)> {
        let space = output.len().min(HEAD);
        if self.sent == 0
            && let Some(len) = render(output.get_mut(..space).unwrap_or_default())
        {
            return Some((len, true));
        }
        let mut scratch = [0; HEAD];
        let len = render(&mut scratch)?;
        let rest = scratch.get(self.sent..len).unwrap_or_default();
        let written = copy(rest, output);
        self.sent = self.sent.saturating_add(written);
        Some((written, self.sent >= len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_written_once_whatever_the_space() {
        let render = |output: &mut [u8]| {
            output.get_mut(..5)?.copy_from_slice(b"prefix".first_chunk::<5>()?);
            Some(5)
        };
        for (spaces, pieces) in [
            (&[9][..], &[&b"prefi"[..]][..]),
            (&[5], &[b"prefi"]),
            (&[2, 9], &[b"pr", b"efi"]),
            (&[0, 4, 0, 1], &[b"", b"pref", b"", b"i"]),
        ] {
            let mut head = HeadWriter::default();
            for (turn, (space, piece)) in spaces.iter().zip(pieces).enumerate() {
                let mut output = [0; 9];
                let (len, done) = head.write(&mut output[..*space], render).unwrap();
                assert_eq!((&output[..len], done), (*piece, turn + 1 == spaces.len()));
            }
        }
        assert_eq!(HeadWriter::default().write(&mut [0; 9], |_| None), None);
    }
}
