//! All services of a node on one smoltcp interface.

use crate::connection::Scratch;
use crate::core_time;
use crate::datagrams::{Answered, Datagrams, datagram_limit, received_limit};
use crate::ingress::{Kind, Single, is_tcp, next_hop};
use crate::memory::SEND_SLOTS;
use crate::setup::{Ring, SetupError, check};
use crate::slot::{Slot, listen};
use core::marker::PhantomData;
use core::net::Ipv4Addr;
use heapless::Vec;
use smoltcp::iface::{Interface, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::{Device, Medium, RxToken as _};
use smoltcp::socket::tcp::{Socket, State};
use smoltcp::socket::udp;
use smoltcp::time::Instant;
use smoltcp::wire::{IpAddress, IpEndpoint};
use unstick::datagram;
use unstick::host::Counter;
use unstick::limits::{GIVE_WAY, KEEP_ALIVE, Limits, REQUEST};
use unstick::neighbor::Neighbors;
use unstick::{Endpoint, Host, Serve, Server, Service};

/// Most packets taken in by one poll, so that a flood of them leaves time for all else.
const PACKETS: usize = 32;

/// The services of a node, on at most `TCP` sockets for connections and `UDP` for datagrams.
///
/// The sockets are in a [`SocketSet`] that stays the caller's, beside any sockets of the caller's own:
/// the stack keeps handles of those that are its, and a [`poll`](Self::poll) serves all of them.
///
/// `S` is the session of each connection: a [`Server`] with the default limits, one with others, or one that
/// answers [who has a key](unstick::keys::KeyedServer).
pub struct Stack<'a, H, const TCP: usize, const UDP: usize, S = Server<H>> {
    limits: Limits,
    mtu: usize,
    scratch: Scratch<'a>,
    slots: Vec<Slot<S>, TCP>,
    datagrams: Vec<Datagrams, UDP>,
    /// The ports of the datagram services.
    ports: Vec<u16, UDP>,
    neighbors: Neighbors,
    /// The number of the last connection that a client has begun.
    begun: u32,
    /// Whether there is a slot that is in use.
    active: bool,
    /// Whether a client may have begun a connection since all slots were looked at.
    came: bool,
    /// Whether there are datagrams that waited and can be answered now.
    ready: bool,
    finishing: bool,
    host: PhantomData<fn(&mut H)>,
}

impl<'a, H: Host, const TCP: usize, const UDP: usize, S: Serve<H>> Stack<'a, H, TCP, UDP, S> {
    /// No services yet, over a device with IP packets of at most `mtu` bytes.
    ///
    /// How long the scratch is, see there; it is compared with each socket.
    pub const fn new(limits: Limits, mtu: usize, scratch: Scratch<'a>) -> Self {
        Self {
            limits,
            mtu,
            scratch,
            slots: Vec::new(),
            datagrams: Vec::new(),
            ports: Vec::new(),
            neighbors: Neighbors::new(),
            begun: 0,
            active: false,
            came: false,
            ready: false,
            finishing: false,
            host: PhantomData,
        }
    }

    /// Serves one connection at a time of a service on a TCP port with this socket of the set; for as
    /// many at once call it with as many sockets. For a client more than that the oldest connection
    /// that was never finished gives way, or else the one that has been [idle](GIVE_WAY) for longest;
    /// where there is none the client is refused with a reset.
    pub fn listen(
        &mut self,
        sockets: &mut SocketSet<'_>,
        handle: SocketHandle,
        service: Service,
        port: u16,
    ) -> Result<(), SetupError> {
        let socket = sockets.get_mut::<Socket<'_>>(handle);
        check(REQUEST.saturating_add(1), socket.recv_capacity(), Ring::Receive)?;
        check(1, socket.send_capacity(), Ring::Send)?;
        check(socket.recv_capacity(), self.scratch.input.len(), Ring::Input)?;
        check(1, self.scratch.output.len(), Ring::Output)?;
        if self.slots.is_full() {
            return Err(SetupError::Full);
        }
        // Replies are written whole, so waiting for more only costs the peer time.
        socket.set_nagle_enabled(false);
        socket.set_keep_alive(Some(KEEP_ALIVE.into()));
        listen(socket, port).map_err(|_| SetupError::Port)?;
        let slot = Slot { service, port, handle, in_use: false, begun: 0, connection: None };
        let _ = self.slots.push(slot);
        Ok(())
    }

