//! The program on a TAP interface. Skipped, loudly, where there can be none.
#![cfg(all(target_os = "linux", feature = "tap"))]

use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_unstick-tap");

const DISSECTOR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../wireshark/unstick.lua");

/// The exit code where no TAP interface can be had.
const NO_TAP: i32 = 3;

fn text(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8_lossy(&both).into_owned()
}

#[test]
fn the_main_job_agrees_with_itself_and_leaves_nothing() {
    let output = Command::new(PROGRAM).output().unwrap();
    let text = text(&output);
    assert!(output.status.success(), "{text}");
    // With or without the firmware's column.
    assert!(text.contains(" 0 differ") && text.contains("\nAll agree"), "{text}");
    if text.contains("not over a TAP interface") {
        assert_eq!(Command::new(PROGRAM).arg("--tap").status().unwrap().code(), Some(NO_TAP));
        return unstick_conformance::skip(&text);
    }
    let interfaces = std::fs::read_to_string("/proc/net/dev").unwrap();
    assert!(!interfaces.contains("unstick0"), "{interfaces}");
}

/// A person's network with a DHCP server, in a namespace of its own.
const SERVE_DHCP: &str = r#"
ip link set lo up || exit
dnsmasq --version >/dev/null || exit
ip tuntap add tap-dhcp mode tap && ip address add 10.77.0.1/24 dev tap-dhcp || exit
ip link set tap-dhcp up
dnsmasq --keep-in-foreground --no-ping --conf-file=/dev/null --port=0 --user= --group= --pid-file=   --interface=tap-dhcp --dhcp-range=10.77.0.50,10.77.0.50,10m --dhcp-leasefile=/dev/null   --log-facility=/dev/null &
server=$!
"$PROGRAM" serve --tap tap-dhcp --dhcp &
node=$!
for _ in {1..300}; do # a question that comes too early is asked again after 10 s
  { exec 3<>/dev/tcp/10.77.0.50/8086; } 2>/dev/null && break
  sleep 0.1
done
printf 'upper hello' >&3
head -c 9 <&3 | tail -c 5
exec 3>&-
kill -TERM $node $server
wait $node
echo " $?"
"#;

#[test]
fn serve_takes_its_address_from_a_server() {
    let Some(text) = in_a_namespace(SERVE_DHCP) else {
        return unstick_conformance::skip("needs what serving on a TAP needs, and dnsmasq");
    };
    for line in [
        "asking a DHCP server on tap-dhcp for an address\n",
        "listening command tcp 10.77.0.50:8088\n",
        "unstick call command://10.77.0.50 upper hello\n",
        "HELLO 0\n",
    ] {
        assert!(text.contains(line), "no `{line}` in:\n{text}");
    }
}

/// What it prints in a namespace of its own, as root's or as a user's; `None` if there can be none.
fn in_a_namespace(script: &str) -> Option<String> {
    let unshare = [&["--net"][..], &["--net", "--user", "--map-root-user"]];
    unshare.into_iter().find_map(|options| {
        let mut command = Command::new("unshare");
        command.args(options).args(["bash", "-c", script]).env("PROGRAM", PROGRAM);
        command.env("DISSECTOR", DISSECTOR);
        let text = text(&command.output().ok()?);
        text.contains("listening").then_some(text)
    })
}

/// What a person would do, in a network namespace of its own.
const SERVE: &str = r#"
ip link set lo up || exit
"$PROGRAM" serve -vv --tap tap-test --message off --command 0 --udp-echo 9000 &
node=$!
for _ in {1..50}; do
  { exec 3<>/dev/tcp/192.168.69.1/8086; } 2>/dev/null && break
  sleep 0.1
done
printf 'upper hello' >&3
head -c 9 <&3 | tail -c 5
kill -TERM $node
wait $node
echo " $?"
ip link show tap-test
"#;

