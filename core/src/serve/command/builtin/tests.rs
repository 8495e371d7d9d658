//! What the commands of every node answer.

use super::*;
use crate::limits::HEADER;
use crate::serve::host::{Counter, Node};
use crate::serve::store::RamStore;
use crate::time::Instant;
use core::time::Duration;
use std::borrow::ToOwned as _;
use std::string::String;
use std::vec::Vec;
use std::{format, vec};

type Pump = Node<RamStore<Vec<u8>, 3>>;

/// Its third buffer has no bytes, and so is no place for a file.
fn pump() -> Pump {
    let identity = Identity::new("pump \"7\"", "1.0").target("test").datagram(512);
    let identity = identity.connections(4).limits(&[("volts", 24), ("warm_up_ms", 1500)]);
    Node::new(identity, RamStore::new([vec![0; 64], vec![0; 48], vec![]]))
}

fn answer(node: &mut Pump, call: &Call<'_>, capacity: usize) -> Result<String, Refusal> {
    let mut memory = vec![0; capacity];
    let mut text = Text::new(&mut memory);
    let row = table::<Pump>().iter().find(|row| row.name == call.name).expect("a row");
    (row.run)(node, call, &mut text)?;
    Ok(core::str::from_utf8(text.as_bytes()).expect("text").to_owned())
}

fn call(line: &'static str, now: Instant) -> Call<'static> {
    let (name, args) = line.split_once(' ').unwrap_or((line, ""));
    Call::new(name, args, &[], now)
}

const WHO: &str = r#"{"name":"pump \"7\"","version":"1.0","target":"test","limits":{"#;

#[test]
fn info_has_all_limits() {
    let limits = Limits { idle: Duration::new(7, 999_999_999), ..Limits::DEFAULT };
    let call = Call { limits: Some(&limits), ..call("info", Instant::ZERO) };
    let due = r#""request":1024,"header":1024,"datagram":512,"file":64,"text":500,"files":2,"connections":4,"idle_ms":7999,"header_ms":10000,"stall_ms":30000,"answer_ms":60000,"volts":24,"warm_up_ms":1500}}"#;
    assert_eq!(answer(&mut pump(), &call, 500).as_deref(), Ok(&*format!("{WHO}{due}")));
    let mut unknown = pump();
    unknown.identity = unknown.identity.connections(0).limits(&[]);
    assert!(!answer(&mut unknown, &call, 500).unwrap().contains("connections"));
    let call = Call { header: 256, limits: None, ..call };
    let due = r#""request":256,"header":256,"datagram":512,"file":64,"text":500,"files":2,"connections":4,"volts":24,"warm_up_ms":1500}}"#;
    assert_eq!(answer(&mut pump(), &call, 500).as_deref(), Ok(&*format!("{WHO}{due}")));
}

#[test]
fn info_has_four_limits_where_there_is_no_room_for_all() {
    let due = r#""request":1024,"header":1024,"datagram":512,"file":64}}"#;
    let due = format!("{WHO}{due}");
    let info = call("info", Instant::ZERO);
    assert_eq!(info.header, HEADER);
    for capacity in [due.len(), due.len() + 1, 240] {
        assert_eq!(answer(&mut pump(), &info, capacity).as_deref(), Ok(&*due));
    }
    let refusal = answer(&mut pump(), &info, due.len() - 1).unwrap_err();
    assert_eq!(refusal.status, Status::TooLarge);
}

#[test]
fn stats_has_as_many_counters_as_fit() {
    let mut node = pump();
    node.counters.count(Counter::Evicted, 12_345);
    let stats = call("stats", Instant::ZERO);
    let all = answer(&mut node, &stats, 512).unwrap();
    assert_eq!(all.lines().count(), Counter::ALL.len());
    assert!(all.starts_with("frames     0\nbytes      0\n") && all.ends_with("evicted    12345\n"));
    let few = answer(&mut node, &stats, 60).unwrap();
    assert_eq!(few, "frames     0\nbytes      0\noversized  0\nand 9 more\n");
}

#[test]
fn uptime_has_three_decimals() {
    let uptime = |micros| answer(&mut pump(), &call("uptime", Instant::from_micros(micros)), 64);
    assert_eq!(uptime(0).as_deref(), Ok("0.000"));
    assert_eq!(uptime(12_345_678).as_deref(), Ok("12.345"));
    let mut late = pump();
    late.identity = late.identity.started(Instant::from_micros(2_000_000));
    let uptime = answer(&mut late, &call("uptime", Instant::from_micros(2_050_000)), 64);
    assert_eq!(uptime.as_deref(), Ok("0.050"));
}

#[test]
fn help_names_what_there_is() {
    let help = |line| answer(&mut pump(), &call(line, Instant::ZERO), 1024);
    let all = help("help").unwrap();
    assert_eq!(all.lines().count(), 10);
    let line = "get NAME             a file\n";
    assert!(all.contains(line));
    assert_eq!(help("help  get ").as_deref(), Ok(line));
    assert_eq!(help("help ge").unwrap_err().status, Status::UnknownCommand);
}
