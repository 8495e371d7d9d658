//! Frames, headers, messages, digests, datagrams, limits, time.

use crate::{input, output, text};
use core::hint::black_box;
use core::time::Duration;
use unstick::datagram::{self, Budget, Datagram, Ip};
use unstick::digest::{Digest, Hasher};
use unstick::frame::{self, Assembler, Decoder, Oversize};
use unstick::header::{Escaped, Fields, Header, Id};
use unstick::limits::HEADER;
use unstick::message::{self, Reader, Role};
use unstick::{Instant, Limits};

pub(crate) fn drive() {
    frames();
    headers();
    messages();
    digests();
    datagrams();
    limits();
}

fn frames() {
    let _ = black_box(frame::prefix(black_box(0)));
    let _ = black_box(frame::encode(input(), output()));

    let mut decoder = Decoder::new(black_box(0), black_box(Oversize::Close));
    while black_box(true) {
        let event = black_box(&mut decoder).decode(&mut input());
        if let Ok(Some(frame::Event::Piece(piece))) = event {
            let _ = black_box((piece.is_last(), piece.left()));
        }
        let _ = black_box(event);
        let _ = black_box(decoder.end());
        let _ = black_box(decoder.clone());
    }

    assembler::<0>();
    assembler::<64>();
    assembler::<1024>();
}

fn assembler<const N: usize>() {
    let mut assembler = Assembler::<N>::new(black_box(Oversize::Close));
    while black_box(true) {
        let frame = black_box(&mut assembler).next_frame(&mut input());
        let _ = black_box(frame.map(|frame| frame.map(frame::Frame::payload)));
        let _ = black_box(assembler.end());
        let _ = black_box(assembler.clone());
    }
}

fn headers() {
    let _ = black_box(Header::parse(input()));
    if let Ok(id) = Id::parse(text()) {
        black_box(id.raw());
    }
    escaped(black_box(Escaped::default()), black_box(Escaped::default()));
    let _ = black_box(any_fields().write(output()));
}

fn escaped(one: Escaped<'_>, other: Escaped<'_>) {
    black_box((one.raw(), one.plain()));
    for c in one.chars() {
        black_box(c);
    }
    black_box(one.decode(&mut heapless::String::<0>::new()));
    black_box(one.decode(black_box(&mut heapless::String::<64>::new())));
    black_box((one == other, one == *text()));
}

fn any_fields() -> Fields<'static> {
    black_box(Fields::default())
}

fn messages() {
    reader::<0>();
    reader::<256>();
    reader::<HEADER>();
    let _ = black_box(message::write_header(&any_fields(), output()));
    let _ = black_box(message::encode(&any_fields(), input(), output()));
    if let Ok((header, body)) = message::decode::<HEADER>(black_box(Role::Request), input()) {
        black_box(message::verify(&header, body));
    }
    let _ = black_box(message::decode::<0>(black_box(Role::Request), input()));
    black_box(message::verify(&black_box(Header::default()), input()));
    let _ = black_box(message::split::<HEADER>(input()));
}

fn reader<const N: usize>() {
    let mut reader = Reader::<N>::new(black_box(Role::Request));
    while black_box(true) {
        let _ = black_box(black_box(&mut reader).read(&mut input()));
        let _ = black_box((reader.end(), reader.position()));
        let _ = black_box(reader.clone());
    }
}

fn digests() {
    if let Some(digest) = Digest::parse(text()) {
        black_box(digest.hex());
    }
    let _ = black_box(Hasher::digest(input()));
    let mut hasher = Hasher::default();
    while black_box(true) {
        black_box(&mut hasher).update(input());
        let _ = black_box(hasher.clone().finish());
        let _ = black_box(hasher.finish());
    }
}

fn datagrams() {
    black_box(Datagram::received(input(), black_box(0)).bytes());
    let _ = black_box(datagram::check(black_box(0), black_box(0)));
    black_box(black_box(Ip::V4).headers());
    let budget = Budget { mtu: 0, ip: Ip::V4, fragments: None, ring: 0, slots: 0 };
    let _ = black_box(black_box(budget).payload(black_box(0)));
}

fn limits() {
    black_box(black_box(Limits::default()).oversize.skips(black_box(0)));
    let instant = Instant::from_micros(black_box(0));
    black_box(instant.as_micros());
    black_box(instant.since(Instant::from_millis(black_box(0))));
    black_box(instant.after(black_box(Duration::ZERO)));
}
