//! Commands that see their body, take it in pieces, come late, or answer in pieces.

use super::*;

/// What the task of each command here keeps: its kind, and a number.
type State = [u64; 2];

/// How often a task was closed, by its context.
type Closed = Cell<u32>;

fn state<'a>(task: *mut c_void) -> &'a mut State {
    c!(&mut *task.cast())
}

fn progress(kind: unstick_progress_kind, value: u64) -> unstick_progress {
    unstick_progress { kind: some(kind), status: some(unstick_status::Busy), value }
}

/// Its arguments are a number, which the task is given.
unsafe extern "C" fn start(
    _: *mut c_void,
    call: *const unstick_call,
    text: *mut unstick_text,
) -> MaybeUninit<unstick_status> {
    c!({
        let (call, text) = (call.as_ref(), text.as_mut());
        let number = Some(&mut state(call.unwrap().task)[0]);
        some(unstick_call_number(call, c"N".as_ptr(), number, text))
    })
}

/// Answers with its body.
unsafe extern "C" fn body(
    _: *mut c_void,
    call: *const unstick_call,
    text: *mut unstick_text,
) -> MaybeUninit<unstick_status> {
    c!({
        let (call, mut text) = (call.as_ref(), text.as_mut());
        let status = unstick_call_body_is_text(call, text.as_deref_mut());
        if status == unstick_status::Ok {
            let call = call.unwrap();
            assert_eq!(unstick_text_write(text, call.body, call.body_len), OK);
        }
        some(status)
    })
}

/// Counts the bytes of its body; none may be 0xFF.
unsafe extern "C" fn piece(
    _: *mut c_void,
    task: *mut c_void,
    piece: *const u8,
    len: usize,
    text: *mut unstick_text,
) -> MaybeUninit<unstick_status> {
    let bytes = c!(core::slice::from_raw_parts(piece, len));
    state(task)[1] += len as u64;
    if !bytes.contains(&0xFF) {
        return some(unstick_status::Ok);
    }
    assert_eq!(c!(unstick_text_print(text.as_mut(), c"not this one".as_ptr())), OK);
    some(unstick_status::Denied)
}

/// 0: how many bytes came. 1: at the time 9. 2: "ab" twice. 3: never. 4: refused.
unsafe extern "C" fn poll(
    _: *mut c_void,
    task: *mut c_void,
    now_us: u64,
    text: *mut unstick_text,
) -> unstick_progress {
    use unstick_progress_kind::{Body, Refused, Text, Wait, WaitUntil};
    let [kind, count] = *state(task);
    let say = |what: String| {
        assert_eq!(c!(unstick_text_write(text.as_mut(), what.as_ptr(), what.len())), OK);
    };
    match kind {
        0 => say(format!("{count} bytes")),
        1 if now_us < 9 => return progress(WaitUntil, 9),
        1 => say(format!("at {now_us}")),
        2 => return progress(Body, 4),
        3 => return progress(Wait, 0),
        _ => {
            say("not now".into());
            return progress(Refused, 0);
        }
    }
    progress(Text, 0)
}

unsafe extern "C" fn read(
    _: *mut c_void,
    _: *mut c_void,
    _: u64,
    text: *mut unstick_text,
) -> unstick_progress {
    assert_eq!(c!(unstick_text_print(text.as_mut(), c"ab".as_ptr())), OK);
    progress(unstick_progress_kind::Text, 0)
}

unsafe extern "C" fn close(context: *mut c_void, _: *mut c_void) {
    let closed = c!(&*context.cast::<Closed>());
    closed.set(closed.get() + 1);
}

static TASK: unstick_task =
    unstick_task { body: Some(piece), poll: Some(poll), read: Some(read), close: Some(close) };

/// A node with these commands, and a session of the command service.
fn bench() -> (Bench, &'static Closed) {
    let closed: &Closed = Box::leak(Box::default());
    let required = some(unstick_body::Required);
    let streamed = some(unstick_body::Streamed);
    let rows = vec![
        unstick_command { run: Some(start), task: &TASK, ..row(c"go") },
        unstick_command { run: Some(start), task: &TASK, body: streamed, ..row(c"take") },
        unstick_command { run: Some(body), body: required, ..row(c"body") },
    ];
    let mut bench = Bench { node: zeroed(), session: zeroed() };
    let context = (&raw const *closed).cast_mut().cast();
    let config = unstick_config { context, ..config(rows, 0) };
    assert_eq!(c!(unstick_node_start(bench.node(), Some(&config), 0)), OK);
    let command = some(unstick_service::Command);
    assert_eq!(c!(unstick_session_start(bench.session(), command, None)), OK);
    (bench, closed)
}

