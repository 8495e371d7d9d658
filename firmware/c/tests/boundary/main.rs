//! The functions as C calls them: what they do, and that wrong calls are errors and no more.
#![allow(unsafe_code, reason = "C has no other")]

use core::cell::Cell;
use core::ffi::{CStr, c_char, c_void};
use core::mem::MaybeUninit;
use core::ptr::{null, null_mut};
use unstick_c::command::*;
use unstick_c::datagram::*;
use unstick_c::error::*;
use unstick_c::frame::UNSTICK_PREFIX_SIZE;
use unstick_c::node::*;
use unstick_c::service::*;
use unstick_c::session::*;

/// Calls as C does.
macro_rules! c {
    ($call:expr) => {
        // SAFETY: pointers are NULL or to memory of their kind that outlives the call.
        unsafe { $call }
    };
}

// After the macro, which they use.
mod clients;
mod frames;
mod tasks;

/// They go by their numbers.
#[test]
fn the_events_of_c_are_those_of_the_core() {
    use unstick_counter::*;
    let events = [
        Frames, Bytes, Oversized, Truncated, Rejected, Resets, Timeouts, Denied, Busy, Failed,
        Refused, Evicted,
    ];
    let names = |all: &[&dyn core::fmt::Debug]| format!("{all:?}");
    let core = unstick::host::Counter::ALL;
    assert_eq!(
        names(&events.each_ref().map(|it| it as _)),
        names(&core.each_ref().map(|it| it as _))
    );
    assert_eq!(events.map(|it| it as u8), core.map(|it| it as u8));
}

const OK: unstick_error = unstick_error::None;

/// Zeroed memory, which is no object yet.
fn zeroed<T>() -> Box<MaybeUninit<T>> {
    Box::new(MaybeUninit::zeroed())
}

/// A number that is none of its enum.
fn unknown<E>() -> MaybeUninit<E> {
    numbered(200)
}

fn numbered<E>(number: u8) -> MaybeUninit<E> {
    let mut value = MaybeUninit::<E>::zeroed();
    c!(value.as_mut_ptr().cast::<u8>().write(number));
    value
}

fn some<E>(value: E) -> MaybeUninit<E> {
    MaybeUninit::new(value)
}

/// Writes what its arguments ask for.
unsafe extern "C" fn answer(
    context: *mut c_void,
    call: *const unstick_call,
    text: *mut unstick_text,
) -> MaybeUninit<unstick_status> {
    let node = context.cast();
    c!({
        let (call, text) = (call.as_ref(), text.as_mut());
        if unstick_call_is(call, c"yes".as_ptr()) {
            assert_eq!(unstick_text_print(text, c"it is".as_ptr()), OK);
            some(unstick_status::Ok)
        } else if unstick_call_is(call, c"no".as_ptr()) {
            assert_eq!(unstick_text_print(text, c"not now".as_ptr()), OK);
            some(unstick_status::Busy)
        } else if unstick_call_is(call, c"long".as_ptr()) {
            let text = text.unwrap();
            let write = |text: &mut _| unstick_text_write(Some(text), [b'x'; 600].as_ptr(), 600);
            assert_eq!(write(text), OK);
            assert_eq!(write(text), unstick_error::Full);
            some(unstick_status::Ok)
        } else if unstick_call_is(call, c"binary".as_ptr()) {
            assert_eq!(unstick_text_write(text, [0xFF].as_ptr(), 1), unstick_error::Text);
            some(unstick_status::Ok)
        } else if unstick_call_is(call, c"back".as_ptr()) {
            let event = some(unstick_counter::Frames);
            assert_eq!(unstick_node_count(node, event, 1), unstick_error::InUse);
            let again = unstick_node_start(node, Some(&config(Vec::new(), 0)), 0);
            assert_eq!(again, unstick_error::InUse);
            assert_eq!(unstick_text_print(None, c"".as_ptr()), unstick_error::Null);
            assert_eq!(unstick_text_print(text, null()), unstick_error::Null);
            some(unstick_status::Ok)
        } else {
            unknown()
        }
    })
}

/// A node with the command `is`, and a session.
struct Bench {
    node: Box<MaybeUninit<unstick_node>>,
    session: Box<MaybeUninit<unstick_session>>,
}

fn row(name: &'static CStr) -> unstick_command {
    let (usage, help) = (c"is WHAT".as_ptr(), c"whether it is".as_ptr());
    unstick_command {
        name: name.as_ptr(),
        usage,
        help,
        run: Some(answer),
        body: some(unstick_body::None),
        task: null(),
        read_only: 0,
    }
}

