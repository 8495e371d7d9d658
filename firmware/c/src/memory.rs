//! What comes from C: memory, text, numbers. Nearly all that is unsafe here is in this file.

use crate::error::unstick_error;
use core::ffi::{CStr, c_char};
use core::fmt::{self, Write as _};
use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

/// Memory of C for a `T`, which C takes for an array of `uint64_t`.
///
/// The tag tells whether there is a `T` in it, which neither zeroed memory nor that of another kind
/// claims, and whether it is in use.
#[repr(C)]
pub(crate) struct Slot<T> {
    tag: u32,
    value: MaybeUninit<T>,
}

/// Checks that the memory C reserves for an object is aligned and long enough, and no more than 64
/// bytes longer than this compiler needs.
macro_rules! fits {
    ($memory:ty, $slot:ty) => {
        const _: () = {
            assert!(align_of::<$slot>() <= align_of::<$memory>());
            assert!(size_of::<$slot>() <= size_of::<$memory>(), "its _SIZE is too small");
            assert!(size_of::<$memory>() - size_of::<$slot>() <= 64, "its _SIZE is too large");
        };
    };
}
pub(crate) use fits;

/// What C has memory for.
pub(crate) trait Kind {
    /// The tag of memory that holds one: its own, so that a cast in C is an error and no more.
    const READY: u32;

    /// Whether another may be started in its place.
    fn is_over(&self) -> bool {
        true
    }
}

const IN_USE: u32 = 0x7573_6564;

impl<T: Kind> Slot<T> {
    /// Puts a value in, whatever was there before, unless it is borrowed or not over. The value is made here and
    /// not by the caller, or the stack would have to hold it: a node is as large as most stacks.
    ///
    /// # Safety
    ///
    /// `slot` is NULL or memory that can be read and written and is as long as a `Slot<T>`.
    pub(crate) unsafe fn start(
        slot: *mut Self,
        make: impl FnOnce() -> T,
    ) -> Result<(), unstick_error> {
        let slot = checked(slot)?.as_ptr();
        // SAFETY: it is not NULL and aligned, and the rest is the caller's promise. What C has not
        // written may be any number, so the compiler must not reason about it: hence volatile.
        unsafe {
            let tag = (&raw const (*slot).tag).read_volatile();
            if tag == IN_USE || (tag == T::READY && !(*slot).value.assume_init_ref().is_over()) {
                return Err(unstick_error::InUse);
            }
            (&raw mut (*slot).value).write(MaybeUninit::new(make()));
            (&raw mut (*slot).tag).write(T::READY);
        }
        Ok(())
    }

    /// Borrows the value until the guard is dropped. Until then it can not be borrowed again, so
    /// that a command which calls back meets an error and not its own caller's borrow.
    ///
    /// # Safety
    ///
    /// `slot` is NULL or memory as long as a `Slot<T>` that has been zeroed or started, and no
    /// other thread or interrupt uses it meanwhile.
    pub(crate) unsafe fn borrow<'a>(slot: *mut Self) -> Result<Guard<'a, T>, unstick_error> {
        let slot = checked(slot)?;
        // SAFETY: it is not NULL and aligned; the caller promises that the tag can be read.
        let tag = unsafe { &mut (*slot.as_ptr()).tag };
        if *tag == IN_USE {
            return Err(unstick_error::InUse);
        }
        if *tag != T::READY {
            return Err(unstick_error::NotStarted);
        }
        *tag = IN_USE;
        // SAFETY: the tag says that there is a value, which nobody else has borrowed.
        let value = unsafe { (*slot.as_ptr()).value.assume_init_mut() };
        Ok(Guard { tag: slot.cast(), value })
    }
}

/// Where an object of C is, and its bytes.
pub(crate) fn place<T>(object: *const T) -> (usize, usize) {
    (object.addr(), size_of::<T>())
}

fn checked<T>(pointer: *mut T) -> Result<NonNull<T>, unstick_error> {
    let pointer = NonNull::new(pointer).ok_or(unstick_error::Null)?;
    if pointer.is_aligned() { Ok(pointer) } else { Err(unstick_error::Memory) }
}

/// A value borrowed from C's memory.
pub(crate) struct Guard<'a, T: Kind> {
    tag: NonNull<u32>,
    value: &'a mut T,
}

impl<T: Kind> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value
    }
}

impl<T: Kind> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value
    }
}

impl<T: Kind> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        // SAFETY: it is the tag of the slot, beside the value that this borrows.
        unsafe { self.tag.write(T::READY) };
    }
}

