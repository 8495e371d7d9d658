//! Copies that take what fits.

/// Copies as many bytes as both sides have; gives how many.
pub(crate) fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let len = from.len().min(to.len());
    if let (Some(from), Some(to)) = (from.get(..len), to.get_mut(..len)) {
        to.copy_from_slice(from);
    }
    len
}

/// The same with ASCII a-z in upper case and all else as it is: Python's `bytes.upper()`.
pub(crate) fn copy_upper(from: &[u8], to: &mut [u8]) -> usize {
    let len = copy(from, to);
    if let Some(copied) = to.get_mut(..len) {
        copied.make_ascii_uppercase();
    }
    len
}
