//! Files in memory of the caller's.

use super::{Meta, Store, not_found};
use crate::bytes::{copy, number};
use crate::limits::NAME;
use crate::serve::reply::{Refusal, Status};
use crate::serve::text::Text;
use crate::wire::digest::Digest;
use core::fmt::Write as _;
use core::task::Poll;
use heapless::String;

/// A store of at most `FILES` files, each in a buffer `B` of its own: an array, a `&'static mut
/// [u8]`, a `Vec<u8>`. Its memory is the buffers and about 300 bytes a file.
///
/// A file that is replaced or removed while somebody reads it stays, without its name, until they
/// are done; so does the file that comes to replace it. A store that must hold N files and have
/// them replaced needs N + 1 buffers. A buffer without bytes takes no file, not even an empty one.
#[derive(Debug)]
pub struct RamStore<B, const FILES: usize> {
    slots: [Slot<B>; FILES],
}

#[derive(Debug)]
struct Slot<B> {
    buffer: B,
    name: String<NAME>,
    len: usize,
    digest: Option<Digest>,
    state: State,
    readers: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No file, though perhaps readers of one that has been removed.
    Free,
    /// A file on its way in.
    Incoming,
    /// A file.
    Whole,
}

/// A file in a [`RamStore`] that is being read.
#[derive(Debug)]
pub struct RamSource {
    slot: usize,
    at: usize,
}

/// A file in a [`RamStore`] that is being written.
#[derive(Debug)]
pub struct RamSink {
    slot: usize,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>, const FILES: usize> RamStore<B, FILES> {
    /// An empty store in these buffers.
    pub fn new(buffers: [B; FILES]) -> Self {
        Self {
            slots: buffers.map(|buffer| Slot {
                buffer,
                name: String::new(),
                len: 0,
                digest: None,
                state: State::Free,
                readers: 0,
            }),
        }
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.slots.iter().position(|slot| slot.state == State::Whole && slot.name == name)
    }
}

/// A source or sink that is not from this store.
#[cold]
#[inline(never)]
fn foreign() -> Refusal {
    Refusal::new(Status::Failed, format_args!("the file is gone"))
}

impl<B: AsRef<[u8]> + AsMut<[u8]>, const FILES: usize> Store for RamStore<B, FILES> {
    type Source = RamSource;
    type Sink = RamSink;

    fn largest(&self) -> u64 {
        self.slots.iter().map(|slot| slot.buffer.as_ref().len() as u64).max().unwrap_or_default()
    }

    fn most_files(&self) -> Option<usize> {
        let has_bytes = |slot: &&Slot<B>| !slot.buffer.as_ref().is_empty();
        Some(self.slots.iter().filter(has_bytes).count())
    }

    fn list(&mut self, text: &mut Text<'_>) -> Result<Option<RamSource>, Refusal> {
        let after = |name: Option<&str>| {
            let whole = self.slots.iter().filter(|slot| slot.state == State::Whole);
            let left = whole.filter(|slot| name.is_none_or(|name| slot.name.as_str() > name));
            left.min_by(|left, right| left.name.cmp(&right.name))
        };
        let files = core::iter::successors(after(None), |file| after(Some(&file.name)));
        text.write_lines(files, |text, file| {
            writeln!(text, "{:>8} {}", number(file.len), file.name)
        })?;
        Ok(None)
    }

    fn open(&mut self, name: &str) -> Result<RamSource, Refusal> {
        let slot = self.find(name).ok_or_else(|| not_found(name))?;
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.readers = slot.readers.saturating_add(1);
        }
        Ok(RamSource { slot, at: 0 })
    }

    fn create(&mut self, name: &str, size: u64) -> Result<RamSink, Refusal> {
        // The smallest free buffer that is large enough.
        let fits = |slot: &Slot<B>| {
            let free = slot.state == State::Free && slot.readers == 0;
            let len = slot.buffer.as_ref().len();
            (free && len > 0 && len as u64 >= size).then_some(len)
        };
        let free = self.slots.iter_mut().enumerate();
        let free = free.filter_map(|(index, slot)| Some((fits(slot)?, index, slot)));
        let Some((_, index, slot)) = free.min_by_key(|(len, ..)| *len) else {
            let why = format_args!("no room for {size} bytes: remove a file first");
            return Err(Refusal::new(Status::Failed, why));
        };
        slot.name.clear();
        slot.name.push_str(name).map_err(|_| foreign())?;
        slot.len = 0;
        slot.state = State::Incoming;
        Ok(RamSink { slot: index })
    }

    fn remove(&mut self, name: &str) -> Result<(), Refusal> {
        let slot = self.find(name).and_then(|slot| self.slots.get_mut(slot));
        slot.ok_or_else(|| not_found(name))?.state = State::Free;
        Ok(())
    }

