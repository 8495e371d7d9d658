//! One datagram: answered at once, nothing kept.

use crate::device::Device;
use crate::error::unstick_error;
use crate::memory::{Slot, place, streams};
use crate::node::unstick_node;
use crate::service::{service, unstick_service};
use core::mem::MaybeUninit;
use unstick::datagram::{Datagram, Envelope, answer};
use unstick::{Endpoint, Instant};

/// What becomes of a datagram.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct unstick_reply {
    /// Whether a reply is to be sent, which may be empty.
    pub send: bool,
    /// Bytes of it in the output.
    pub len: usize,
    /// How the call was wrong; then nothing is to be sent.
    pub error: unstick_error,
}

/// Answers a datagram of the echo or command service, which came from the peer's port `from_port`,
/// a number as `ntohs(address.sin_port)` returns it. One that was sent to a `broadcast` or multicast
/// address is counted and not answered.
///
/// `input` are the `input_len` bytes that are here of a datagram of `true_len` bytes: less where
/// the receive buffer was too small, which is answered as such. `output_len` is the largest
/// datagram you can send: a longer answer is replied to with status `truncated`. A reply is never
/// longer than three times its request. Input and output must not overlap. It takes up to 5120 bytes
/// of stack, see above, and what your commands take.
#[unsafe(no_mangle)]
#[allow(clippy::too_many_arguments, reason = "two buffers and a length are six in C")]
pub unsafe extern "C" fn unstick_datagram_answer(
    node: *mut unstick_node,
    service: MaybeUninit<unstick_service>,
    now_us: u64,
    from_port: u16,
    broadcast: bool,
    input: *const u8,
    input_len: usize,
    true_len: usize,
    output: *mut u8,
    output_len: usize,
) -> unstick_reply {
    let opaque = node;
    // SAFETY: the node is NULL, zeroed or started, input and output are as the header documents them.
    let answered = unsafe {
        Slot::<Device>::borrow(node.cast()).and_then(|mut node| {
            let service = self::service(service)?;
            Endpoint::udp(service).ok_or(unstick_error::Value)?;
            if true_len < input_len {
                return Err(unstick_error::Value);
            }
            let objects = [place(opaque)];
            let (input, output) = streams(input, input_len, output, output_len, &objects)?;
            let datagram = Datagram::received(input, true_len);
            let (now, own) = (Instant::from_micros(now_us), node.udp_ports);
            let envelope = Envelope { from_port, own_ports: &own, broadcast };
            Ok(answer(service, now, &mut *node, envelope, datagram, output))
        })
    };
    let error = answered.err().unwrap_or(unstick_error::None);
    let len = answered.ok().flatten();
    unstick_reply { send: len.is_some(), len: len.unwrap_or_default(), error }
}
