//! `unstick decode`: what a capture says, however its segments came.

use core::time::Duration;
use etherparse::PacketBuilder;
use pcap_file::pcap::{PcapPacket, PcapWriter};
use std::path::Path;
use std::process::Command;

/// The client's port, and the service's.
const CLIENT: u16 = 40_000;

/// A packet from the client to a service, or back.
enum Packet<'b> {
    /// Its sequence number less the first, and whether it is from the client.
    Tcp(u16, bool, u32, &'b [u8]),
    Udp(u16, bool, &'b [u8]),
}

fn capture(path: &Path, packets: &[Packet<'_>]) {
    let mut writer = PcapWriter::new(std::fs::File::create(path).unwrap()).unwrap();
    for (index, packet) in packets.iter().enumerate() {
        let mut bytes = Vec::new();
        let ends = |from_client| {
            let ends = [[10, 0, 0, 1], [10, 0, 0, 2]];
            if from_client { ends } else { [ends[1], ends[0]] }
        };
        let ip = |from_client| {
            let [from, to] = ends(from_client);
            PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(from, to, 64)
        };
        let ports = |port, from_client| if from_client { (CLIENT, port) } else { (port, CLIENT) };
        match *packet {
            Packet::Tcp(port, from_client, sequence, payload) => {
                let (from, to) = ports(port, from_client);
                let tcp = ip(from_client).tcp(from, to, 5000 + sequence, 1024);
                let tcp = if sequence == 0 { tcp.syn() } else { tcp };
                tcp.write(&mut bytes, payload).unwrap();
            }
            Packet::Udp(port, from_client, payload) => {
                let (from, to) = ports(port, from_client);
                ip(from_client).udp(from, to).write(&mut bytes, payload).unwrap();
            }
        }
        let (time, len) = (Duration::from_millis(index as u64), bytes.len() as u32);
        writer.write_packet(&PcapPacket::new(time, len, &bytes)).unwrap();
    }
}

/// The lines of its output without time and addresses; the exit code.
fn decode(path: &Path, options: &[&str]) -> (i32, Vec<String>, String) {
    let mut tool = Command::new(env!("CARGO_BIN_EXE_unstick"));
    let output = tool.arg("decode").arg(path).args(options).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let line =
        |line: &str| line.split("  ").skip(2).collect::<Vec<_>>().join("  ").trim().to_owned();
    let lines = lines.lines().map(|it| line(it.trim_start())).collect();
    (output.status.code().unwrap(), lines, String::from_utf8(output.stderr).unwrap())
}

const ASKED: &[u8] = b"\x20\0\0\0{\"id\":1,\"command\":\"upper hello\"}";
const ANSWERED: &[u8] =
    b"\x33\0\0\0{\"id\":1,\"status\":\"ok\",\"filename\":\"\",\"total_size\":5}HELLO";

#[test]
fn messages_are_put_together_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wire.pcap");
    capture(
        &path,
        &[
            Packet::Tcp(8088, true, 0, b""),
            Packet::Tcp(8088, true, 3, &ASKED[2..20]), // ahead of its time
            Packet::Tcp(8088, true, 1, &ASKED[..2]),
            Packet::Tcp(8088, true, 3, &ASKED[2..20]), // once more
            Packet::Tcp(8088, true, 21, &ASKED[20..]),
            Packet::Tcp(8088, false, 0, b""),
            Packet::Tcp(8088, false, 1, &ANSWERED[..50]),
            Packet::Tcp(8088, false, 51, &ANSWERED[50..]),
            Packet::Tcp(8088, true, 37, &[0xFF; 4]),
            Packet::Udp(8093, true, b"\x1c\0\0\0{\"id\":2,\"command\":\"upper a\"}x"),
            Packet::Udp(8092, true, b"\x1b[31m"),
            Packet::Tcp(8086, true, 0, b""),
            Packet::Tcp(8086, true, 1, b"upper a\nupper b\n"),
            Packet::Udp(53, true, b"not ours"),
        ],
    );
    let (code, lines, err) = decode(&path, &[]);
    assert_eq!((code, &err[..]), (0, ""));
    assert_eq!(
        lines,
        [
            r#"command  request id 1 "upper hello""#,
            r#"command  reply id 1 ok 5 bytes "HELLO""#,
            "command  breaks F1: a prefix declares -1 bytes; 0 to 2147483647 are possible",
            r#"command+udp  request id 2 "upper a" breaks U1: there are 1 bytes "x""#,
            r#"echo+udp  request 5 bytes "\x1b[31m""#,
            r#"frame  request "upper a\n""#,
            r#"frame  request "upper b\n""#,
        ]
    );
}

#[test]
fn what_cannot_be_decoded_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wire.pcap");
    capture(&path, &[Packet::Udp(9000, true, b"hello")]);
    let (code, _, err) = decode(&path, &[]);
    assert!(code == 1 && err.contains("1 packets are of other ports: give --port"), "{err}");
    let (code, lines, _) = decode(&path, &["--port", "echo+udp=9000"]);
    assert_eq!((code, &lines[..]), (0, &[r#"echo+udp  request 5 bytes "hello""#.to_owned()][..]));
    let (code, _, err) = decode(&path, &["--port", "gopher=70"]);
    assert!(code == 2 && err.contains("there is no service `gopher`"), "{err}");
    std::fs::write(&path, "no capture").unwrap();
    let (code, _, err) = decode(&path, &[]);
    assert!(code == 1 && err.contains("it is no capture"), "{err}");
}
