//! The datagram services: a call for each.

use crate::services::{ServeError, Services, now};
use crate::{UdpBuffers, UdpSlots, duration};
use embassy_futures::select::{Either, select};
use embassy_net::IpAddress;
use embassy_net::udp::{UdpMetadata, UdpSocket};
use embassy_time::with_timeout;
use unstick::datagram::{Datagram, ETHERNET, Envelope, answer};
use unstick::host::Counter;
use unstick::limits::NEIGHBOR;
use unstick::{Endpoint, Host, Service};

impl<H: Host, const TASKS: usize, S> Services<'_, H, TASKS, S> {
    /// Serves the datagrams of the echo or command service that come to a UDP port. Returns once
    /// [`finish`](Self::finish) was called and the replies have left; it may be dropped.
    ///
    /// What is longer than the largest datagram of an Ethernet, or comes from a port that this node
    /// serves itself, is answered or not as [`answer`] says. Of two calls for one port only one gets datagrams.
    ///
    /// # Panics
    ///
    /// embassy-net does, where its `StackResources` have no socket left.
    pub async fn serve_udp<const RING: usize, const SLOTS: usize>(
        &self,
        service: Service,
        port: u16,
        buffers: &mut UdpBuffers<RING>,
        slots: &mut UdpSlots<SLOTS>,
    ) -> Result<(), ServeError> {
        if Endpoint::udp(service).is_none() {
            return Err(ServeError::Service { service });
        }
        if port == 0 {
            return Err(ServeError::Port);
        }
        let UdpBuffers { receive, send, output } = buffers;
        let UdpSlots { receive: received, send: sent } = slots;
        self.claim(port)?;
        let mut socket = UdpSocket::new(self.stack, received, receive, sent, send);
        let _ = socket.bind(port);
        loop {
            match select(socket.wait_recv_ready(), self.finishing()).await {
                Either::First(()) => {}
                Either::Second(()) => return Ok(()),
            }
            let _begun = self.begin();
            let answered = async {
                for _ in 0..SLOTS {
                    if socket.may_recv() {
                        self.answer_one(service, &mut socket, output).await;
                    }
                }
                socket.flush().await;
            };
            // Replies that wait for longer are dropped, or one forged sender could silence the service.
            if with_timeout(duration(NEIGHBOR), answered).await.is_err() {
                // There is no other way to take a datagram back.
                socket.close();
                let _ = socket.bind(port);
                self.count_rejected();
            }
        }
    }

    /// Answers the next datagram.
    async fn answer_one(
        &self,
        service: Service,
        socket: &mut UdpSocket<'_>,
        output: &mut [u8; ETHERNET],
    ) {
        let config = self.stack.config_v4();
        let own = config.as_ref().map(|config| config.address.address());
        let leads_to = |to: IpAddress| match (to, &config) {
            (IpAddress::Ipv4(to), Some(config)) => {
                config.gateway.is_some() || config.address.contains_addr(&to)
            }
            _ => true,
        };
        let reply = |bytes: &[u8], from: UdpMetadata| {
            let ports = self.ports.borrow();
            let broadcast = match from.local_address {
                Some(IpAddress::Ipv4(asked)) => own != Some(asked),
                #[allow(unreachable_patterns, reason = "IPv6 is the user's to switch on")]
                Some(asked) => asked.is_multicast(),
                None => false,
            };
            let envelope = Envelope { from_port: from.endpoint.port, own_ports: &ports, broadcast };
            let datagram = Datagram::received(bytes.get(..ETHERNET).unwrap_or(bytes), bytes.len());
            let host = &mut *self.host.try_borrow_mut().ok()?;
            if !leads_to(from.endpoint.addr) {
                host.count(Counter::Rejected, 1); // no answer would leave, nor what is behind it
                return None;
            }
            let len = answer(service, now(), host, envelope, datagram, output)?;
            Some((len, UdpMetadata { meta: Default::default(), ..from }))
        };
        if let Some((len, to)) = socket.recv_from_with(reply).await
            && socket.send_to(output.get(..len).unwrap_or_default(), to).await.is_err()
        {
            self.count_rejected();
        }
    }

    fn count_rejected(&self) {
        if let Ok(mut host) = self.host.try_borrow_mut() {
            host.count(Counter::Rejected, 1);
        }
    }
}
