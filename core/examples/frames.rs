//! Message boundaries alone: frames out of a stream that is cut anywhere, and into one.
//!
//! ```text
//! cargo run --package unstick --no-default-features --example frames
//! ```

use core::error::Error;
use unstick::frame::{Assembler, Decoder, Event, Frame, Oversize, encode};

fn main() -> Result<(), Box<dyn Error>> {
    let mut stream = [0; 64];
    let mut len = encode(b"one", &mut stream)?;
    len += encode(b"a frame that is too long", &mut stream[len..])?;
    len += encode(b"three", &mut stream[len..])?;

    // Whole frames of at most 8 bytes, whatever the chunks; a longer one is skipped.
    let mut frames = Assembler::<8>::new(Oversize::Skip { budget: 1024 });
    for mut chunk in stream[..len].chunks(5) {
        while let Some(frame) = frames.next_frame(&mut chunk)? {
            match frame {
                Frame::Whole(payload) => println!("{:?}", payload.escape_ascii().to_string()),
                Frame::Skipped { declared } => println!("skipped {declared} bytes"),
            }
        }
    }
    frames.end()?; // the input may end here

    // The same without a buffer, for frames of any size: pieces of the caller's chunks. Here a frame
    // over the limit ends the stream.
    let mut decoder = Decoder::new(8, Oversize::Close);
    let mut chunk = &stream[..len];
    let refused = loop {
        match decoder.decode(&mut chunk) {
            Ok(Some(Event::Piece(piece))) => println!("{} of {}", piece.bytes.len(), piece.total),
            Ok(_) => return Err("it is refused".into()),
            Err(error) => break error,
        }
    };
    println!("{refused}");
    Ok(())
}
