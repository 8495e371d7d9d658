//! Any bytes: what is taken for a header is what serde_json sees in them, what is refused as no JSON
//! is none to serde_json either, and nothing that keeps our own rules is refused.

use crate::json::{Json, Read};
use crate::rules::{keeps_the_rules, number};
use unstick::digest::Digest;
use unstick::header::{Escaped, Header, HeaderError, JsonError};
use unstick::limits::ID;

/// The header.
pub fn run(bytes: &[u8]) {
    let read = Read::of(bytes);
    match Header::parse(bytes) {
        Ok(header) => {
            let Read { json, repeats } = read.as_ref().expect("JSON");
            assert!(!repeats, "no key twice");
            assert_same(&header, json);
        }
        Err(HeaderError::Json(JsonError::NotAnObject)) => {
            assert!(!read.as_ref().is_ok_and(|it| matches!(it.json, Json::Object(_))));
        }
        Err(
            HeaderError::Empty
            | HeaderError::NotUtf8 { .. }
            | HeaderError::Bom
            | HeaderError::Json(
                JsonError::Syntax { .. } | JsonError::Escape { .. } | JsonError::Trailing { .. },
            ),
        ) => assert!(read.is_err(), "{read:?}"),
        // The escapes count, and serde_json does not show them.
        Err(HeaderError::LongId { len }) => assert!(len > ID),
        // A rule of ours, which may be broken before the JSON is.
        Err(error) => {
            if let Ok(Read { json, repeats: false }) = &read {
                assert!(!keeps_the_rules(json), "{error} in {}", bytes.escape_ascii());
            }
        }
    }
    // Written anew it has no key twice and no escape too many: only our rules are left to refuse it.
    let Ok(Read { json: json @ Json::Object(_), .. }) = read else { return };
    let written = json.to_string();
    match Header::parse(written.as_bytes()) {
        Ok(header) => assert_same(&header, &json),
        Err(error) => assert!(!keeps_the_rules(&json), "{error} in {written}"),
    }
}

fn assert_same(header: &Header<'_>, json: &Json) {
    assert!(keeps_the_rules(json), "{json}");
    let text = |name: &str| json.get(name).and_then(Json::as_text).map(str::to_owned);
    let decoded = |text: Option<Escaped<'_>>| text.map(|it| it.chars().collect::<String>());
    assert_eq!(decoded(header.command), text("command"));
    assert_eq!(decoded(header.status), text("status"));
    assert_eq!(decoded(header.filename), text("filename").or_else(|| text("filenema")));
    assert_eq!(header.md5, text("md5").and_then(|text| Digest::parse(&text)));
    assert_eq!(header.total_size, json.get("total_size").map(|size| number(size).unwrap()));
    assert_eq!(header.exit, json.get("exit").map(|exit| number(exit).unwrap()));
    let id = header.id.map(|id| Read::of(id.raw().as_bytes()).unwrap().json);
    assert_eq!(id.as_ref(), json.get("id"));
}