/// Bytes of C, to be read. NULL will do where there are none.
///
/// # Safety
///
/// `bytes` is NULL, or `len` bytes can be read there as long as the slice is used.
pub(crate) unsafe fn bytes<'a>(bytes: *const u8, len: usize) -> Result<&'a [u8], unstick_error> {
    if len == 0 {
        return Ok(&[]);
    }
    check_len(bytes, len)?;
    // SAFETY: not NULL and not longer than a slice can be; the rest is the caller's promise.
    Ok(unsafe { core::slice::from_raw_parts(bytes, len) })
}

/// Bytes of C, to be written. NULL will do where there are none.
///
/// # Safety
///
/// `bytes` is NULL, or `len` bytes can be written there, and nothing else uses them, as long as the
/// slice is used. Nothing here reads what it has not written, so they need not be initialised.
pub(crate) unsafe fn space<'a>(bytes: *mut u8, len: usize) -> Result<&'a mut [u8], unstick_error> {
    if len == 0 {
        return Ok(&mut []);
    }
    check_len(bytes, len)?;
    // SAFETY: not NULL and not longer than a slice can be; the rest is the caller's promise.
    Ok(unsafe { core::slice::from_raw_parts_mut(bytes, len) })
}

/// Input and output of one call, which must overlap neither each other nor the objects at these
/// places.
///
/// # Safety
///
/// As of [`bytes`] and [`space`].
pub(crate) unsafe fn streams<'a>(
    input: *const u8,
    input_len: usize,
    output: *mut u8,
    output_len: usize,
    objects: &[(usize, usize)],
) -> Result<(&'a [u8], &'a mut [u8]), unstick_error> {
    let (from, to) = ((input.addr(), input_len), (output.addr(), output_len));
    let overlap = |it: &(usize, usize)| overlaps(from, *it) || overlaps(to, *it);
    if overlaps(from, to) || objects.iter().any(overlap) {
        return Err(unstick_error::Memory);
    }
    // SAFETY: the caller's promise, and they do not overlap.
    unsafe { Ok((bytes(input, input_len)?, space(output, output_len)?)) }
}

fn overlaps(one: (usize, usize), other: (usize, usize)) -> bool {
    let before =
        |one: (usize, usize), other: (usize, usize)| one.0.saturating_add(one.1) <= other.0;
    one.1 > 0 && other.1 > 0 && !before(one, other) && !before(other, one)
}

fn check_len(bytes: *const u8, len: usize) -> Result<(), unstick_error> {
    if bytes.is_null() {
        return Err(unstick_error::Null);
    }
    let end = isize::try_from(len).ok().and_then(|_| bytes.addr().checked_add(len));
    end.map(|_| ()).ok_or(unstick_error::Memory)
}

/// A NUL-terminated text of C.
///
/// # Safety
///
/// `text` is NULL, or a string that ends and does not change as long as the text is used.
pub(crate) unsafe fn text<'a>(text: *const c_char) -> Result<&'a str, unstick_error> {
    if text.is_null() {
        return Err(unstick_error::Null);
    }
    // SAFETY: not NULL, and the rest is the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_str().map_err(|_| unstick_error::Text)
}

/// The number that C passed for an enum, which may not be one of its values.
pub(crate) fn number<E>(value: MaybeUninit<E>) -> u8 {
    const { assert!(size_of::<E>() == 1) };
    // SAFETY: it is one byte, and an argument that C passed is never uninitialised.
    unsafe { value.as_ptr().cast::<u8>().read() }
}

/// Writes what fits of a sentence, and a NUL. Returns the bytes without it. Nothing is written where
/// there is no space at all.
pub(crate) fn write_text(output: &mut [u8], sentence: impl fmt::Display) -> usize {
    let Some((_, space)) = output.split_last_mut() else { return 0 };
    let mut text = TextBuffer { space, len: 0 };
    let _ = write!(text, "{sentence}");
    let len = text.len;
    if let Some(end) = output.get_mut(len) {
        *end = 0;
    }
    len
}

/// Text that takes whole characters while they fit.
struct TextBuffer<'a> {
    space: &'a mut [u8],
    len: usize,
}

impl fmt::Write for TextBuffer<'_> {
    fn write_char(&mut self, c: char) -> fmt::Result {
        let end = self.len.saturating_add(c.len_utf8());
        let space = self.space.get_mut(self.len..end).ok_or(fmt::Error)?;
        c.encode_utf8(space);
        self.len = end;
        Ok(())
    }

    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| self.write_char(c))
    }
}