#[test]
fn serve_listens_answers_and_ends_cleanly() {
    let Some(text) = in_a_namespace(SERVE) else {
        let needs = "needs unshare, ip, bash and the right to make a TAP interface";
        return unstick_conformance::skip(needs);
    };
    for line in [
        "listening echo tcp 192.168.69.1:8080\n",
        "listening frame tcp 192.168.69.1:8086\n",
        "listening command tcp 192.168.69.1:49152\n",
        "listening echo udp 192.168.69.1:9000\n",
        "listening command udp 192.168.69.1:8093\n",
        "unstick call command://192.168.69.1:49152 upper hello\n",
        "HELLO 0\n",
        "\"tap-test\" does not exist",
        // Who, what, status, bytes, milliseconds; and a frame.
        " frame \"upper hello\" ok 5 bytes 0.",
        "EthernetII src=02-00-c0-a8-45-01 ",
    ] {
        assert!(text.contains(line), "no `{line}` in:\n{text}");
    }
    assert!(!text.contains("listening message"), "{text}");
}

/// A node that captures, and what is asked of it: a command torn in two segments, a damaged prefix, a
/// bare request, and a datagram.
const CAPTURE: &str = r#"
ip link set lo up || exit
capture=$(mktemp)
"$PROGRAM" serve --tap tap-pcap --pcap $capture &
node=$!
for _ in {1..50}; do
  { exec 3<>/dev/tcp/192.168.69.1/8088; } 2>/dev/null && break
  sleep 0.1
done
printf '\x20\0\0\0{"id":7,"com' >&3
sleep 0.2
printf 'mand":"upper hello"}\xff\xff\xff\xff' >&3
cat <&3 >/dev/null
exec 3>&-
exec 4<>/dev/tcp/192.168.69.1/8086
printf 'upper hello\n' >&4
head -c 9 <&4 >/dev/null
exec 4>&-
exec 5<>/dev/udp/192.168.69.1/8093
printf '\x1e\0\0\0{"id":"a","command":"upper b"}' >&5
head -c 4 <&5 >/dev/null
kill -TERM $node
wait $node
echo DISSECTED
tshark -X lua_script:"$DISSECTOR" -r $capture -Y unstick -T fields -E separator='|' -e unstick.service \
  -e unstick.id -e unstick.command -e unstick.line -e unstick.status -e unstick.text -e unstick.broken \
  -e unstick.request_in 2>/dev/null
rm $capture
"#;

#[test]
fn wireshark_shows_what_a_capture_says() {
    if Command::new("tshark").arg("--version").output().is_err() {
        return unstick_conformance::skip("tshark is missing: the dissector is not tested");
    }
    let Some(text) = in_a_namespace(CAPTURE) else {
        return unstick_conformance::skip("needs what serving on a TAP needs");
    };
    let (_, dissected) = text.split_once("DISSECTED\n").expect("tshark has run");
    let lines = dissected.lines().filter(|line| line.contains('|'));
    let lines: Vec<Vec<_>> = lines.map(|line| line.split('|').collect()).collect();
    let has = |wanted: &[(usize, &str)]| {
        let fits = |line: &&Vec<&str>| wanted.iter().all(|(at, part)| line[*at].contains(part));
        assert!(lines.iter().any(|line| fits(&line)), "{wanted:?} is not in\n{dissected}");
    };
    has(&[(0, "command"), (1, "7"), (2, "upper hello"), (6, "F1: a prefix of -1")]);
    has(&[(0, "command"), (1, "7"), (4, "ok"), (4, "bad-request")]);
    has(&[(0, "frame"), (3, "upper hello")]);
    has(&[(0, "frame"), (5, "HELLO")]);
    has(&[(0, "command"), (1, "\"a\""), (2, "upper b")]);
    let answer = lines.iter().find(|line| line[1] == "\"a\"" && !line[4].is_empty());
    assert!(answer.is_some_and(|line| !line[7].is_empty()), "tied to its request:\n{dissected}");
}

#[test]
fn a_command_line_that_cannot_be_is_refused_with_two() {
    for wrong in [
        &["serve", "--ip", "192.168.69.1/24", "--host-ip", "10.0.0.1"][..],
        &["serve", "--ip", "192.168.69.1/33"],
        &["serve", "--echo", "70000"],
        &["serve", "--dhcp", "--ip", "192.168.69.1"],
        &["--loss", "200"],
        &["--pcap"],
    ] {
        let output = Command::new(PROGRAM).args(wrong).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {}", text(&output));
    }
}
