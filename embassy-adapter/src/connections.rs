//! The TCP services: a call for each connection that there may be at a time.

use crate::services::{ServeError, Services};
use crate::{TcpBuffers, duration};
use core::cell::RefCell;
use embassy_futures::select::{Either, select};
use embassy_net::tcp::{AcceptError, State, TcpSocket};
use embassy_time::{Duration, with_timeout};
use unstick::driver::nonblocking::run_until;
use unstick::driver::{Buffered, Shared};
use unstick::limits::{HANDSHAKE, KEEP_ALIVE, LINGER, LINGER_BYTES, SILENCE};
use unstick::{Host, Serve, Service, Session as _};

/// How long a reset may take to leave: there may be nobody any more to send it to.
const RESET: Duration = Duration::from_millis(100);

impl<H: Host, const TASKS: usize, S: Serve<H>> Services<'_, H, TASKS, S> {
    /// Serves one connection after the other of a service on a TCP port; for several at once, call it as
    /// often. Returns once [`finish`](Self::finish) was called and the last one has come to its end.
    ///
    /// Dropped, it resets the connection there is; what that had begun is undone.
    ///
    /// # Panics
    ///
    /// embassy-net does, where its `StackResources` have no socket left.
    pub async fn serve_tcp<const RECEIVE: usize, const SEND: usize>(
        &self,
        service: Service,
        port: u16,
        buffers: &mut TcpBuffers<RECEIVE, SEND>,
    ) -> Result<(), ServeError> {
        let TcpBuffers { receive, send, input, output } = buffers;
        let mut socket = TcpSocket::new(self.stack, receive, send);
        // Replies are written whole, so waiting for more only costs the peer time.
        socket.set_nagle_enabled(false);
        socket.set_keep_alive(Some(duration(KEEP_ALIVE)));
        loop {
            socket.set_timeout(Some(duration(HANDSHAKE)));
            match select(socket.accept(port), self.finishing()).await {
                Either::First(Err(AcceptError::InvalidPort)) => return Err(ServeError::Port),
                Either::First(_) => {}
                Either::Second(()) => return Ok(()),
            }
            // Else the peer has not answered our SYN in time.
            let begun = (socket.state() != State::Closed).then(|| self.begin());
            if begun.is_some() {
                socket.set_timeout(Some(duration(SILENCE)));
                let serve = async {
                    if self.serve_one(service, &mut socket, input, output).await {
                        let _ = with_timeout(duration(LINGER), close(&mut socket, input)).await;
                    }
                };
                let _ = select(serve, self.aborting()).await;
            }
            // A socket that listens again forgets a reset that it owes.
            if !matches!(socket.state(), State::Closed | State::TimeWait) {
                socket.abort();
            }
            let _ = with_timeout(RESET, socket.flush()).await;
        }
    }

    /// Drives the session of a connection until it is over. Returns whether the connection is not.
    async fn serve_one(
        &self,
        service: Service,
        socket: &mut TcpSocket<'_>,
        input: &mut [u8],
        output: &mut [u8],
    ) -> bool {
        let server = Shared(S::begin(service, self.limits));
        let mut served =
            Served { buffered: Buffered::new(server, input, output), host: &self.host };
        let Served { buffered, host } = &mut served;
        let (mut reader, mut writer) = socket.split();
        let (runtime, stop) = (self.runtime(), self.finishing());
        run_until(buffered, host, &mut reader, &mut writer, &runtime, stop).await.is_ok()
    }
}

/// A session that returns to the host what it had of it, even if nobody drives it to its end.
struct Served<'a, H: Host, S: Serve<H>> {
    buffered: Buffered<Shared<S>, &'a mut [u8]>,
    host: &'a RefCell<H>,
}

impl<H: Host, S: Serve<H>> Drop for Served<'_, H, S> {
    fn drop(&mut self) {
        self.buffered.session.abort(&mut self.host);
    }
}

/// Closes our side, and discards what the peer still sends until it closes as well, so that no reset
/// overtakes our last reply.
async fn close(socket: &mut TcpSocket<'_>, buffer: &mut [u8]) {
    socket.close();
    let mut discarded = 0_u64;
    while let Ok(len @ 1..) = socket.read(buffer).await {
        discarded = discarded.saturating_add(len as u64);
        if discarded > LINGER_BYTES {
            return; // and the connection is reset
        }
    }
    let _ = socket.flush().await;
}
