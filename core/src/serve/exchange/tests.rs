//! Stores that do not keep their word.

use super::*;
use crate::host::{Identity, Node};
use crate::serve::store::Meta;
use crate::{Closed, Instant, Limits, Next, Server, Service, Session as _};
use std::vec::Vec;

/// A store whose one file has so many bytes, and is read in pieces of these.
struct Liar(u64, &'static [usize]);

fn read_only<T>() -> Result<T, Refusal> {
    Err(Refusal::new(Status::Denied, format_args!("read only")))
}

impl Store for Liar {
    type Source = usize;
    type Sink = core::convert::Infallible;

    fn largest(&self) -> u64 {
        0
    }
    fn list(&mut self, _: &mut Text<'_>) -> Result<Option<usize>, Refusal> {
        Ok(None)
    }
    fn open(&mut self, _: &str) -> Result<usize, Refusal> {
        Ok(0)
    }
    fn poll<'a>(&'a mut self, _: &'a mut usize) -> Poll<Result<Meta<'a>, Refusal>> {
        let (size, exit, status) = (self.0, Some(-7), Status::Ok);
        Poll::Ready(Ok(Meta { filename: "liar", size, digest: None, status, exit }))
    }
    fn read(&mut self, at: &mut usize, output: &mut [u8]) -> Result<usize, Refusal> {
        output.fill(b'x');
        *at += 1;
        Ok(self.1[*at - 1])
    }
    fn close(&mut self, _: usize) {}
    fn create(&mut self, _: &str, _: u64) -> Result<Self::Sink, Refusal> {
        read_only()
    }
    fn remove(&mut self, _: &str) -> Result<(), Refusal> {
        read_only()
    }
    fn write(&mut self, sink: &mut Self::Sink, _: &[u8]) -> Result<(), Refusal> {
        match *sink {}
    }
    fn commit(&mut self, sink: Self::Sink, _: Option<Digest>) -> Result<(), Refusal> {
        match sink {}
    }
    fn discard(&mut self, sink: Self::Sink) {
        match sink {}
    }
}

/// What a service answers, and what it waits for then.
fn answer(service: Service, line: &[u8], pieces: &'static [usize]) -> (Vec<u8>, Next) {
    answer_of(3, service, line, pieces)
}

fn answer_of(
    size: u64,
    service: Service,
    line: &[u8],
    pieces: &'static [usize],
) -> (Vec<u8>, Next) {
    let mut node = Node::new(Identity::new("liar", "1"), Liar(size, pieces));
    let (mut server, mut output) = (Server::new(service, Limits::DEFAULT), [0; 512]);
    let step = server.step(Instant::ZERO, &mut node, line, &mut output);
    (output[..step.written].to_vec(), step.next)
}

#[test]
fn a_body_is_as_long_as_was_said_or_breaks_off() {
    for (pieces, came, next) in [
        (&[3][..], "xxx", Next::Input),
        (&[1, 2], "xxx", Next::Input),
        (&[0], "", Next::Closed(Closed::BodyFailed)),
        (&[2, 0], "xx", Next::Closed(Closed::BodyFailed)),
        (&[4], "", Next::Closed(Closed::BodyFailed)),
        (&[1, 3], "x", Next::Closed(Closed::BodyFailed)),
    ] {
        let due = [b"\x03\0\0\0", came.as_bytes()].concat();
        assert_eq!(answer(Service::Frame, b"get a\n", pieces), (due, next), "{pieces:?}");
    }
}

/// The message service tells what it is a file of, and nothing that only the command service has.
#[test]
fn a_message_has_no_exit() {
    let header = br#"{"filename":"liar","total_size":3}"#;
    let due = [&[34, 0, 0, 0], &header[..], b"xxx"].concat();
    assert_eq!(answer(Service::Message, b"get a\n", &[3]).0, due);
    let header = br#"{"status":"ok","filename":"liar","total_size":3,"exit":-7}"#;
    let due = [&[58, 0, 0, 0], &header[..], b"xxx"].concat();
    let request = b"\x13\0\0\0{\"command\":\"get a\"}";
    assert_eq!(answer(Service::Command, request, &[3]).0, due);
}

#[test]
fn a_store_without_a_limit_of_files_names_none() {
    assert_eq!(Liar(0, &[]).most_files(), None);
    let (info, _) = answer(Service::Frame, b"info\n", &[]);
    let info = core::str::from_utf8(&info[4..]).unwrap();
    assert!(info.contains(r#""file":0,"#) && !info.contains(r#""files""#), "{info}");
}

#[test]
fn a_frame_has_less_than_two_gibibytes() {
    let (told, next) = answer_of(1 << 31, Service::Frame, b"get a\n", &[]);
    let why =
        "an output of 2147483648 bytes is more than a frame can have: use the message service";
    assert_eq!((&told[4..], next), (why.as_bytes(), Next::Input));
    let (told, _) = answer_of((1 << 31) - 1, Service::Frame, b"get a\n", &[1, 0]);
    assert_eq!(told, b"\xFF\xFF\xFF\x7Fx");
    let (told, _) = answer_of(1 << 31, Service::Message, b"get a\n", &[1, 0]);
    assert!(told.ends_with(br#""total_size":2147483648}x"#));
}
