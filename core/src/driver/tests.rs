use super::*;
use crate::header::Header;
use crate::limits::Limits;
use crate::message::Verdict;
use crate::{Caller, Client, Request, Service, Stop};
use embedded_io::{ErrorKind, ErrorType};
use std::string::String;

/// A peer that refused a body and reset the connection: what it said is there to be read, and no
/// byte can be written.
struct Refuser(&'static [u8]);

impl ErrorType for Refuser {
    type Error = ErrorKind;
}

impl embedded_io::Read for Refuser {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        let len = buffer.len().min(self.0.len()).min(7);
        if len == 0 {
            return Err(ErrorKind::ConnectionReset);
        }
        let (now, later) = self.0.split_at(len);
        buffer.split_at_mut(len).0.copy_from_slice(now);
        self.0 = later;
        Ok(len)
    }
}

impl embedded_io::Write for Refuser {
    fn write(&mut self, _: &[u8]) -> Result<usize, ErrorKind> {
        Err(ErrorKind::BrokenPipe)
    }
    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl embedded_io_async::Read for Refuser {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        embedded_io::Read::read(self, buffer)
    }
}

impl embedded_io_async::Write for Refuser {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        embedded_io::Write::write(self, bytes)
    }
    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

const REFUSAL: &[u8] = b"\x29\0\0\0{\"id\":1,\"status\":\"denied\",\"total_size\":2}no";

#[derive(Default)]
struct Putter {
    sent: bool,
    said: String,
}

impl Caller for Putter {
    fn request(&mut self) -> Option<Request<'_>> {
        (!self.sent).then_some(Request { command: "put a", size: 1_000_000, md5: None })
    }
    fn sent(&mut self) {
        self.sent = true;
    }
    fn supply(&mut self, output: &mut [u8]) -> usize {
        output.len()
    }
    fn reply(&mut self, _: u64, _: Option<&Header<'_>>) {}
    fn body(&mut self, piece: &[u8]) -> Result<(), Stop> {
        self.said.push_str(core::str::from_utf8(piece).map_err(|_| Stop)?);
        Ok(())
    }
    fn end(&mut self, _: Verdict) {}
}

fn pump() -> Pump<Client, [u8; 64]> {
    Pump::new(Client::new(Service::Command, Limits::DEFAULT), [0; 64], [0; 64])
}

struct Still;

impl blocking::Clock for Still {
    fn now(&mut self) -> Instant {
        Instant::ZERO
    }
    fn rest(&mut self, _: Option<Instant>) {}
}

impl nonblocking::Runtime for Still {
    fn now(&self) -> Instant {
        Instant::ZERO
    }
    async fn sleep_until(&self, _: Instant) {
        core::future::pending().await
    }
    async fn host_ready(&self) {
        core::future::pending().await
    }
}

#[test]
fn a_refusal_is_heard_though_the_body_cannot_be_sent() {
    let mut putter = Putter::default();
    let closed = blocking::run(&mut pump(), &mut putter, &mut Refuser(REFUSAL), &mut Still);
    assert_eq!((closed, putter.said.as_str()), (Ok(Closed::Refused), "no"));

    let (mut putter, mut pump) = (Putter::default(), pump());
    let (mut reader, mut writer) = (Refuser(REFUSAL), Refuser(b""));
    let run = nonblocking::run(&mut pump, &mut putter, &mut reader, &mut writer, &Still);
    let closed = embassy_futures::block_on(run);
    assert_eq!((closed, putter.said.as_str()), (Ok(Closed::Refused), "no"));
}

#[test]
fn a_write_that_fails_without_a_word_is_an_error() {
    let mut putter = Putter::default();
    let result = blocking::run(&mut pump(), &mut putter, &mut Refuser(b""), &mut Still);
    assert_eq!(result, Err(Error::Write(ErrorKind::BrokenPipe)));
}
