//! Any bytes, in any pieces, to a session of each service, its output through any windows: it gets
//! on, keeps the drive contract, and says what it says however it is cut, all of its protocol.
#![no_main]

mod converse;

use converse::{LARGE, converse};
use libfuzzer_sys::fuzz_target;
use unstick::frame::{Assembler, Frame, Oversize};
use unstick::message::{Event, Reader, Role, Verdict};
use unstick::{Closed, Service};

// The service, and what is sent to it.
fuzz_target!(|bytes: &[u8]| {
    let [service, input @ ..] = bytes else { return };
    let service = Service::ALL[usize::from(*service) % Service::ALL.len()];
    let mut sizes = Sizes::of(bytes);
    let (mut pieces, mut rest) = (Vec::new(), input);
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(1 + sizes.draw()));
        pieces.push(piece);
        rest = after;
    }
    let said = converse(service, &pieces, || sizes.draw());
    assert_follows(service, input, &said);
    // A bare request is what one receive delivers, so there only the windows change nothing.
    let bare = matches!(service, Service::Frame | Service::Message);
    let pieces = if bare { pieces } else { vec![input] };
    assert_eq!(said, converse(service, &pieces, || LARGE));
});

/// Sizes from 0 to 127, most of them small. They hang on every byte of the input, so that each
/// mutation of it tries new ones.
struct Sizes(u64);

impl Sizes {
    fn of(bytes: &[u8]) -> Self {
        let mut sizes = Self(0);
        for byte in bytes {
            sizes.0 ^= u64::from(*byte);
            sizes.draw();
        }
        sizes
    }

    /// A linear congruential generator, Knuth's constants.
    fn draw(&mut self) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let [size, bits, ..] = self.0.to_be_bytes();
        usize::from(size >> (1 + bits % 8).min(7))
    }
}

/// Whether that is what a node may say.
fn assert_follows(service: Service, input: &[u8], (replies, closed): &(Vec<u8>, Closed)) {
    let mut replies = &replies[..];
    match service {
        Service::Echo => assert_eq!(replies, input.to_ascii_uppercase()),
        Service::Frame => {
            let mut frames = Assembler::<4096>::new(Oversize::Close);
            while let Some(frame) = frames.next_frame(&mut replies).expect("frames") {
                assert!(matches!(frame, Frame::Whole(_)));
            }
            assert_eq!(frames.end(), Ok(()), "{closed}");
        }
        Service::Message | Service::Command => {
            let mut messages = Reader::<1024>::new(Role::Reply);
            while let Some(event) = messages.read(&mut replies).expect("messages") {
                assert!(!matches!(event, Event::End(Verdict::Mismatch { .. })));
            }
            assert_eq!(messages.end(), Ok(()), "{closed}");
        }
    }
}
