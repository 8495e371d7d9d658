use super::*;

fn parse(text: &str) -> Result<Header<'_>, HeaderError> {
    Header::parse(text.as_bytes())
}

fn text(escaped: Option<Escaped<'_>>) -> std::string::String {
    escaped.unwrap().chars().collect()
}

#[test]
fn a_request_of_pythons_json_dumps() {
    let header = parse(
        r#"{"id": 7, "command": "get \u6587\u4ef6\ud83d\ude00", "total_size": 0, "x": [{}, null]}"#,
    );
    let header = header.unwrap();
    assert_eq!(header.id.unwrap().raw(), "7");
    assert_eq!(text(header.command), "get 文件😀");
    assert_eq!(header.total_size, Some(0));
}

#[test]
fn the_tutorials_header() {
    let header =
        parse(r#"{"filenema": "a.txt", "md5": "sssxxxadwc123asd123", "total_size": 1024}"#);
    let header = header.unwrap();
    assert_eq!(text(header.filename), "a.txt");
    assert_eq!(header.md5, None, "a placeholder is no digest");
    assert_eq!(header.total_size, Some(1024));
    let both = parse(r#"{"filename":"a","filenema":"b"}"#);
    assert_eq!(both, Err(HeaderError::TwoNames));
    let one = parse(r#"{"filename":null,"filenema":"b"}"#).unwrap();
    assert_eq!(text(one.filename), "b");
}

#[test]
fn sizes() {
    let size =
        |value: &str| parse(&std::format!("{{\"total_size\":{value}}}")).map(|h| h.total_size);
    assert_eq!(size("18446744073709551615"), Ok(Some(u64::MAX)));
    assert_eq!(size("null"), Ok(None));
    for (value, fault) in [
        ("18446744073709551616", SizeFault::TooLarge),
        ("123123123123123123123123123123123123123123123123123", SizeFault::TooLarge),
        ("-1", SizeFault::Negative),
        ("1.0", SizeFault::Fractional),
        ("1e3", SizeFault::Fractional),
        ("\"5\"", SizeFault::NotANumber),
        ("[5]", SizeFault::NotANumber),
        ("true", SizeFault::NotANumber),
    ] {
        assert_eq!(size(value), Err(HeaderError::TotalSize(fault)), "{value}");
    }
}

#[test]
fn ids() {
    let long = std::format!("\"{}\"", "x".repeat(ID - 2));
    for raw in ["0", "-5", "18446744073709551615", r#""a\n\u00e9""#, &long] {
        let json = std::format!("{{\"id\":{raw}}}");
        let id = parse(&json).unwrap().id.unwrap();
        assert_eq!(id.raw(), raw);
        let mut output = [0; 128];
        let len = Fields { id: Some(id), ..Fields::default() }.write(&mut output).unwrap();
        let written = std::format!("{{\"id\":{raw},\"total_size\":0}}");
        assert_eq!(str::from_utf8(&output[..len]), Ok(written.as_str()), "returned as it came");
    }
    assert_eq!(parse(r#"{"id":null}"#).unwrap().id, None);
    for raw in ["1.5", "[1]", "true", "18446744073709551616", "-0"] {
        assert_eq!(parse(&std::format!("{{\"id\":{raw}}}")), Err(HeaderError::NotId), "{raw}");
    }
    for raw in ["+5", "05", r#""a"b""#, "\"a", "\"", ""] {
        assert_eq!(Id::parse(raw), Err(HeaderError::NotId), "{raw}");
    }
    let longer = std::format!("{{\"id\":\"{}\"}}", "x".repeat(ID - 1));
    assert_eq!(parse(&longer), Err(HeaderError::LongId { len: ID + 1 }));
}

#[test]
fn members_of_a_wrong_kind() {
    assert_eq!(parse(r#"{"command":5}"#), Err(HeaderError::NotText { field: "command" }));
    assert_eq!(parse(r#"{"md5":{}}"#), Err(HeaderError::NotText { field: "md5" }));
    assert_eq!(parse(r#"{"exit":1.5}"#), Err(HeaderError::NotExit));
}

#[test]
fn a_key_may_be_escaped() {
    assert_eq!(parse(r#"{"total\u005fsize":1}"#).unwrap().total_size, Some(1));
}

#[test]
fn exits() {
    let exit = |value: &str| parse(&std::format!("{{\"exit\":{value}}}")).map(|h| h.exit);
    for code in [0, 7, -1, i32::MIN, i32::MAX] {
        assert_eq!(exit(&std::format!("{code}")), Ok(Some(code)));
    }
    for value in ["2147483648", "-2147483649", "18446744073709551616", "1e0", "\"0\""] {
        assert_eq!(exit(value), Err(HeaderError::NotExit), "{value}");
    }
}

#[test]
fn what_is_no_header_at_all() {
    assert_eq!(parse(""), Err(HeaderError::Empty));
    assert_eq!(parse("\u{FEFF}{}"), Err(HeaderError::Bom));
    assert_eq!(Header::parse(b"{\"a\":\"\xFF\"}"), Err(HeaderError::NotUtf8 { at: 6 }));
    assert_eq!(parse("{}"), Ok(Header::default()));
}

#[test]
fn written_names_are_escaped() {
    let fields = Fields { filename: Some("a\"b\\é\u{1}"), total_size: 3, ..Fields::default() };
    let mut output = [0; 64];
    let len = fields.write(&mut output).unwrap();
    assert_eq!(
        str::from_utf8(&output[..len]),
        Ok(r#"{"filename":"a\"b\\é\u0001","total_size":3}"#)
    );
    assert_eq!(fields.write(&mut output[..10]), None);
    let header = Header::parse(&output[..len]).unwrap();
    assert_eq!(text(header.filename), "a\"b\\é\u{1}");
}

#[test]
fn a_digest_may_be_escaped() {
    let header = parse(r#"{"md5":"\u0035d41402abc4b2a76b9719d911017c592"}"#).unwrap();
    assert_eq!(header.md5, Digest::parse("5d41402abc4b2a76b9719d911017c592"));
}

/// Rule U5: what may be a reply, if a damaged one, is not answered.
#[test]
#[cfg(feature = "commands")]
fn a_status_is_seen_before_whatever_is_wrong() {
    for (bytes, seen) in [
        (&br#"{"status":"ok"}"#[..], true),
        (br#"{"status":7}"#, true),
        (br#"{"status":null}"#, false),
        (br#"{"id":1,"status":"ok",]"#, true),
        (b"{\"status\":\"ok\",\"\xFF\":1}", true),
        (b"{\"\xFF\":1,\"status\":\"ok\"}", false),
        (br#"{"id":1,] "status":"ok"}"#, false),
        (br#"{"command":"status"}"#, false),
        (b"", false),
    ] {
        assert_eq!(has_status(bytes), seen, "{}", std::string::String::from_utf8_lossy(bytes));
    }
}
