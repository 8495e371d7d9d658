//! Asking by datagram.

use super::*;
use unstick_c::client::*;

struct Asking(Box<MaybeUninit<unstick_client>>);

impl Asking {
    fn new(service: unstick_service) -> Self {
        let mut client = Self(zeroed());
        assert_eq!(c!(unstick_client_start(client.0.as_mut_ptr(), some(service))), OK);
        client
    }

    fn request(&mut self, command: &[u8], body: &[u8]) -> Result<Vec<u8>, unstick_error> {
        let (mut output, mut len) = ([0; 300], 0);
        let (out, space) = (output.as_mut_ptr(), output.len());
        let (line, text) = ((command.as_ptr(), command.len()), (body.as_ptr(), body.len()));
        let client = self.0.as_mut_ptr();
        let len_of = Some(&mut len);
        let error =
            c!(unstick_client_request(client, line.0, line.1, text.0, text.1, out, space, len_of));
        if error == OK { Ok(output[..len].to_vec()) } else { Err(error) }
    }

    fn reply(&mut self, sent: &[u8], came: &[u8], true_len: usize) -> unstick_answer {
        let (client, sent) = (self.0.as_mut_ptr(), (sent.as_ptr(), sent.len()));
        c!(unstick_client_reply(client, sent.0, sent.1, came.as_ptr(), came.len(), true_len))
    }
}

fn text(answer: &unstick_answer) -> String {
    let body = c!(core::slice::from_raw_parts(answer.body, answer.body_len));
    String::from_utf8_lossy(body).into_owned()
}

/// What the node answers to a datagram.
fn answered(bench: &mut Bench, service: unstick_service, request: &[u8], space: usize) -> Vec<u8> {
    let mut output = [0; 1472];
    let (node, out) = (bench.node(), output.as_mut_ptr());
    let (bytes, len, some) = (request.as_ptr(), request.len(), some(service));
    let reply =
        c!(unstick_datagram_answer(node, some, 0, 4000, false, bytes, len, len, out, space));
    assert!(reply.send);
    output[..reply.len].to_vec()
}

#[test]
fn a_node_is_asked_and_its_reply_known() {
    let mut bench = Bench::new(unstick_service::Command);
    let mut client = Asking::new(unstick_service::Command);
    for (command, status, told) in [
        ("upper hello", unstick_status::Ok, "HELLO"),
        ("is no", unstick_status::Busy, "not now"),
        ("nope", unstick_status::UnknownCommand, "there is no command `nope`; try help"),
    ] {
        let sent = client.request(command.as_bytes(), b"").unwrap();
        assert_eq!(sent.len(), 100, "a third of what may be sent");
        let came = answered(&mut bench, unstick_service::Command, &sent, 300);
        let answer = client.reply(&sent, &came, came.len());
        assert_eq!((answer.kind, answer.status), (unstick_answer_kind::Reply, status));
        assert_eq!((text(&answer).as_str(), answer.size), (told, told.len() as u64));
        // Cut on arrival, and asked for something else meanwhile.
        let cut = client.reply(&sent, &came, came.len() + 1);
        assert_eq!((cut.kind, cut.error), (unstick_answer_kind::Incomplete, OK));
        let next = client.request(b"uptime", b"").unwrap();
        assert_eq!(client.reply(&next, &came, came.len()).kind, unstick_answer_kind::Unrelated);
    }
    let sent = client.request(b"help", b"").unwrap();
    let came = answered(&mut bench, unstick_service::Command, &sent, 200);
    let answer = client.reply(&sent, &came, came.len());
    assert_eq!(answer.kind, unstick_answer_kind::Truncated);
    assert!(answer.size > 200 && answer.body_len == 0, "{answer:?}");
    assert_eq!(client.reply(&sent, b"no message", 10).kind, unstick_answer_kind::Damaged);
}

#[test]
fn an_echo_is_known_by_its_bytes() {
    let mut bench = Bench::new(unstick_service::Echo);
    let mut client = Asking::new(unstick_service::Echo);
    let sent = client.request(b"", b"abc").unwrap();
    let came = answered(&mut bench, unstick_service::Echo, &sent, 300);
    let answer = client.reply(&sent, &came, came.len());
    assert_eq!((answer.kind, text(&answer).as_str()), (unstick_answer_kind::Reply, "ABC"));
    assert_eq!(answer.status, unstick_status::Ok);
    assert_eq!(client.reply(&sent, b"ABX", 3).kind, unstick_answer_kind::Unrelated);
}

#[test]
fn what_cannot_be_asked_is_an_error() {
    let mut client = Asking::new(unstick_service::Command);
    assert_eq!(client.request(b"\xFF", b""), Err(unstick_error::Text));
    assert_eq!(client.request(&[b'x'; 1100], b""), Err(unstick_error::Full));
    assert_eq!(client.request(b"put a", &[0; 400]), Err(unstick_error::Full));
    let mut echo = Asking::new(unstick_service::Echo);
    assert_eq!(echo.request(b"upper a", b""), Err(unstick_error::Value));
    let frame = some(unstick_service::Frame);
    assert_eq!(c!(unstick_client_start(echo.0.as_mut_ptr(), frame)), unstick_error::Value);
    let mut none = Asking(zeroed());
    assert_eq!(none.request(b"a", b""), Err(unstick_error::NotStarted));
    assert_eq!(none.reply(b"", b"", 0).error, unstick_error::NotStarted);
}
