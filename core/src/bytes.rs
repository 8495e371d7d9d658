//! Copies that take what fits, and how many they were.

/// Copies as many bytes as both sides have. Returns how many.
pub(crate) fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let len = from.len().min(to.len());
    if let (Some(from), Some(to)) = (from.get(..len), to.get_mut(..len)) {
        to.copy_from_slice(from);
    }
    len
}

/// A count as sentences have it. All numbers are written as `u64`: for each further type that is
/// formatted the standard library brings a function of its own.
pub(crate) const fn number(count: usize) -> u64 {
    count as u64
}
