//! Faults 11 to 22: headers.

use super::*;

/// A header that is refused so, after which the node closes.
#[track_caller]
fn assert_refused(header: &[u8], sentence: &str) {
    let node = start(any());
    let mut stream = connect(&node, Service::Command);
    let prefix = u32::try_from(header.len()).unwrap().to_le_bytes();
    stream.write_all(&[&prefix, header].concat()).unwrap();
    let said = all_said(&mut stream);
    let shown = header.escape_ascii();
    assert_eq!(said.len(), 1, "{shown}");
    assert_ne!(said[0].status(), "ok", "{shown}");
    assert_eq!(said[0].body, sentence, "{shown}");
    assert!(serves(&node));
}

/// A header that is taken.
#[track_caller]
fn assert_taken(header: &str, status: &str) -> Reply {
    let node = start(any());
    let reply = said_to(&node, &message(header, b"")).remove(0);
    assert_eq!(reply.status(), status, "{header}: {}", reply.body);
    reply
}

#[test]
fn fault_11_no_json() {
    assert_refused(b"hello", "the header is not a JSON object");
}

#[test]
fn fault_12_a_header_of_no_bytes() {
    assert_refused(b"", "the header is empty; a JSON object must be there");
}

#[test]
fn fault_13_a_header_over_the_limit_is_refused_before_it_comes() {
    let node = start(any());
    let mut stream = connect(&node, Service::Command);
    stream.write_all(&1025_u32.to_le_bytes()).unwrap();
    let said = all_said(&mut stream);
    assert_eq!((said.len(), said[0].status()), (1, "too-large"));
    assert_eq!(said[0].body, "a header of 1025 bytes is over the limit of 1024");
}

#[test]
fn fault_14_a_size_of_51_digits() {
    let digits = "1".repeat(51);
    assert_refused(
        format!(r#"{{"command":"put a","total_size":{digits}}}"#).as_bytes(),
        "`total_size` is over 18446744073709551615",
    );
}

#[test]
fn fault_15_sizes_that_are_no_sizes() {
    let header = |size: &str| format!(r#"{{"command":"put a","total_size":{size}}}"#);
    let largest = assert_taken(&header("18446744073709551615"), "too-large");
    assert_eq!(largest.body, "a file of 18446744073709551615 bytes is over the limit of 65536");
    for (size, why) in [
        ("18446744073709551616", "`total_size` is over 18446744073709551615"),
        ("-1", "`total_size` is negative"),
        ("1.0", "`total_size` is not a whole number"),
        ("1e3", "`total_size` is not a whole number"),
        ("\"1\"", "`total_size` is not a number"),
    ] {
        assert_refused(header(size).as_bytes(), why);
    }
}

#[test]
fn fault_16_a_key_that_stands_twice() {
    assert_refused(
        br#"{"command":"list","id":1,"comm\u0061nd":"help"}"#,
        "the header repeats a key at byte 25",
    );
}

#[test]
fn fault_17_more_levels_than_eight() {
    let nested = |levels: usize| {
        let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
        format!(r#"{{"command":"list","x":{open}{close}}}"#)
    };
    assert_taken(&nested(8), "ok");
    for levels in [9, 400] {
        assert_refused(nested(levels).as_bytes(), "the header nests deeper than 8 levels");
    }
}

#[test]
fn fault_18_what_is_no_utf_8() {
    assert_refused(b"{\"command\":\"\xff\"}", "the header is not UTF-8 at byte 12");
}

#[test]
fn fault_19_escapes_are_decoded_or_refused() {
    assert_eq!(
        assert_taken(r#"{"comm\u0061nd":"\u0075pper \ud83d\ude00\u0061"}"#, "ok").body,
        "😀A"
    );
    assert_taken(r#"{"command":"get ..\u002fa"}"#, "denied");
    for text in [r"\q", r"\ud83d", r"\u00"] {
        let header = format!(r#"{{"command":"{text}"}}"#);
        assert_refused(header.as_bytes(), "the header has a bad escape at byte 12");
    }
}

#[test]
fn fault_20_a_field_that_is_missing_and_one_too_many() {
    assert_eq!(assert_taken(r#"{"id":1}"#, "bad-request").body, "the header has no `command`");
    assert_taken(r#"{"command":"list","color":{"r":1}}"#, "ok");
}

#[test]
fn fault_21_before_and_behind_the_object() {
    assert_refused(b"\xEF\xBB\xBF{}", "the header starts with a byte order mark");
    assert_refused(br#"{"command":"list"}x"#, "bytes follow the header's object at byte 18");
    assert_refused(br#"{"command":"list""#, "the header is not JSON at byte 17");
}

#[test]
fn fault_22_a_body_of_another_size() {
    let node = start(any());
    let whole = put(1, "put a", b"hello");
    // Shorter: the end falls into it.
    let said = said_to(&node, &whole[..whole.len() - 1]);
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].status(), "bad-request", "{}", said[0].body);
    assert_eq!(said_to(&node, &request(1, "list"))[0].body, "");
    // Longer: what is too much begins a request, and is none.
    let said = said_to(&node, &[&whole[..], b"you\xff and more"].concat());
    assert_eq!(said.len(), 2);
    assert_eq!((said[0].status(), said[1].status()), ("ok", "bad-request"));
    assert!(said[1].header.get("id").is_none(), "it is nobody's");
    assert_eq!(said_to(&node, &request(1, "get a"))[0].body, "hello");
}
