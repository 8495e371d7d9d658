//! The TCP services: a task for each connection that there may be at a time.

use crate::farewell::{Begun, finishing};
use crate::{Node, time};
use core::cell::RefCell;
use embassy_futures::select::{Either, select};
use embassy_net::Stack;
use embassy_net::tcp::{State, TcpSocket};
use embassy_time::{Duration, with_timeout};
use unstick::driver::nonblocking::run_until;
use unstick::driver::{Pump, Shared};
use unstick::limits::{HANDSHAKE, KEEP_ALIVE, LINGER, SILENCE};
use unstick::{Endpoint, Limits, Server, Service};
use unstick_firmware::node::{RECEIVE, SEND, TCP};

/// How long a reset may take to leave: there may be nobody any more to send it to.
const RESET: Duration = Duration::from_millis(100);

/// The memory of a connection.
pub(crate) struct Buffers {
    receive: [u8; RECEIVE],
    send: [u8; SEND],
    /// As long as the receive ring, or a bare request may be torn (rule B1).
    input: [u8; RECEIVE],
    output: [u8; SEND],
}

impl Buffers {
    pub(crate) const fn new() -> Self {
        Self { receive: [0; RECEIVE], send: [0; SEND], input: [0; RECEIVE], output: [0; SEND] }
    }
}

/// Serves one connection after the other.
#[embassy_executor::task(pool_size = TCP)]
pub(crate) async fn serve(
    service: Service,
    stack: Stack<'static>,
    node: &'static RefCell<Node>,
    buffers: &'static mut Buffers,
) {
    let Buffers { receive, send, input, output } = buffers;
    let mut socket = TcpSocket::new(stack, receive, send);
    // Replies are written whole, so waiting for more only costs the peer time.
    socket.set_nagle_enabled(false);
    socket.set_keep_alive(Some(time::duration(KEEP_ALIVE)));
    let port = Endpoint::tcp(service).port();
    loop {
        socket.set_timeout(Some(time::duration(HANDSHAKE)));
        if let Either::Second(()) = select(socket.accept(port), finishing()).await {
            return;
        }
        // Else the peer has not answered our SYN in time.
        if socket.state() != State::Closed {
            let _begun = Begun::new();
            socket.set_timeout(Some(time::duration(SILENCE)));
            if converse(service, node, &mut socket, input, output).await {
                let _ = with_timeout(time::duration(LINGER), close(&mut socket, input)).await;
            }
        }
        // A socket that listens again forgets a reset that it owes.
        if !matches!(socket.state(), State::Closed | State::TimeWait) {
            socket.abort();
        }
        let _ = with_timeout(RESET, socket.flush()).await;
    }
}

/// Drives the session of a connection until it is over; whether the connection is not.
async fn converse(
    service: Service,
    mut node: &RefCell<Node>,
    socket: &mut TcpSocket<'_>,
    input: &mut [u8],
    output: &mut [u8],
) -> bool {
    let session = Shared(Server::<Node>::new(service, Limits::DEFAULT));
    let mut pump = Pump::new(session, input, output);
    let (mut reader, mut writer) = socket.split();
    let runtime = time::Runtime;
    run_until(&mut pump, &mut node, &mut reader, &mut writer, &runtime, finishing()).await.is_ok()
}

/// Closes our side, and discards what the peer still sends until it closes as well, so that no reset
/// overtakes our last reply.
async fn close(socket: &mut TcpSocket<'_>, buffer: &mut [u8]) {
    socket.close();
    while socket.read(buffer).await.is_ok_and(|len| len > 0) {}
    let _ = socket.flush().await;
}
