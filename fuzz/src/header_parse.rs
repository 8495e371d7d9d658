//! Any bytes: what is taken for a header is what serde_json sees in them, what is refused as no JSON
//! is none to serde_json either, and nothing that keeps our own rules is refused.

use crate::rules::{keeps_the_rules, number};
use crate::unique::Unique;
use serde_json::Value;
use unstick::digest::Digest;
use unstick::header::{Escaped, Header, HeaderError, JsonError};
use unstick::limits::ID;

/// The header.
pub fn run(bytes: &[u8]) {
    // It does not see that a key stands twice: the last one counts.
    let json = serde_json::from_slice::<Value>(bytes);
    let unique = serde_json::from_slice::<Unique>(bytes);
    match Header::parse(bytes) {
        Ok(header) => {
            unique.expect("no key twice");
            assert_same(&header, json.as_ref().expect("JSON"));
        }
        Err(HeaderError::Json(JsonError::NotAnObject)) => {
            assert!(!json.as_ref().is_ok_and(Value::is_object))
        }
        Err(
            HeaderError::Empty
            | HeaderError::NotUtf8 { .. }
            | HeaderError::Bom
            | HeaderError::Json(
                JsonError::Syntax { .. } | JsonError::Escape { .. } | JsonError::Trailing { .. },
            ),
        ) => assert!(json.is_err(), "{json:?}"),
        // The escapes count, and serde_json does not show them.
        Err(HeaderError::LongId { len }) => assert!(len > ID),
        // A rule of ours, which may be broken before the JSON is.
        Err(error) => {
            if let (Ok(json), Ok(Unique)) = (&json, unique) {
                assert!(!keeps_the_rules(json), "{error} in {}", bytes.escape_ascii());
            }
        }
    }
    // Written anew it has no key twice and no escape too many: only our rules are left to refuse it.
    let Ok(Value::Object(members)) = json else { return };
    let json = Value::Object(members);
    let written = json.to_string();
    match Header::parse(written.as_bytes()) {
        Ok(header) => assert_same(&header, &json),
        Err(error) => assert!(!keeps_the_rules(&json), "{error} in {written}"),
    }
}

fn assert_same(header: &Header<'_>, json: &Value) {
    assert!(keeps_the_rules(json), "{json}");
    let member = |name: &str| json.get(name).filter(|value| !value.is_null());
    let text = |name: &str| member(name).and_then(Value::as_str).map(str::to_owned);
    let decoded = |text: Option<Escaped<'_>>| text.map(|it| it.chars().collect::<String>());
    assert_eq!(decoded(header.command), text("command"));
    assert_eq!(decoded(header.status), text("status"));
    assert_eq!(decoded(header.filename), text("filename").or_else(|| text("filenema")));
    assert_eq!(header.md5, text("md5").and_then(|text| Digest::parse(&text)));
    assert_eq!(header.total_size, member("total_size").map(|size| number(size).unwrap()));
    assert_eq!(header.exit, member("exit").map(|exit| number(exit).unwrap()));
    let id = header.id.map(|id| serde_json::from_str::<Value>(id.raw()).unwrap());
    assert_eq!(id.as_ref(), member("id"));
}