fn config(commands: Vec<unstick_command>, files: usize) -> unstick_config {
    let name: *const c_char = c"bench".as_ptr();
    unstick_config {
        connections: 2,
        name,
        version: c"1.0".as_ptr(),
        target: c"host".as_ptr(),
        datagram: 1472,
        udp_ports: [0; 2],
        command_count: commands.len(),
        commands: commands.leak().as_ptr(),
        context: null_mut(),
        files: vec![0; files * 100].leak().as_mut_ptr(),
        file_count: files,
        file_size: 100,
    }
}

impl Bench {
    fn new(service: unstick_service) -> Self {
        let mut bench = Self { node: zeroed(), session: zeroed() };
        let context = bench.node().cast();
        let config = unstick_config { context, ..config(vec![row(c"is")], 3) };
        assert_eq!(c!(unstick_node_start(bench.node(), Some(&config), 0)), OK);
        assert_eq!(c!(unstick_session_start(bench.session(), some(service), None)), OK);
        bench
    }

    fn node(&mut self) -> *mut unstick_node {
        self.node.as_mut_ptr()
    }

    fn session(&mut self) -> *mut unstick_session {
        self.session.as_mut_ptr()
    }

    fn step(&mut self, input: &[u8], output: &mut [u8]) -> unstick_step {
        let (session, node) = (self.session(), self.node());
        let (input, output) = ((input.as_ptr(), input.len()), (output.as_mut_ptr(), output.len()));
        c!(unstick_session_step(session, node, 7, input.0, input.1, output.0, output.1))
    }

    fn ask(&mut self, line: &str) -> String {
        let mut output = [0; 2048];
        let step = self.step(line.as_bytes(), &mut output);
        assert_eq!((step.consumed, step.next, step.error), (line.len(), unstick_next::Input, OK));
        String::from_utf8(output[UNSTICK_PREFIX_SIZE..step.written].to_vec()).unwrap()
    }

    fn reason(&mut self, size: usize) -> String {
        let mut text = [0xA5; 200];
        let len = c!(unstick_session_reason(self.session(), text.as_mut_ptr().cast(), size));
        assert!(len < size.max(1) && (size == 0 || text[len] == 0) && text[size] == 0xA5);
        String::from_utf8(text[..len].to_vec()).unwrap()
    }
}

