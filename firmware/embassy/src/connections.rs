//! The TCP services: a task for each connection that there may be at a time.

use crate::Node;
use crate::farewell::{Begun, finishing};
use crate::time::Runtime;
use core::cell::RefCell;
use core::future::pending;
use embassy_futures::select::{Either, select};
use embassy_net::Stack;
use embassy_net::tcp::{State, TcpSocket};
use embassy_time::{Duration, with_timeout};
use unstick::driver::nonblocking::advance;
use unstick::driver::{Pump, Shared};
use unstick::{Limits, Next, Server, Service, Session as _};
use unstick_firmware::node::{RECEIVE, SEND, TCP};

/// How long a peer has to answer our SYN; a socket that waits for it can serve nobody else.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// How long a peer may be silent, our questions unanswered; then it is taken for gone.
const SILENCE: Duration = Duration::from_secs(60);

/// How often a peer with nothing to say is asked whether it is there. Some questions may get lost.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How long a connection that we have closed waits for its peer to close as well.
const LINGER: Duration = Duration::from_secs(10);

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
    socket.set_keep_alive(Some(KEEP_ALIVE));
    loop {
        socket.set_timeout(Some(HANDSHAKE));
        if let Either::Second(()) = select(socket.accept(service.tcp_port()), finishing()).await {
            return;
        }
        // Else the peer has not answered our SYN in time.
        if socket.state() != State::Closed {
            let _begun = Begun::new();
            socket.set_timeout(Some(SILENCE));
            if converse(service, node, &mut socket, input, output).await {
                let _ = with_timeout(LINGER, close(&mut socket, input)).await;
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
    let mut is_finishing = false;
    loop {
        let round = advance(&mut pump, &mut node, &mut reader, &mut writer, &Runtime);
        let finish = async { if is_finishing { pending().await } else { finishing().await } };
        match select(round, finish).await {
            Either::First(Ok(Next::Closed(_))) => return true,
            Either::First(Ok(_)) => {}
            Either::First(Err(_)) => {
                pump.session.abort(&mut node);
                return false;
            }
            Either::Second(()) => {
                is_finishing = true;
                pump.session.0.finish();
            }
        }
    }
}

/// Closes our side, and discards what the peer still sends until it closes as well, so that no reset
/// overtakes our last reply.
async fn close(socket: &mut TcpSocket<'_>, buffer: &mut [u8]) {
    socket.close();
    while socket.read(buffer).await.is_ok_and(|len| len > 0) {}
    let _ = socket.flush().await;
}