fn request(command: &str, body: &[u8]) -> Vec<u8> {
    let header = format!(r#"{{"command":"{command}","total_size":{}}}"#, body.len());
    [&(header.len() as u32).to_le_bytes(), header.as_bytes(), body].concat()
}

impl Bench {
    /// The status and the body of the reply that these bytes complete.
    fn told(&mut self, bytes: &[u8]) -> (String, String) {
        let mut output = [0; 2048];
        let step = self.step(bytes, &mut output);
        assert_eq!((step.consumed, step.next), (bytes.len(), unstick_next::Input));
        let reply = String::from_utf8_lossy(&output[4..step.written]).into_owned();
        let (header, body) = reply.split_at(reply.find('}').unwrap() + 1);
        let status = header.split(r#""status":""#).nth(1).unwrap().split('"').next().unwrap();
        (status.to_owned(), body.to_owned())
    }
}

#[test]
fn tasks_of_c_answer_and_refuse() {
    let (mut bench, closed) = bench();
    for (command, body, status, told) in [
        ("go 2", &b""[..], "ok", "abab"),
        ("go 4", b"", "busy", "not now"),
        ("go", b"", "bad-request", "go needs N; `` will not do"),
        ("take 0", &[b'x'; 3000], "ok", "3000 bytes"),
        ("take 0", b"", "ok", "0 bytes"),
        ("take 0", b"\xFF", "denied", "not this one"),
        ("body", b"whole", "ok", "whole"),
        ("body", b"a\xFF", "bad-request", "the body is not UTF-8 at byte 1"),
    ] {
        let expected = (status.to_owned(), told.to_owned());
        assert_eq!(bench.told(&request(command, body)), expected, "{command}");
    }
    assert_eq!(closed.get(), 5);
}

#[test]
fn a_task_that_waits_holds_its_own_session_up_until_its_time() {
    let (mut bench, closed) = bench();
    let step = bench.step(&request("go 1", b""), &mut [0; 512]);
    assert_eq!((step.next, step.deadline_us), (unstick_next::Wait, 9));
    let (session, node) = (bench.session.as_mut_ptr(), bench.node.as_mut_ptr());
    let mut output = [0; 512];
    let out = (output.as_mut_ptr(), output.len());
    let step = c!(unstick_session_step(session, node, 9, null(), 0, out.0, out.1));
    assert!(output[..step.written].ends_with(b"at 9"));
    assert_eq!(closed.get(), 1);
}

#[test]
fn a_task_is_closed_when_its_connection_is_lost_and_a_datagram_does_not_wait_for_it() {
    let (mut bench, closed) = bench();
    let step = bench.step(&request("go 3", b""), &mut [0; 512]);
    assert_eq!((step.next, step.deadline_us), (unstick_next::Wait, 60_000_007));
    assert_eq!(c!(unstick_session_abort(bench.session(), bench.node.as_mut_ptr())), OK);
    assert_eq!(closed.get(), 1);

    let header = format!(r#"{{"command":"go 3","total_size":0,"pad":"{}"}}"#, "x".repeat(200));
    let padded = [&(header.len() as u32).to_le_bytes()[..], header.as_bytes()].concat();
    let (mut output, service) = ([0; 1472], some(unstick_service::Command));
    let (input, out) = ((padded.as_ptr(), padded.len()), (output.as_mut_ptr(), output.len()));
    let reply = c!(unstick_datagram_answer(
        bench.node(),
        service,
        0,
        4000,
        false,
        input.0,
        input.1,
        input.1,
        out.0,
        out.1
    ));
    let reply = String::from_utf8_lossy(&output[..reply.len]);
    assert!(reply.contains(r#""status":"busy""#), "{reply}");
    assert_eq!(closed.get(), 2);
}
