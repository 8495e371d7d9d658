//! Asking another node by datagram.

use crate::command::unstick_status;
use crate::error::{code, unstick_error};
use crate::memory::{Kind, Slot, bytes, fits, place, streams};
use crate::service::{service, unstick_service};
use core::mem::MaybeUninit;
use core::ptr::null;
use unstick::datagram::Datagram;
use unstick::message::Integrity;
use unstick::{DatagramClient, DatagramReply, NotTheReply, Request, RequestError, Service};

/// Bytes of an `unstick_client`.
pub const UNSTICK_CLIENT_SIZE: usize = 24;
/// The same in `uint64_t`, for the alignment.
pub const UNSTICK_CLIENT_WORDS: usize = UNSTICK_CLIENT_SIZE / 8;

/// Asks a node's echo or command service by datagram, in memory of yours; nothing of it is for you to
/// read. It writes requests and recognises replies: to send, to wait and to ask again is yours. That a
/// request or its reply was lost nobody says: choose how long to wait, and whether a command may run
/// twice.
#[repr(C)]
pub struct unstick_client {
    opaque: [MaybeUninit<u64>; UNSTICK_CLIENT_WORDS],
}

fits!(unstick_client, Slot<DatagramClient>);

impl Kind for DatagramClient {
    const READY: u32 = 0x6173_6B73;
}

/// What a datagram is to a client.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum unstick_answer_kind {
    /// The reply.
    Reply,
    /// The reply, but it does not fit a datagram: it has `size` bytes, none of them here. Ask again over
    /// TCP.
    Truncated,
    /// The reply to another request, or none; the right one may still come.
    Unrelated,
    /// It was cut on arrival: receive into more memory.
    Incomplete,
    /// It is not a message, or its body is not the one that was sent.
    Damaged,
}

/// What a datagram says.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct unstick_answer {
    /// Whether it is the reply. The fields below are those of a reply.
    pub kind: unstick_answer_kind,
    /// How the request went, or `UNSTICK_STATUS_FAILED` for a word that this version does not know.
    pub status: unstick_status,
    /// The body, which is in the datagram; not NUL-terminated, and whoever answered wrote it.
    pub body: *const u8,
    /// Bytes of it that are here.
    pub body_len: usize,
    /// Bytes that it has.
    pub size: u64,
    /// How the call was wrong; then all of this says nothing.
    pub error: unstick_error,
}

/// Starts a client of the echo or command service. Zero its memory before, and again when a call that
/// used it was cut off. Errors: `NULL`, `MEMORY`, `IN_USE`; `VALUE` for the service.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unstick_client_start(
    client: *mut unstick_client,
    service: MaybeUninit<unstick_service>,
) -> unstick_error {
    let make = self::service(service).and_then(|service| match service {
        Service::Echo => Ok(DatagramClient::echo()),
        Service::Command => Ok(DatagramClient::command()),
        _ => Err(unstick_error::Value),
    });
    // SAFETY: the client is NULL or memory of its size.
    code(make.and_then(|made| unsafe { Slot::start(client.cast(), || made) }))
}

/// Writes the datagram that asks, and its bytes to `len`: `command` is the command and its arguments in
/// UTF-8, none for the echo service, which is sent the body alone.
///
/// `output_len` is the largest datagram you can send. A request is padded to a third of that, so that a
/// full reply is allowed. Input and output must not overlap. It takes up to 2048 bytes of stack, see
/// above. Errors: `NULL`, `MEMORY`, `NOT_STARTED`, `IN_USE`; `TEXT` for the command; `VALUE` for a command
/// to the echo service; `FULL` if it does not fit the datagram or a header of 1024 bytes.
#[unsafe(no_mangle)]
#[allow(clippy::too_many_arguments, reason = "three buffers and their lengths are six in C")]
pub unsafe extern "C" fn unstick_client_request(
    client: *mut unstick_client,
    command: *const u8,
    command_len: usize,
    body: *const u8,
    body_len: usize,
    output: *mut u8,
    output_len: usize,
    len: Option<&mut usize>,
) -> unstick_error {
    let objects = [place(client)];
    // SAFETY: the client is NULL, zeroed or started, the rest as the header documents it.
    let written = unsafe {
        Slot::<DatagramClient>::borrow(client.cast()).and_then(|mut client| {
            let line = bytes(command, command_len)?;
            let (body, output) = streams(body, body_len, output, output_len, &objects)?;
            let request = Request::from_bytes(line);
            client.request(&request, body, output).map_err(|error| match error {
                RequestError::NotUtf8 => unstick_error::Text,
                RequestError::TooLong { .. } | RequestError::Datagram(_) => unstick_error::Full,
                _ => unstick_error::Value,
            })
        })
    };
    code(written.and_then(|written| {
        *len.ok_or(unstick_error::Null)? = written;
        Ok(())
    }))
}

/// Looks whether a datagram is the reply to the last request, which is `sent`. `input` are the
/// `input_len` bytes that are here of a datagram of `true_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unstick_client_reply(
    client: *mut unstick_client,
    sent: *const u8,
    sent_len: usize,
    input: *const u8,
    input_len: usize,
    true_len: usize,
) -> unstick_answer {
    // SAFETY: the client is NULL, zeroed or started, the rest as the header documents it.
    let reply = unsafe {
        Slot::<DatagramClient>::borrow(client.cast()).and_then(|client| {
            let (sent, input) = (bytes(sent, sent_len)?, bytes(input, input_len)?);
            Ok(client.reply(sent, Datagram::received(input, true_len)))
        })
    };
    match reply {
        Ok(Ok(reply)) => unstick_answer::of(&reply),
        Ok(Err(NotTheReply::Unrelated)) => unstick_answer::none(unstick_answer_kind::Unrelated),
        Ok(Err(NotTheReply::Incomplete)) => unstick_answer::none(unstick_answer_kind::Incomplete),
        Ok(Err(NotTheReply::Message(_))) => unstick_answer::none(unstick_answer_kind::Damaged),
        Err(error) => {
            unstick_answer { error, ..unstick_answer::none(unstick_answer_kind::Unrelated) }
        }
    }
}

impl unstick_answer {
    fn of(reply: &DatagramReply<'_>) -> Self {
        let kind = match (reply.truncated, reply.integrity) {
            (Some(_), _) => unstick_answer_kind::Truncated,
            (None, Integrity::Mismatch { .. }) => unstick_answer_kind::Damaged,
            (None, _) => unstick_answer_kind::Reply,
        };
        let word = reply.header.and_then(|header| header.status);
        let status = match word {
            None => unstick_status::Ok, // an echo
            Some(word) => unstick_status::ALL
                .into_iter()
                .find(|(_, known)| word == *known.as_str())
                .map_or(unstick_status::Failed, |(status, _)| status),
        };
        let body = reply.body;
        Self {
            kind,
            status,
            body: body.as_ptr(),
            body_len: body.len(),
            size: reply.truncated.unwrap_or(body.len() as u64),
            error: unstick_error::None,
        }
    }

    const fn none(kind: unstick_answer_kind) -> Self {
        let (status, error) = (unstick_status::Failed, unstick_error::None);
        Self { kind, status, body: null(), body_len: 0, size: 0, error }
    }
}
