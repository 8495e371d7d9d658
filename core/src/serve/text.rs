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
