use super::*;
use std::string::String;

/// docs/protocol.md M1: the golden message.
const HELLO: &[u8] =
    b"\x47\0\0\0{\"filename\":\"\",\"total_size\":5,\"md5\":\"5d41402abc4b2a76b9719d911017c592\"}hello";

fn fields(body: &[u8]) -> Fields<'_> {
    Fields {
        filename: Some(""),
        total_size: body.len() as u64,
        md5: Hasher::digest(body),
        ..Fields::default()
    }
}

/// Everything a reader returns for the chunks, as text that must not depend on the splits.
fn run(reader: &mut Reader<80>, chunks: &[&[u8]]) -> Result<String, MessageError> {
    let mut seen = String::new();
    for mut chunk in chunks.iter().copied() {
        while let Some(event) = reader.read(&mut chunk)? {
            match event {
                Event::Header { size, .. } => seen.push_str(&std::format!("[{size}]")),
                Event::Body(piece) => seen.push_str(core::str::from_utf8(piece).unwrap()),
                Event::End(end) => seen.push_str(&std::format!("({:?})", end.integrity)),
            }
        }
    }
    reader.end().map(|()| seen)
}

#[test]
#[cfg(feature = "md5")]
fn a_message_is_written_and_read_at_every_split() {
    let mut output = [0xA5; 128];
    let len = encode(&fields(b"hello"), b"hello", &mut output).unwrap();
    assert_eq!(&output[..len], HELLO);
    assert_eq!(encode(&fields(b"hello"), b"hello", &mut output[..HELLO.len() - 1]), None);

    let twice = [HELLO, HELLO].concat();
    for cut in 0..=twice.len() {
        let (left, right) = twice.split_at(cut);
        let seen = run(&mut Reader::new(Kind::Reply), &[left, right]);
        assert_eq!(seen.as_deref(), Ok("[5]hello(Verified)[5]hello(Verified)"), "cut at {cut}");
    }
}

#[test]
#[cfg(feature = "md5")]
fn a_damaged_body_is_reported_at_its_end() {
    let mut damaged = HELLO.to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    let seen = run(&mut Reader::new(Kind::Reply), &[&damaged]).unwrap();
    assert!(seen.starts_with("[5]helln(Mismatch"), "{seen}");
    let (header, body) = decode::<80>(Kind::Reply, &damaged).unwrap();
    assert!(matches!(verify(Kind::Reply, &header, body).integrity, Integrity::Mismatch { .. }));
}

/// Another one makes the digests, of one body after another, with each byte once.
#[test]
fn digests_may_be_made_elsewhere() {
    #[derive(Default)]
    struct Elsewhere(std::vec::Vec<u8>);
    impl Digester for Elsewhere {
        fn update(&mut self, bytes: &[u8]) {
            self.0.extend_from_slice(bytes);
        }

        fn finish(&mut self) -> Option<Digest> {
            (core::mem::take(&mut self.0) == b"hello")
                .then(|| Digest::parse("5d41402abc4b2a76b9719d911017c592").unwrap())
        }
    }
    let twice = [HELLO, HELLO].concat();
    for cut in 0..=twice.len() {
        let (mut reader, mut elsewhere) = (Reader::<80>::new(Kind::Reply), Elsewhere::default());
        let (left, right) = twice.split_at(cut);
        let mut verified = 0;
        for mut chunk in [left, right] {
            while let Some(event) = reader.read_with(Some(&mut elsewhere), &mut chunk).unwrap() {
                if let Event::End(end) = event {
                    assert_eq!(end.integrity, Integrity::Verified, "cut at {cut}");
                    verified += 1;
                }
            }
        }
        assert_eq!(verified, 2, "cut at {cut}");
    }
}

#[test]
fn a_missing_size_is_none_in_a_request_and_an_error_in_a_reply() {
    let message = b"\x02\0\0\0{}";
    assert_eq!(run(&mut Reader::new(Kind::Request), &[message]).as_deref(), Ok("[0](Unverified)"));
    let error = MessageError::Header(HeaderError::Missing { field: "total_size" });
    assert_eq!(run(&mut Reader::new(Kind::Reply), &[message]), Err(error));
    assert_eq!(decode::<80>(Kind::Reply, message), Err(error));
}

