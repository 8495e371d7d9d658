//! Where a command writes its answer.

use super::write_char;
use core::fmt;

/// What a command writes its answer to: memory of fixed capacity, [`TEXT`](crate::limits::TEXT)
/// bytes unless a session is made with more or less. Use it with `write!`, or add bytes.
///
/// What does not fit is not written, and the error, by `?`, becomes a refusal that says so.
///
/// ```
/// use core::fmt::Write as _;
/// use unstick::Text;
///
/// let mut memory = [0; 8];
/// let mut text = Text::new(&mut memory);
/// write!(text, "{}", 42)?;
/// assert_eq!(text.as_bytes(), b"42");
/// assert!(text.write_str(" is the answer").is_err());
/// assert_eq!(text.as_bytes(), b"42", "a piece is written whole or not at all");
/// # Ok::<(), core::fmt::Error>(())
/// ```
#[derive(Debug)]
pub struct Text<'b> {
    buffer: &'b mut [u8],
    len: usize,
}

impl<'b> Text<'b> {
    /// An empty text in this memory.
    pub const fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, len: 0 }
    }

    /// A text of which the first `len` bytes have been written before.
    pub(crate) const fn resume(buffer: &'b mut [u8], len: usize) -> Self {
        Self { buffer, len }
    }

    /// The bytes written so far.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }

    /// The bytes written so far, to be changed in place.
    #[must_use]
    pub fn as_bytes_mut(&mut self) -> &mut [u8] {
        self.buffer.get_mut(..self.len).unwrap_or_default()
    }

    /// The number of bytes written so far.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing has been written.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number of bytes it holds at most.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.buffer.len()
    }

    /// Drops all but the first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Adds bytes, all of them or none.
    #[inline(never)] // it is called from everywhere
    pub fn write_bytes(&mut self, bytes: &[u8]) -> fmt::Result {
        let end = self.len.checked_add(bytes.len()).ok_or(fmt::Error)?;
        let space = self.buffer.get_mut(self.len..end).ok_or(fmt::Error)?;
        space.copy_from_slice(bytes);
        self.len = end;
        Ok(())
    }

    /// Lets `write` fill the space behind what was written; it returns the number of bytes it has
    /// used of it, or `None` if they were too few.
    pub(crate) fn write_with(
        &mut self,
        write: impl FnOnce(&mut [u8]) -> Option<usize>,
    ) -> fmt::Result {
        let space = self.buffer.get_mut(self.len..).unwrap_or_default();
        let len = write(space).ok_or(fmt::Error)?;
        self.len = self.len.saturating_add(len).min(self.buffer.len());
        Ok(())
    }

    /// Writes a line for each item, or as many as fit and then how many do not.
    pub(crate) fn write_lines<T>(
        &mut self,
        mut items: impl Iterator<Item = T>,
        line: impl Fn(&mut Self, T) -> fmt::Result,
    ) -> fmt::Result {
        self.write_each(&mut |text| Some(line(text, items.next()?)))
    }

    /// One copy of it, whatever the items are.
    #[inline(never)]
    fn write_each(
        &mut self,
        next: &mut dyn FnMut(&mut Self) -> Option<fmt::Result>,
    ) -> fmt::Result {
        use fmt::Write as _;
        /// Bytes kept for the last line.
        const MORE: usize = 20;
        // Up to `sure` there is room for that behind the lines; what is between may have to give way.
        let (mut sure, mut between, mut left_out) = (self.len, 0_u64, 0_u64);
        while let Some(written) = next(self) {
            between = between.saturating_add(1);
            if left_out > 0 || written.is_err() {
                self.truncate(sure);
                left_out = left_out.saturating_add(between);
                between = 0;
            } else if self.capacity().saturating_sub(self.len) >= MORE {
                (sure, between) = (self.len, 0);
            }
        }
        if left_out == 0 { Ok(()) } else { writeln!(self, "and {left_out} more") }
    }
}

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.write_bytes(piece.as_bytes())
    }

    fn write_char(&mut self, character: char) -> fmt::Result {
        write_char(self, character)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::ToOwned as _;
    use std::string::String;
    use std::vec;

    #[test]
    fn what_is_written_is_there_until_it_is_dropped() {
        let mut memory = [0; 4];
        let mut text = Text::new(&mut memory);
        assert_eq!((text.is_empty(), text.len(), text.capacity()), (true, 0, 4));
        text.write_bytes(b"abc").unwrap();
        assert_eq!((text.is_empty(), text.len(), text.as_bytes()), (false, 3, &b"abc"[..]));
        assert!(text.write_bytes(b"de").is_err());
        text.truncate(9);
        assert_eq!(text.as_bytes(), b"abc");
        text.truncate(1);
        text.write_bytes(b"def").unwrap();
        assert_eq!(text.as_bytes(), b"adef");
    }

    #[test]
    fn what_fills_the_space_behind_says_how_much() {
        let mut memory = [0; 4];
        let mut text = Text::new(&mut memory);
        text.write_bytes(b"a").unwrap();
        assert!(text.write_with(|_| None).is_err());
        let write = |space: &mut [u8]| {
            space.fill(b'x');
            Some(space.len() - 1)
        };
        text.write_with(write).unwrap();
        assert_eq!(text.as_bytes(), b"axx");
    }

    /// Lines of nine bytes in so much space.
    fn lines(space: usize, count: u32) -> Option<String> {
        use fmt::Write as _;
        let mut memory = vec![0; space];
        let mut text = Text::new(&mut memory);
        text.write_lines(1..=count, |text, line| writeln!(text, "line {line:03}")).ok()?;
        core::str::from_utf8(text.as_bytes()).ok().map(str::to_owned)
    }

    #[test]
    fn lines_that_do_not_fit_are_counted() {
        let all = "line 001\nline 002\nline 003\n";
        assert_eq!(lines(27, 3).as_deref(), Some(all), "they fill it");
        assert_eq!(lines(26, 3).as_deref(), Some("and 3 more\n"), "twenty bytes are kept for that");
        assert_eq!(lines(29, 4).as_deref(), Some("line 001\nand 3 more\n"));
        assert_eq!(lines(35, 4).as_deref(), Some("line 001\nand 3 more\n"));
        assert_eq!(lines(38, 5).as_deref(), Some("line 001\nline 002\nand 3 more\n"));
        assert_eq!(lines(38, 104).as_deref(), Some("line 001\nline 002\nand 102 more\n"));
        assert_eq!(lines(0, 0).as_deref(), Some(""));
        assert_eq!(lines(8, 1), None);
    }
}
