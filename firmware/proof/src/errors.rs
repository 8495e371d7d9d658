//! What a person reads of errors.

use crate::text;
use core::fmt::{self, Write};
use core::hint::black_box;
use unstick::datagram::{BudgetError, TooLarge};
use unstick::digest::{Digest, Hasher};
use unstick::driver;
use unstick::frame::{EncodeError, FrameError};
use unstick::header::HeaderError;
use unstick::message::MessageError;
use unstick::{Closed, NotTheReply, RequestError, Status};

pub(crate) fn drive() {
    show(&FrameError::Negative { declared: 0 });
    show(&EncodeError::TooLong { len: 0 });
    show(&HeaderError::Empty);
    show(&MessageError::Incomplete { missing: 0 });
    show(&BudgetError::Slots { needed: 0, slots: 0 });
    show(&TooLarge { len: 0, limit: 0 });
    show(&Closed::End);
    show(&RequestError::Empty);
    show(&NotTheReply::Incomplete);
    show(&Status::Ok);
    show(&Digest([0; 16]));
    show(&driver::Error::<FrameError, FrameError>::WriteZero);
    let _ = write!(Anywhere, "{:?}", black_box(Hasher::default()));
}

/// Shows any value of that type, with any width and fill.
fn show<T: fmt::Display>(value: &T) {
    let value = black_box(value);
    let _ = write!(Anywhere, "{value}{value:>0$}", usize::from(black_box(0_u8)));
}

/// A place to write to that may be full at any time.
struct Anywhere;

impl Write for Anywhere {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        black_box((piece, text()));
        black_box(Ok(()))
    }
}