#[test]
fn commands_of_c_answer_and_refuse() {
    let mut bench = Bench::new(unstick_service::Frame);
    for (line, told) in [
        ("upper hello\n", "HELLO"),
        ("is  yes \n", "it is"),
        ("is no\n", "not now"),
        ("is long\n", "the answer is longer than this node can hold"),
        ("is binary\n", "the answer is not UTF-8"),
        ("is back\n", ""),
        ("is unknown\n", ""),
    ] {
        assert_eq!(bench.ask(line), told, "{line}");
    }
    let info = bench.ask("info\n");
    assert!(info.starts_with(r#"{"name":"bench","version":"1.0","target":"host","#), "{info}");
    assert!(info.contains(r#""datagram":1472,"file":100"#), "{info}");
    let help = bench.ask("help is\n");
    assert!(help.starts_with("is WHAT ") && help.ends_with(" whether it is\n"), "{help}");
    let mut bench = Bench::new(unstick_service::Command);
    let mut output = [0; 512];
    for (line, status) in [("no", "busy"), ("long", "too-large"), ("unknown", "failed")] {
        let header = format!("{{\"command\":\"is {line}\"}}");
        let request = [&(header.len() as u32).to_le_bytes(), header.as_bytes()].concat();
        let step = bench.step(&request, &mut output);
        let reply = String::from_utf8_lossy(&output[4..step.written]).into_owned();
        assert!(reply.contains(&format!("\"status\":\"{status}\"")), "{reply}");
    }
    assert_eq!(c!(unstick_node_counter(bench.node(), some(unstick_counter::Frames))), 3);
    assert_eq!(c!(unstick_node_counter(bench.node(), unknown())), 0);
}

#[test]
fn files_are_in_the_memory_of_c_and_a_lost_connection_gives_them_back() {
    let mut bench = Bench::new(unstick_service::Command);
    let header = br#"{"command":"put a","total_size":5}"#;
    let request = [&(header.len() as u32).to_le_bytes(), &header[..], b"hello"].concat();
    let (whole, cut) = (&request[..], &request[..request.len() - 1]);
    for _ in 0..5 {
        let step = bench.step(cut, &mut [0; 512]);
        assert_eq!((step.written, step.next), (0, unstick_next::Input));
        let session = bench.session();
        let wrong = c!(unstick_session_step(session, null_mut(), 7, null(), 0, null_mut(), 0));
        assert_eq!((wrong.next, wrong.error), (unstick_next::Closed, unstick_error::Null));
        assert_eq!(c!(unstick_session_abort(bench.session(), bench.node.as_mut_ptr())), OK);
        assert_eq!(bench.reason(100), "the connection was lost");
        let command = some(unstick_service::Command);
        assert_eq!(c!(unstick_session_start(bench.session(), command, None)), OK);
    }
    let mut output = [0; 512];
    let step = bench.step(whole, &mut output);
    assert!(output[..step.written].ends_with(b"stored a, 5 bytes"));
}

#[test]
fn a_session_ends_as_it_is_told() {
    let mut bench = Bench::new(unstick_service::Command);
    assert_eq!(bench.reason(100), "the session is not over");
    assert_eq!(c!(unstick_session_end(bench.session())), OK);
    let step = bench.step(b"", &mut []);
    assert_eq!((step.next, step.reason), (unstick_next::Closed, unstick_reason::End));
    assert_eq!(bench.reason(100), "end of input");
    assert_eq!(bench.reason(4), "end");
    assert_eq!((bench.reason(1), bench.reason(0)), (String::new(), String::new()));

    let command = some(unstick_service::Command);
    assert_eq!(c!(unstick_session_start(bench.session(), command, None)), OK);
    assert_eq!(c!(unstick_session_finish(bench.session())), OK);
    assert_eq!(bench.step(b"", &mut []).reason, unstick_reason::Finished);

    let limits =
        unstick_limits { skip: 0, idle_us: 10, header_us: 10, stall_us: 10, answer_us: 10 };
    assert_eq!(c!(unstick_session_start(bench.session(), command, Some(&limits))), OK);
    assert_eq!(bench.step(b"", &mut []).deadline_us, 17);
    let (session, node) = (bench.session(), bench.node.as_mut_ptr());
    let step = c!(unstick_session_step(session, node, 17, null(), 0, null_mut(), 0));
    assert_eq!(step.reason, unstick_reason::Timeout);

    assert_eq!(c!(unstick_session_start(bench.session(), command, None)), OK);
    let step = bench.step(&[0xFF; 4], &mut [0; 512]);
    assert_eq!((step.next, step.reason), (unstick_next::Closed, unstick_reason::Protocol));
    assert_eq!(bench.reason(100), "a prefix declares -1 bytes; 0 to 2147483647 are possible");
}

#[test]
fn wrong_calls_are_errors() {
    let mut bench = Bench::new(unstick_service::Echo);
    let mut none = Bench { node: zeroed(), session: zeroed() };
    let (session, node) = (bench.session(), bench.node.as_mut_ptr());
    let (input, output) = ([b'a'; 8].as_mut_ptr(), [0; 8].as_mut_ptr());
    let misaligned = session.wrapping_byte_add(1);
    let step = |session, node, input, input_len, output, output_len| {
        let step: unstick_step =
            c!(unstick_session_step(session, node, 0, input, input_len, output, output_len));
        assert_eq!((step.consumed, step.written, step.next), (0, 0, unstick_next::Closed));
        assert_eq!(step.reason, unstick_reason::Misuse);
        step.error
    };
    use unstick_error::{Memory, NotStarted, Null, Value};
    assert_eq!(step(null_mut(), node, input, 8, output, 8), Null);
    assert_eq!(step(session, null_mut(), input, 8, output, 8), Null);
    assert_eq!(step(session, node, null(), 8, output, 8), Null);
    assert_eq!(step(session, node, input, 8, null_mut(), 8), Null);
    assert_eq!(step(misaligned, node, input, 8, output, 8), Memory);
    assert_eq!(step(session, node, input, 8, input.wrapping_add(7), 1), Memory);
    assert_eq!(step(session, node, input, usize::MAX, output, 8), Memory);
    assert_eq!(step(none.session(), node, input, 8, output, 8), NotStarted);
    assert_eq!(step(session, none.node(), input, 8, output, 8), NotStarted);
    assert_eq!(step(node.cast(), node, input, 8, output, 8), NotStarted, "a node is no session");
    assert_eq!(bench.step(b"hi", &mut [0; 8]).written, 2, "and the session is as it was");

    let echo = some(unstick_service::Echo);
    assert_eq!(c!(unstick_session_start(null_mut(), echo, None)), Null);
    assert_eq!(c!(unstick_session_start(misaligned, echo, None)), Memory);
    assert_eq!(c!(unstick_session_start(session, unknown(), None)), Value);
    assert_eq!(c!(unstick_session_end(none.session())), NotStarted);
    assert_eq!(c!(unstick_session_finish(null_mut())), Null);
    assert_eq!(c!(unstick_session_abort(session, null_mut())), Null);
    assert_eq!(c!(unstick_session_reason(null_mut(), null_mut(), 9)), 0);
    assert_eq!(c!(unstick_node_count(node, unknown(), 1)), Value);
    assert_eq!(c!(unstick_node_counter(null_mut(), some(unstick_counter::Bytes))), 0);
    assert!(!c!(unstick_call_is(None, c"".as_ptr())));
}

static NO_TASK: unstick_task = unstick_task { body: None, poll: None, read: None, close: None };

#[test]
fn a_wrong_config_is_an_error() {
    let mut node = zeroed::<unstick_node>();
    let mut start = |config: Option<&_>| c!(unstick_node_start(node.as_mut_ptr(), config, 0));
    let plain = || config(Vec::new(), 0);
    let own = |name| config(vec![row(name)], 0);
    let no_function = unstick_command { run: None, ..row(c"is") };
    let streamed = some(unstick_body::Streamed);
    use unstick_error::{Command, Files, Memory, Null, Text, Value};
    for (wrong, error) in [
        (unstick_config { name: null(), ..plain() }, Null),
        (unstick_config { target: c"\xFF".as_ptr(), ..plain() }, Text),
        (unstick_config { file_count: 9, ..plain() }, Files),
        (unstick_config { file_count: 1, files: null_mut(), ..plain() }, Null),
        (unstick_config { file_count: 2, file_size: usize::MAX, ..plain() }, Memory),
        (unstick_config { command_count: 1, commands: null(), ..plain() }, Null),
        (unstick_config { command_count: 17, ..plain() }, Command),
        (own(c""), Command),
        (own(c"two words"), Command),
        (own(c"two\twords"), Command),
        (own(c"get"), Command),
        (config(vec![row(c"is"), row(c"is")], 0), Command),
        (own(c"\xFF"), Text),
        (config(vec![no_function], 0), Command),
        (config(vec![unstick_command { body: unknown(), ..row(c"is") }], 0), Value),
        (config(vec![unstick_command { body: streamed, ..row(c"is") }], 0), Command),
        (config(vec![unstick_command { task: &NO_TASK, ..row(c"is") }], 0), Command),
    ] {
        assert_eq!(start(Some(&wrong)), error);
    }
    assert_eq!(start(None), Null);
    assert_eq!(c!(unstick_node_start(null_mut(), Some(&plain()), 0)), Null);
    assert_eq!(start(Some(&plain())), OK);
}

#[test]
fn a_datagram_is_answered_at_once() {
    let mut bench = Bench::new(unstick_service::Echo);
    const PEER: u16 = 4000;
    let (mut output, port, to_all) = ([0; 1472], Cell::new(PEER), Cell::new(false));
    let mut answer = |service, input: &[u8], true_len| {
        let (node, out) = (bench.node(), (output.as_mut_ptr(), output.len()));
        let (bytes, len) = (input.as_ptr(), input.len());
        let (some, port) = (some(service), port.replace(PEER));
        c!(unstick_datagram_answer(
            node,
            some,
            0,
            port,
            to_all.get(),
            bytes,
            len,
            true_len,
            out.0,
            out.1
        ))
    };
    let reply = answer(unstick_service::Echo, b"abc", 3);
    assert_eq!((reply.send, reply.len, reply.error), (true, 3, OK));
    let reply = answer(unstick_service::Echo, b"", 0);
    assert_eq!((reply.send, reply.len), (true, 0));
    let reply = answer(unstick_service::Echo, b"abc", 4);
    assert!(!reply.send, "it was cut on arrival");
    port.set(8093);
    let reply = answer(unstick_service::Echo, b"abc", 3);
    assert!(!reply.send, "it came from another node's service");
    to_all.set(true);
    let reply = answer(unstick_service::Echo, b"abc", 3);
    assert!(!reply.send, "it was sent to everybody");
    to_all.set(false);
    let reply = answer(unstick_service::Echo, b"abc", 2);
    assert_eq!((reply.send, reply.error), (false, unstick_error::Value), "it has three bytes");
    let reply = answer(unstick_service::Frame, b"abc", 3);
    assert_eq!((reply.send, reply.error), (false, unstick_error::Value));
    let request = [&0x2A_u32.to_le_bytes()[..], br#"{"command":"is yes","id":12345,"pad":"12"}"#];
    let request = request.concat();
    let reply = answer(unstick_service::Command, &request, request.len());
    assert!(reply.send && output[..reply.len].ends_with(b"it is"));
}

#[test]
fn every_error_has_a_sentence() {
    let mut sentences: Vec<_> = (0..=11_u8)
        .map(|number| c!(CStr::from_ptr(unstick_strerror(numbered(number)))).to_str().unwrap())
        .collect();
    let last = sentences.pop();
    assert_eq!(last, Some(sentences[unstick_error::Value as usize]), "11 is no error");
    sentences.sort_unstable();
    sentences.dedup();
    assert_eq!(sentences.len(), 11);
}