    fn poll<'a>(&'a mut self, source: &'a mut RamSource) -> Poll<Result<Meta<'a>, Refusal>> {
        Poll::Ready(self.slots.get(source.slot).ok_or_else(foreign).map(|slot| Meta {
            filename: &slot.name,
            size: slot.len as u64,
            digest: slot.digest,
            status: Status::Ok,
            exit: None,
        }))
    }

    fn read(&mut self, source: &mut RamSource, output: &mut [u8]) -> Result<usize, Refusal> {
        let slot = self.slots.get(source.slot).ok_or_else(foreign)?;
        let rest = slot.buffer.as_ref().get(source.at..slot.len).unwrap_or_default();
        let len = copy(rest, output);
        source.at = source.at.saturating_add(len);
        Ok(len)
    }

    fn close(&mut self, source: RamSource) {
        if let Some(slot) = self.slots.get_mut(source.slot) {
            slot.readers = slot.readers.saturating_sub(1);
        }
    }

    fn write(&mut self, sink: &mut RamSink, piece: &[u8]) -> Result<(), Refusal> {
        let slot = self.slots.get_mut(sink.slot).ok_or_else(foreign)?;
        let space = slot.buffer.as_mut().get_mut(slot.len..).unwrap_or_default();
        if space.len() < piece.len() {
            return Err(foreign());
        }
        slot.len = slot.len.saturating_add(copy(piece, space));
        Ok(())
    }

    fn commit(&mut self, sink: RamSink, digest: Option<Digest>) -> Result<(), Refusal> {
        let name = self.slots.get(sink.slot).ok_or_else(foreign)?.name.clone();
        let _ = self.remove(&name);
        let slot = self.slots.get_mut(sink.slot).ok_or_else(foreign)?;
        slot.digest = digest;
        slot.state = State::Whole;
        Ok(())
    }

    fn discard(&mut self, sink: RamSink) {
        if let Some(slot) = self.slots.get_mut(sink.slot) {
            slot.state = State::Free;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    fn put<const N: usize>(store: &mut RamStore<[u8; 8], N>, name: &str, body: &[u8]) {
        let mut sink = store.create(name, body.len() as u64).unwrap();
        store.write(&mut sink, body).unwrap();
        store.commit(sink, None).unwrap();
    }

    fn read<const N: usize>(store: &mut RamStore<[u8; 8], N>, source: &mut RamSource) -> [u8; 2] {
        let mut output = [0xA5; 2];
        store.read(source, &mut output).unwrap();
        output
    }

    #[test]
    fn a_file_read_while_it_is_replaced_and_removed_stays_whole() {
        let mut store = RamStore::new([[0; 8]; 2]);
        put(&mut store, "a", b"old!");
        let mut old = store.open("a").unwrap();
        assert_eq!(&read(&mut store, &mut old), b"ol");
        put(&mut store, "a", b"new!");
        assert!(store.create("b", 1).is_err(), "one slot has a file, the other a reader");
        assert_eq!(&read(&mut store, &mut old), b"d!");
        store.close(old);
        let mut new = store.open("a").unwrap();
        store.remove("a").unwrap();
        assert!(store.open("a").is_err());
        assert_eq!(&read(&mut store, &mut new), b"ne");
    }

    #[test]
    fn a_file_discarded_leaves_the_old_one() {
        let mut store = RamStore::new([[0; 8]; 2]);
        put(&mut store, "a", b"old!");
        let mut sink = store.create("a", 4).unwrap();
        store.write(&mut sink, b"ne").unwrap();
        assert!(store.write(&mut sink, b"too lon").is_err());
        store.discard(sink);
        let mut memory = [0; 32];
        let mut text = Text::new(&mut memory);
        store.list(&mut text).unwrap();
        assert_eq!(text.as_bytes(), b"       4 a\n");
    }

    #[test]
    fn files_are_listed_by_their_names() {
        let mut store = RamStore::new([[0; 8]; 4]);
        for (name, body) in [("b", &b"whole"[..]), ("c", b""), ("a", b"filled 8"), ("B", b"x")] {
            put(&mut store, name, body);
        }
        let mut memory = [0; 64];
        let mut text = Text::new(&mut memory);
        store.list(&mut text).unwrap();
        assert_eq!(text.as_bytes(), b"       1 B\n       8 a\n       5 b\n       0 c\n");
        assert_eq!((store.most_files(), store.largest()), (Some(4), 8));
    }

    #[test]
    fn the_smallest_buffer_that_is_large_enough_is_taken() {
        let mut store = RamStore::new([vec![0; 9], vec![0; 2], vec![0; 4], vec![]]);
        let taken = [3, 3, 2].map(|size| store.create("a", size).unwrap().slot);
        assert_eq!(taken, [2, 0, 1]);
        assert!(store.create("a", 0).is_err(), "a buffer without bytes is none");
    }
}