    /// The number of connections it serves at once: sockets it listens with.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.slots.len()
    }

    /// Serves the datagrams of the echo or command service on a UDP port with this socket of the set,
    /// up to `limit` bytes of payload: a longer one is answered as the cut one it would be elsewhere, a
    /// longer reply is `truncated`. The socket's send ring has one metadata slot, so that a reply is
    /// seen to wait.
    pub fn bind(
        &mut self,
        sockets: &mut SocketSet<'_>,
        handle: SocketHandle,
        service: Service,
        port: u16,
        limit: usize,
    ) -> Result<(), SetupError> {
        if Endpoint::udp(service).is_none() {
            return Err(SetupError::Service { service });
        }
        let socket = sockets.get_mut::<udp::Socket<'_>>(handle);
        // smoltcp drops what the ring cannot hold without a word.
        let slots = socket.packet_recv_capacity();
        let largest = received_limit(self.mtu, usize::MAX, slots).map_err(SetupError::Budget)?;
        check(largest, socket.payload_recv_capacity(), Ring::Receive)?;
        let slots = socket.packet_send_capacity();
        if slots != SEND_SLOTS {
            return Err(SetupError::SendSlots { slots });
        }
        let ring = socket.payload_send_capacity();
        let most = datagram_limit(self.mtu, ring).map_err(SetupError::Budget)?;
        datagram::check(limit, most).map_err(SetupError::Limit)?;
        check(limit, self.scratch.output.len(), Ring::Output)?;
        if self.datagrams.is_full() {
            return Err(SetupError::Full);
        }
        socket.bind(port).map_err(|_| SetupError::Port)?;
        let _ = self.ports.push(port);
        let _ = self.datagrams.push(Datagrams::new(service, port, handle, limit));
        Ok(())
    }

    /// Receives, answers and sends what can be, in bounded time, for every socket of the set: no other
    /// poll of the interface is needed. Returns when to call again if no packet comes before; `None`
    /// if only a packet can change anything.
    ///
    /// - What the caller's own sockets received is theirs to look at afterwards; what they are to send
    ///   leaves with the next call.
    /// - A packet more than 32 waits for the next call, which is due at once then.
    /// - A task or host that said when it will be ready is asked then. One that did not is not heard of
    ///   here: call again when it is.
    /// - `now` is never earlier than in the call before.
    /// - A call too many does no harm; one too late only makes peers wait.
    pub fn poll<D: Device + ?Sized>(
        &mut self,
        now: Instant,
        host: &mut H,
        iface: &mut Interface,
        device: &mut D,
        sockets: &mut SocketSet<'_>,
    ) -> Option<Instant> {
        let Received { more, done } = self.receive(now, host, iface, device, sockets);
        let (deadline, mut again);
        // Not for nothing: looking at every socket is a good part of what a small packet costs.
        if self.active || self.came || !done {
            let Self { scratch, limits, slots, active, came, .. } = self;
            *active = false;
            let looked_at = slots.iter_mut().filter(|slot| slot.in_use || *came);
            let deadlines = looked_at.filter_map(|slot| {
                let socket = sockets.get_mut::<Socket<'_>>(slot.handle);
                slot.in_use = !socket.is_listening();
                *active |= slot.in_use;
                slot.in_use.then(|| slot.poll(now, host, socket, scratch, limits))?
            });
            deadline = deadlines.min();
            self.came = false;
            loop {
                let sent = iface.poll_egress(now, device, sockets);
                again = iface.poll_at(now, sockets);
                if sent == PollResult::None || again.is_none_or(|at| at > now) {
                    break;
                }
            }
            // After sending: a socket that listens again forgets a reset or acknowledgement it owes.
            self.renew(now, host, sockets);
        } else {
            deadline = None;
            again = iface.poll_at(now, sockets);
        }
        // What waited for a reply to leave, which it may just have done.
        self.ready = !done && self.datagrams.iter().any(|it| it.is_ready(sockets));
        if more || self.ready {
            again = Some(now);
        }
        again.into_iter().chain(deadline).min()
    }

    /// Takes packets in and answers datagrams as they come, because their rings are short.
    fn receive<D: Device + ?Sized>(
        &mut self,
        now: Instant,
        host: &mut H,
        iface: &mut Interface,
        device: &mut D,
        sockets: &mut SocketSet<'_>,
    ) -> Received {
        // First those that waited: then what is answered is the packet that has just come.
        if self.ready || self.datagrams.iter().any(Datagrams::has_waited) {
            self.answer(now, host, iface, device, sockets);
        }
        let medium = device.capabilities().medium;
        let mut answered = 0;
        for packets in 0..PACKETS {
            let Some(kind) = self.receive_one(now, medium, host, iface, device, sockets) else {
                return Received { more: false, done: packets > 0 && answered == packets };
            };
            match kind {
                Kind::Tcp | Kind::Syn { .. } | Kind::Silent => {}
                Kind::Other => {
                    let any = self.answer(now, host, iface, device, sockets);
                    answered += usize::from(any);
                    self.came |= !any; // over IPv6 perhaps, which is not looked into
                }
            }
        }
        Received { more: true, done: answered == PACKETS }
    }

    /// Takes one packet in. Returns what it was, or `None` if there is none.
    fn receive_one<D: Device + ?Sized>(
        &mut self,
        now: Instant,
        medium: Medium,
        host: &mut H,
        iface: &mut Interface,
        device: &mut D,
        sockets: &mut SocketSet<'_>,
    ) -> Option<Kind> {
        let (packet, answer) = device.receive(now)?;
        let meta = packet.meta();
        let (kind, shown) = packet.consume(|frame| {
            let known = medium == Medium::Ethernet && self.neighbors.knows(core_time(now), frame);
            if known && !is_tcp(frame) {
                // The common case, and a short one.
                iface.poll_ingress_single(now, &mut Single::new(frame, meta, answer), sockets);
                return (Kind::Other, None);
            }
            let kind = Kind::of(now, frame, medium, known, iface);
            let taken = match kind {
                Kind::Silent => {
                    host.count(Counter::Rejected, 1);
                    false
                }
                Kind::Syn { from, port } => self.make_room(now, from, port, host, sockets),
                Kind::Tcp | Kind::Other => true,
            };
            if taken {
                iface.poll_ingress_single(now, &mut Single::new(frame, meta, answer), sockets);
            }
            if !taken || known || medium != Medium::Ethernet {
                return (kind, None);
            }
            let hop = |from: Ipv4Addr| match next_hop(now, iface, from.into())? {
                IpAddress::Ipv4(hop) => Some(hop),
                #[allow(unreachable_patterns, reason = "IPv6 is the user's to switch on")]
                _ => None,
            };
            (kind, self.neighbors.heard(core_time(now), frame, hop))
        });
        if let Some(shown) = shown
            && let Some(answer) = device.transmit(now)
        {
            iface.poll_ingress_single(now, &mut Single::new(&shown, meta, answer), sockets);
        }
        Some(kind)
    }

    /// Sees to it that a client that begins a connection finds a socket that listens, if one can be
    /// had. Returns whether the client is to be answered: where a socket is about to be free it is
    /// left to try again, as it does by itself.
    ///
    /// Not inlined: few packets begin a connection, and all others would pay for it.
    #[inline(never)]
    fn make_room(
        &mut self,
        now: Instant,
        from: IpEndpoint,
        port: u16,
        host: &mut H,
        sockets: &mut SocketSet<'_>,
    ) -> bool {
        // The packet before may have been the last of its connection.
        self.renew(now, host, sockets);
        self.came = true;
        self.begun = self.begun.wrapping_add(1);
        let begun = self.begun;
        let (mut half_open, mut idle, mut closing, mut served) = (None, None, false, false);
        for (index, slot) in self.slots.iter_mut().enumerate().filter(|(_, it)| it.port == port) {
            served = true;
            let socket = sockets.get_mut::<Socket<'_>>(slot.handle);
            if socket.remote_endpoint() == Some(from) {
                return true; // it has come before
            }
            match (socket.state(), &slot.connection) {
                (State::Listen, _) => {
                    slot.begun = begun; // it is the one that smoltcp takes
                    return true;
                }
                (State::SynReceived, _) => {
                    let age = begun.wrapping_sub(slot.begun);
                    half_open = half_open.max(Some((age, index)));
                }
                (_, Some(connection)) => {
                    let age = core_time(now).since(connection.moved());
                    let is_closing = connection.closed().is_some();
                    closing |= is_closing && age < GIVE_WAY;
                    if is_closing || connection.session.is_idle() {
                        idle = idle.max(Some((age, index)));
                    }
                }
                _ => {}
            }
        }
        let idle = idle.filter(|(age, _)| *age >= GIVE_WAY).map(|(_, index)| index);
        let gives_way = match half_open {
            Some((_, index)) => Some(index),
            None if closing => return false,
            None => idle,
        };
        match gives_way.and_then(|index| self.slots.get_mut(index)) {
            _ if self.finishing => {} // it is refused, but not because all are taken
            Some(slot) => {
                slot.begun = begun;
                let socket = sockets.get_mut::<Socket<'_>>(slot.handle);
                socket.abort();
                slot.renew(now, host, socket, false);
                host.count(Counter::Evicted, 1);
            }
            None if served => host.count(Counter::Refused, 1),
            None => {}
        }
        true
    }

    /// Has every socket listen again whose connection has ended.
    fn renew(&mut self, now: Instant, host: &mut H, sockets: &mut SocketSet<'_>) {
        for slot in self.slots.iter_mut().filter(|slot| slot.in_use || self.came) {
            slot.renew(now, host, sockets.get_mut(slot.handle), self.finishing);
        }
    }

    /// Answers the datagrams there are, and sends the replies; whether there was one.
    fn answer<D: Device + ?Sized>(
        &mut self,
        now: Instant,
        host: &mut H,
        iface: &mut Interface,
        device: &mut D,
        sockets: &mut SocketSet<'_>,
    ) -> bool {
        let Self { scratch, ports, .. } = self;
        let mut any = false;
        loop {
            let mut all = Answered::default();
            for datagrams in &mut self.datagrams {
                let it = datagrams.answer(now, host, iface, sockets, ports, scratch.output);
                all = Answered { any: all.any | it.any, left: all.left | it.left };
            }
            if !all.any {
                return any;
            }
            any = true;
            iface.poll_egress(now, device, sockets);
            if !all.left {
                return any;
            }
        }
    }

    /// Takes no new connection and no new request. Go on polling until it
    /// [is finished](Self::is_finished), so that what was begun comes to its end.
    pub fn finish(&mut self, sockets: &mut SocketSet<'_>) {
        self.finishing = true;
        for slot in &mut self.slots {
            match &mut slot.connection {
                Some(connection) => connection.session.finish(),
                None => sockets.get_mut::<Socket<'_>>(slot.handle).abort(),
            }
        }
    }

    /// Resets every connection, so that no peer waits for what will not come: for a device that is about
    /// to restart. The resets leave with the next [`poll`](Self::poll). What the connections had begun is
    /// undone, and nothing is served any more.
    pub fn abort(&mut self, now: Instant, host: &mut H, sockets: &mut SocketSet<'_>) {
        (self.finishing, self.came) = (true, true); // all are looked at
        for slot in &mut self.slots {
            sockets.get_mut::<Socket<'_>>(slot.handle).abort();
            if let Some(connection) = &mut slot.connection {
                connection.abort(core_time(now), host);
            }
        }
    }

    /// Whether every connection is closed and every reply sent after [`Stack::finish`].
    #[must_use]
    pub fn is_finished(&self, sockets: &SocketSet<'_>) -> bool {
        self.finishing
            && self.slots.iter().all(|slot| slot.connection.is_none())
            && !self.datagrams.iter().any(|it| it.is_waiting(sockets))
    }
}

/// How taking packets in has ended.
struct Received {
    /// There may be more of them.
    more: bool,
    /// There were some, all of them datagrams that have been answered, so that nobody else can have
    /// anything to do.
    done: bool,
}

#[cfg(all(test, not(feature = "tap")))]
mod sizes;
#[cfg(test)]
mod tests;
