//! Frames, headers, messages, digests, datagrams, limits, time.

use crate::{input, output, text};
use core::hint::black_box;
use core::time::Duration;
use unstick::datagram::{self, Budget, Datagram, Ip};
use unstick::digest::{Digest, Digester, Hasher};
use unstick::frame::{self, Assembler, Decoder, Frame, Oversize, Piece};
use unstick::header::{Escaped, Fields, Header, Id};
use unstick::limits::HEADER;
use unstick::message::{self, Kind, Reader};
use unstick::neighbor::Neighbors;
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
        let _ = black_box(Decoder::whole(black_box(&decoder), &mut input()));
        let event = Decoder::decode(black_box(&mut decoder), &mut input());
        if let Ok(Some(frame::Event::Piece(piece))) = event {
            let _ = black_box((Piece::is_last(&piece), Piece::left(&piece)));
        }
        let _ = black_box(event);
        let _ = black_box(Decoder::end(&decoder));
        let _ = black_box(decoder.clone());
    }

    assembler::<0>();
    assembler::<64>();
    assembler::<1024>();
}

fn assembler<const N: usize>() {
    let mut assembler = Assembler::<N>::new(black_box(Oversize::Close));
    while black_box(true) {
        let frame = Assembler::next_frame(black_box(&mut assembler), &mut input());
        let _ = black_box(frame.map(|frame| frame.map(Frame::payload)));
        let _ = black_box(Assembler::end(&assembler));
        let _ = black_box(assembler.clone());
    }
}

fn headers() {
    let _ = black_box(Header::parse(input()));
    if let Ok(id) = Id::parse(text()) {
        black_box(Id::raw(id));
    }
    escaped(black_box(Escaped::default()), black_box(Escaped::default()));
    let _ = black_box(Fields::write(&any_fields(), output()));
}

fn escaped(one: Escaped<'_>, other: Escaped<'_>) {
    black_box((Escaped::raw(one), Escaped::plain(one)));
    for c in Escaped::chars(one) {
        black_box(c);
    }
    black_box(Escaped::decode(one, &mut heapless::String::<0>::new()));
    black_box(Escaped::decode(one, black_box(&mut heapless::String::<64>::new())));
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
    if let Ok((header, body)) = message::decode::<HEADER>(black_box(Kind::Request), input()) {
        black_box(message::verify(black_box(Kind::Reply), &header, body));
    }
    let _ = black_box(message::decode::<0>(black_box(Kind::Request), input()));
    black_box(message::verify(Kind::Request, &black_box(Header::default()), input()));
    let _ = black_box(message::split::<HEADER>(input()));
}

fn reader<const N: usize>() {
    let mut reader = Reader::<N>::new(black_box(Kind::Request));
    while black_box(true) {
        let _ = black_box(Reader::read(black_box(&mut reader), &mut input()));
        let mut hasher = Hasher::default();
        let digester = black_box(Some::<&mut dyn Digester>(&mut hasher));
        let _ = black_box(Reader::read_with(black_box(&mut reader), digester, &mut input()));
        let _ = black_box((Reader::end(&reader), Reader::place(&reader), Reader::left(&reader)));
        let _ = black_box(reader.clone());
    }
}

fn digests() {
    if let Some(digest) = Digest::parse(text()) {
        black_box(Digest::hex(digest));
    }
    let _ = black_box(Hasher::digest(input()));
    let mut hasher = Hasher::default();
    while black_box(true) {
        Hasher::update(black_box(&mut hasher), input());
        let _ = black_box(Hasher::finish(&mut hasher.clone()));
        let _ = black_box(Hasher::finish(&mut hasher));
        Digester::update(black_box(&mut hasher), input());
        let _ = black_box(Digester::finish(&mut hasher));
    }
}

fn datagrams() {
    black_box(Datagram::bytes(Datagram::received(input(), black_box(0))));
    let _ = black_box(datagram::check(black_box(0), black_box(0)));
    black_box(Ip::headers(black_box(Ip::V4)));
    let mut neighbors = Neighbors::new();
    black_box(Neighbors::knows(black_box(&neighbors), Instant::ZERO, input()));
    let hop = |from| black_box(Some(from));
    black_box(Neighbors::heard(black_box(&mut neighbors), Instant::ZERO, input(), hop));
    let budget = Budget { mtu: 0, ip: Ip::V4, fragments: None, ring: 0, slots: 0 };
    let _ = black_box(Budget::payload(black_box(&budget), black_box(0)));
}

fn limits() {
    black_box(Oversize::skips(black_box(Limits::default()).oversize, black_box(0)));
    let instant = Instant::from_micros(black_box(0));
    black_box(Instant::as_micros(instant));
    black_box(Instant::since(instant, Instant::from_millis(black_box(0))));
    black_box(Instant::after(instant, black_box(Duration::ZERO)));
}
