//! Whatever a peer sends, however it is cut: no panic, no standstill, and always the same answers.

use proptest::collection::vec;
use proptest::prelude::*;
use unstick::header::Header;
use unstick::{Endpoint, Service, Transport};
use unstick_conformance::memory::{self, Delivery, Splits};
use unstick_conformance::{Act, Scenario, Setup, StopReason};

/// What comes back upon an input in these sends, and how it ends.
type Answers = (Vec<u8>, Option<StopReason>);

fn answers(endpoint: Endpoint, sends: &[Vec<u8>], delivery: &Delivery) -> Answers {
    let mut script: Vec<_> = sends.iter().cloned().map(Act::Send).collect();
    let udp = endpoint.transport() == Transport::Udp;
    script.push(if udp { Act::Silence } else { Act::Finish });
    script.push(Act::End);
    let (setup, rules) = (Setup::Default, vec!["F2".into()]);
    let (name, shows) = ("soup".into(), Vec::new());
    let scenario = Scenario { name, rules, shows, endpoint, setup, from_own_port: false, script };
    match memory::session(&scenario, delivery) {
        Ok(()) => (Vec::new(), Some(StopReason::End)),
        Err(came) => (came.seen, came.stop),
    }
}

/// Pieces of requests, good and bad, so that soup gets beyond the first prefix.
fn morsel() -> impl Strategy<Value = Vec<u8>> {
    let header = prop_oneof![
        Just(r#"{"id":1,"command":"upper a"}"#.to_owned()),
        Just(r#"{"id":"x","command":"put a","total_size":9}"#.to_owned()),
        Just(r#"{"command":"get a"}"#.to_owned()),
        Just(r#"{"command":"sum","total_size":2}"#.to_owned()),
        Just(r#"{"id":2,"command":"count 700"}"#.to_owned()),
        Just(r#"{"id":3,"command":"wait 9"}"#.to_owned()),
        Just(r#"{"command":"config","total_size":20}"#.to_owned()),
        Just(r#"{"command":"list","total_size":3,"md5":null}"#.to_owned()),
        r#"\{"(id|command|total_size|md5|x)":[0-9a-z"\{\[\]\}\\,:. -]{0,12}\}"#,
        r#"[\{\}\[\]",:\\ a-z0-9\u{0}-\u{1F}é😀]{0,40}"#,
    ];
    let framed = header.prop_map(|header| {
        let len = i32::try_from(header.len()).unwrap();
        [&len.to_le_bytes()[..], header.as_bytes()].concat()
    });
    prop_oneof![
        4 => framed,
        2 => "(upper|echo|get|put|list|help|count|wait|config)?[ a-z]{0,8}(\r?\n)?".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..20),
        1 => (0..2000_usize).prop_map(|len| vec![b'z'; len]),
        1 => any::<i32>().prop_map(|declared| declared.to_le_bytes().to_vec()),
    ]
}

fn delivery() -> impl Strategy<Value = Delivery> {
    let windows = vec(prop_oneof![Just(0_usize), 1..8_usize, 1..600_usize], 0..4);
    (vec(1..200_usize, 1..8), windows).prop_map(|(pieces, mut windows)| {
        windows.push(9); // with no space at all nothing would ever come
        Delivery { splits: Splits::Pieces(pieces), windows }
    })
}

fn at_once() -> Delivery {
    Delivery { splits: Splits::Scripted, windows: vec![1 << 17] }
}

proptest! {
    #[test]
    fn streams_come_out_the_same(morsels in vec(morsel(), 0..12), delivery in delivery()) {
        let soup = [morsels.concat()];
        for service in [Service::Echo, Service::Command] {
            prop_assert_eq!(
                answers(Endpoint::tcp(service), &soup, &delivery),
                answers(Endpoint::tcp(service), &soup, &at_once())
            );
        }
    }

    /// What one receive delivers is given; only the space for answers varies.
    #[test]
    fn bare_requests_come_out_the_same(sends in vec(morsel(), 0..12), delivery in delivery()) {
        let sends: Vec<_> = sends.into_iter().filter(|send| !send.is_empty()).collect();
        let delivery = Delivery { splits: Splits::Scripted, windows: delivery.windows };
        for service in [Service::Frame, Service::Message] {
            prop_assert_eq!(
                answers(Endpoint::tcp(service), &sends, &delivery),
                answers(Endpoint::tcp(service), &sends, &at_once())
            );
        }
    }

    /// No datagram makes a node panic, or say more than three times as much (rule U4).
    #[test]
    fn datagrams_are_no_danger(morsels in vec(morsel(), 0..3)) {
        let datagram = morsels.concat();
        for endpoint in Endpoint::UDP {
            let (reply, _) = answers(endpoint, core::slice::from_ref(&datagram), &at_once());
            prop_assert!(reply.len() <= 3 * datagram.len());
        }
    }

    /// A header is read if it is JSON within the bounds, whatever its unknown members are.
    #[test]
    fn any_json_object_is_a_header(members in vec(value(), 0..8), at in 0..8_usize) {
        let mut members: Vec<_> =
            members.iter().enumerate().map(|(key, value)| format!(r#""k\n{key}" : {value}"#)).collect();
        members.insert(at.min(members.len()), r#""command":"upper a""#.to_owned());
        let header = format!("\r\n{{{}}}\t", members.join(" ,"));
        let parsed = Header::parse(header.as_bytes());
        prop_assert!(parsed.is_ok_and(|it| it.command.is_some_and(|it| it == *"upper a")), "{header}");
    }
}

/// JSON of at most four levels, with few keys.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("true".to_owned()),
        Just("false".to_owned()),
        Just("null".to_owned()),
        r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,9})?([eE][+-]?[0-9]{1,4})?",
        string(),
    ];
    leaf.prop_recursive(4, 12, 3, |inner| {
        let members = (inner.clone(), inner.clone(), string())
            .prop_map(|(a, b, text)| format!(r#"{{ "a":{a},"b" : {b} , "text":{text}}}"#));
        let item = inner.clone();
        prop_oneof![
            members,
            vec(item, 0..3).prop_map(|items| format!("[ {} ]", items.join(" , "))),
            Just("{ }".to_owned()),
        ]
    })
}

fn string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        r#"[ !#-\[\]-~é文😀\u{7F}]{1,6}"#,
        r#"\\["\\/bfnrt]"#,
        r"\\u[0-9a-cA-C][0-9a-fA-F]{3}",
        r"\\ud[89ab][0-9a-f]{2}\\uD[C-F][0-9A-F]{2}",
    ];
    vec(piece, 0..5).prop_map(|pieces| format!(r#""{}""#, pieces.concat()))
}
