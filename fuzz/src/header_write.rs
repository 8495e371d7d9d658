//! Any header and body, into any space: it is written whole or not at all, and comes back the same,
//! from our own parser and from serde_json.

use arbitrary::{Arbitrary, Unstructured};
use serde_json::Value;
use unstick::digest::{Digest, Hasher};
use unstick::header::{Fields, Header, Id};
use unstick::message::{self, Integrity, Kind};

#[derive(Arbitrary, Debug)]
struct Case<'a> {
    id: Option<AnyId<'a>>,
    command: Option<&'a str>,
    status: Option<&'a str>,
    filename: Option<&'a str>,
    total_size: u64,
    exit: Option<i32>,
    md5: Option<[u8; 16]>,
    space: u16,
    body: &'a [u8],
}

#[derive(Arbitrary, Debug)]
enum AnyId<'a> {
    Raw(&'a str),
    Text(&'a str),
    Number(i64),
}

/// A case, as `arbitrary` makes it of the bytes.
pub fn run(bytes: &[u8]) {
    let Ok(case) = Case::arbitrary_take_rest(Unstructured::new(bytes)) else { return };
    let raw = case.id.as_ref().map(|id| match id {
        AnyId::Raw(raw) => (*raw).to_owned(),
        AnyId::Text(text) => Value::from(*text).to_string(),
        AnyId::Number(number) => number.to_string(),
    });
    let id = raw.as_deref().and_then(|raw| Id::parse(raw).ok());
    let Case { command, status, filename, total_size, exit, space, body, .. } = case;
    let md5 = case.md5.map(Digest);
    let fields = Fields { id, command, status, filename, total_size, exit, md5 };

    // No character takes more than the six bytes of an escape.
    let texts = [command, status, filename].into_iter().flatten().map(str::len).sum::<usize>();
    let mut whole = vec![0xA5; 6 * texts + 512];
    let len = fields.write(&mut whole).expect("there is space");
    whole.truncate(len);
    let mut some = vec![0xA5; usize::from(space)];
    match fields.write(&mut some) {
        Some(written) => assert_eq!(some[..written], whole),
        None => assert!(some.len() < len, "{} of {len} bytes are too few", some.len()),
    }

    let header = Header::parse(&whole).expect("a header");
    assert_eq!((header.id, header.total_size), (id, Some(total_size)));
    assert_eq!((header.exit, header.md5), (exit, md5));
    let json: Value = serde_json::from_slice(&whole).expect("JSON");
    for (name, read, text) in [
        ("command", header.command, command),
        ("status", header.status, status),
        ("filename", header.filename, filename),
    ] {
        assert_eq!(read.map(|it| it.chars().collect::<String>()).as_deref(), text);
        assert_eq!(json.get(name).map(|it| it.as_str().expect("a text")), text);
    }

    let md5 = Hasher::digest(body);
    let fields = Fields { total_size: body.len() as u64, md5, ..fields };
    let mut wire = vec![0xA5; whole.len() + body.len() + 512];
    let len = message::encode(&fields, body, &mut wire).expect("there is space");
    let decoded = message::decode::<{ u16::MAX as usize * 8 }>(Kind::Reply, &wire[..len]);
    let (header, came) = decoded.expect("a message");
    let integrity = message::verify(Kind::Reply, &header, came).integrity;
    assert_eq!((came, integrity), (body, Integrity::Verified));
}
