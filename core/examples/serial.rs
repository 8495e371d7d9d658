//! A node on any `embedded-io` stream, blocking: a UART, USB-CDC, a socket. Here it is a pair of pipes.
//!
//! ```text
//! cargo run --package unstick --example serial
//! ```

use core::error::Error;
use core::time::Duration;
use embedded_io::{ErrorKind, ErrorType, Read, Write};
use std::io::{PipeReader, PipeWriter, Read as _, Write as _, pipe};
use std::thread;
use unstick::driver::{Buffered, blocking};
use unstick::host::{Identity, Node};
use unstick::store::RamStore;
use unstick::{Caller, Cancelled, Client, Instant, Limits, ReplyEvent, Request, Server, Service};

fn main() -> Result<(), Box<dyn Error>> {
    let (device, desk) = Wire::pair()?;
    let device = thread::spawn(move || serve(device));
    ask(desk)?; // and hang up
    println!("device: {}", device.join().expect("it has not panicked")?);
    Ok(())
}

/// The device: one node, one session, two buffers.
fn serve(mut uart: Wire) -> Result<unstick::Closed, unstick::driver::Error<ErrorKind, ErrorKind>> {
    let store = RamStore::new([[0; 1024]; 4]); // four files of 1 KiB
    let mut node = Node::new(Identity::new("pump-7", "1.0"), store);
    let server = Server::new(Service::Command, Limits::DEFAULT);
    let mut buffered = Buffered::new(server, [0; 2048], [0; 512]);
    blocking::run(&mut buffered, &mut node, &mut uart, &mut Clock::start())
}

/// The desk: asks until it has all answers.
fn ask(mut port: Wire) -> Result<(), Box<dyn Error>> {
    let client = Client::new(Service::Command, Limits::DEFAULT);
    let mut buffered = Buffered::new(client, [0; 2048], [0; 512]);
    let (mut desk, mut clock) = (Desk(0), Clock::start());
    blocking::run_until(&mut buffered, &mut desk, &mut port, &mut clock, |desk| {
        desk.0 == ASKED.len()
    })?;
    Ok(())
}

const ASKED: [&str; 3] = ["upper hello", "info", "frobnicate"];

/// How many answers have come.
struct Desk(usize);

impl Caller for Desk {
    fn request(&mut self, index: u64) -> Option<Request<'_>> {
        ASKED.get(index as usize).map(|command| Request::new(command))
    }

    fn reply(&mut self, index: u64, event: ReplyEvent<'_>) -> Result<(), Cancelled> {
        match event {
            ReplyEvent::Body(piece) => {
                println!("{}: {}", ASKED[index as usize], piece.escape_ascii());
            }
            ReplyEvent::End(_) => self.0 += 1,
            ReplyEvent::Begin { .. } => {}
        }
        Ok(())
    }
}

/// The time: on a device, a hardware timer.
struct Clock(std::time::Instant);

impl Clock {
    fn start() -> Self {
        Self(std::time::Instant::now())
    }
}

impl blocking::Clock for Clock {
    fn now(&mut self) -> Instant {
        Instant::ZERO.after(self.0.elapsed())
    }

    fn rest(&mut self, _: Option<Instant>) {
        thread::sleep(Duration::from_millis(1)); // on a device: until an interrupt
    }
}

/// One end of a line: what a HAL's UART implements already.
struct Wire {
    reader: PipeReader,
    writer: PipeWriter,
}

impl Wire {
    fn pair() -> std::io::Result<(Self, Self)> {
        let ((reader, far_writer), (far_reader, writer)) = (pipe()?, pipe()?);
        Ok((Self { reader, writer }, Self { reader: far_reader, writer: far_writer }))
    }
}

impl ErrorType for Wire {
    type Error = ErrorKind;
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        self.reader.read(buffer).map_err(|error| error.kind().into())
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.writer.write(bytes).map_err(|error| error.kind().into())
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        self.writer.flush().map_err(|error| error.kind().into())
    }
}