#[test]
fn the_end_says_what_is_missing() {
    let frame = |missing| MessageError::Frame(FrameError::Incomplete { missing });
    for (cut, error) in [
        (1, frame(3)),
        (3, frame(1)),
        (4, frame(0x47)),
        (5, frame(0x46)),
        (HELLO.len() - 5, MessageError::Incomplete { missing: 5 }),
        (HELLO.len() - 1, MessageError::Incomplete { missing: 1 }),
    ] {
        assert_eq!(run(&mut Reader::new(Kind::Reply), &[&HELLO[..cut]]), Err(error), "{cut}");
    }
    assert_eq!(run(&mut Reader::new(Kind::Reply), &[]).as_deref(), Ok(""));
}

#[test]
fn a_bad_header_is_an_error_for_ever() {
    for (bytes, error) in [
        (&b"\0\0\0\0"[..], MessageError::Header(HeaderError::Empty)),
        (b"\x51\0\0\0", MessageError::Frame(FrameError::Oversized { declared: 81, limit: 80 })),
        (b"\0\0\0\x80", MessageError::Frame(FrameError::Negative { declared: i32::MIN })),
    ] {
        let mut reader = Reader::new(Kind::Request);
        assert_eq!(run(&mut reader, &[bytes]), Err(error));
        assert_eq!(run(&mut reader, &[b"\x02\0\0\0{}"]), Err(error));
    }
}

#[test]
fn a_whole_message_has_just_its_bytes() {
    let decode = decode::<80>;
    assert!(decode(Kind::Reply, HELLO).is_ok());
    let size = |declared, seen| Err(MessageError::Size { declared, seen });
    assert_eq!(decode(Kind::Reply, &HELLO[..HELLO.len() - 1]), size(5, 4));
    assert_eq!(decode(Kind::Reply, &[HELLO, b"!"].concat()), size(5, 6));
    let incomplete = |missing| Err(MessageError::Frame(FrameError::Incomplete { missing }));
    assert_eq!(decode(Kind::Reply, &HELLO[..3]), incomplete(1));
    assert_eq!(decode(Kind::Reply, &HELLO[..9]), incomplete(0x47 - 5));
}

/// What is hashed, and so costs time: a request's body, for whoever keeps it, and what has a digest to be
/// compared with.
#[test]
#[cfg(feature = "md5")]
fn what_has_a_digest_at_its_end() {
    let digest = Hasher::digest(b"hello");
    let of = |kind, mut bytes: &[u8]| {
        let mut reader = Reader::<80>::new(kind);
        loop {
            match reader.read(&mut bytes).unwrap() {
                Some(Event::End(end)) => return (end.integrity, end.digest),
                Some(_) => {}
                None => panic!("it is whole"),
            }
        }
    };
    let bare = b"\x10\0\0\0{\"total_size\":5}hello";
    let none = b"\x10\0\0\0{\"total_size\":0}";
    assert_eq!(of(Kind::Request, HELLO), (Integrity::Verified, digest));
    assert_eq!(of(Kind::Reply, HELLO), (Integrity::Verified, digest));
    assert_eq!(of(Kind::Request, bare), (Integrity::Unverified, digest));
    assert_eq!(of(Kind::Reply, bare), (Integrity::Unverified, None));
    assert_eq!(of(Kind::Request, none), (Integrity::Unverified, None));
}

#[test]
fn what_is_left_of_a_body() {
    let mut reader = Reader::<80>::new(Kind::Request);
    assert_eq!(reader.left(), 0);
    let mut chunk = &HELLO[..HELLO.len() - 2];
    while reader.read(&mut chunk).unwrap().is_some() {}
    assert_eq!((reader.left(), reader.end()), (2, Err(MessageError::Incomplete { missing: 2 })));
}

#[test]
fn what_is_wrong_is_a_sentence() {
    let frame = FrameError::Negative { declared: -1 };
    for (why, sentence) in [
        (
            MessageError::Frame(FrameError::Oversized { declared: 9, limit: 8 }),
            "a header of 9 bytes is over the limit of 8",
        ),
        (MessageError::Frame(frame), "a prefix declares -1 bytes; 0 to 2147483647 are possible"),
        (
            MessageError::Header(HeaderError::Missing { field: "command" }),
            "the header has no `command`",
        ),
        (
            MessageError::Incomplete { missing: 3 },
            "the input ended inside a body, 3 bytes are missing",
        ),
        (
            MessageError::Size { declared: 1, seen: 2 },
            "the header declares a body of 1 bytes, there are 2",
        ),
    ] {
        assert_eq!(std::format!("{why}"), sentence);
    }
}
