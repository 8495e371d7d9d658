//! Sessions, hosts, stores, commands, datagrams answered.

use crate::lent::{AnyCaller, AnyHost, AnyStore, any_identity};
use crate::{input, output, text};
use core::hint::black_box;
use unstick::datagram::{self, Datagram, Sender};
use unstick::host::{Counters, Event};
use unstick::store::{self, RamSink, RamSource, RamStore, Store};
use unstick::{
    Answer, Call, Client, Command, Host, Instant, Limits, Node, Outcome, Refusal, Server, Service,
    Session, Status, Text, command,
};

pub(crate) fn drive() {
    service();
    commands();
    counters();
    ram_store();

    host(&mut AnyHost(AnyStore));
    host(&mut Node::new(any_identity(), ram()));
    const OWN: Command<Ram> =
        Command { name: "own", usage: "own", help: "one", takes_body: false, run: own };
    host(&mut Node::with(any_identity(), ram(), const { &[OWN] }, black_box(0)));

    client::<256>();
    client::<1024>();
}

type Ram = Node<RamStore<[u8; 512], 4>, u32>;

fn ram() -> RamStore<[u8; 512], 4> {
    RamStore::new(black_box([[0; 512]; 4]))
}

fn own(node: &mut Ram, call: &Call<'_>, text: &mut Text) -> Outcome<Ram> {
    black_box((&mut node.context, call, text));
    Ok(Answer::Text)
}

fn host<H: Host>(host: &mut H) {
    server::<H, 256, 128>(host);
    server::<H, 1024, 1024>(host);
    while black_box(true) {
        let datagram = black_box(Datagram::Empty);
        let sender = black_box(Sender { port: 0, own: &Service::UDP_PORTS });
        let reply = datagram::answer(any_service(), any_time(), host, sender, datagram, output());
        let _ = black_box(reply);
        black_box((command::builtin::<H>(), Host::commands(host), Host::counters(host)));
        black_box(Host::identity(host));
        Host::count(host, black_box(Event::Frames), black_box(0));
        black_box(Host::store(host));
    }
}

fn server<H: Host, const N: usize, const T: usize>(host: &mut H) {
    let mut server = Server::<H, N, T>::new(any_service(), any_limits());
    session(&mut server, host, |server| black_box(Server::is_idle(server)));
}

fn client<const N: usize>() {
    let mut client = Client::<N>::new(any_service(), any_limits());
    session(&mut client, &mut AnyCaller, |client| black_box(Client::outstanding(client)) == 0);
}

/// Any calls in any order, each upon any state of the session.
fn session<S: Session<H>, H>(session: &mut S, host: &mut H, look: impl Fn(&S) -> bool) {
    while black_box(true) {
        let session = black_box(&mut *session);
        let host = black_box(&mut *host);
        match black_box(0) {
            0 => drop(black_box(Session::step(session, any_time(), host, input(), output()))),
            1 => Session::end(session),
            2 => Session::finish(session),
            3 => Session::abort(session, host),
            _ => drop(black_box(look(session))),
        }
    }
}

fn service() {
    let service = any_service();
    black_box((Service::ALL, Service::as_str(service)));
    black_box((Service::tcp_port(service), Service::udp_port(service)));
}

fn commands() {
    black_box(Status::as_str(black_box(Status::Ok)));
    black_box(Status::parse(text()));
    let call =
        Call { name: "", args: "", body: None, at_once: false, header: 0, now: Instant::ZERO };
    let _ = black_box(Call::name_arg(&black_box(call)));
    black_box(Refusal::new(black_box(Status::Ok), format_args!("{}{}", text(), black_box('a'))));
    black_box(Refusal::from(core::fmt::Error));
    let _ = black_box(store::check_name(text()));
    black_box(store::not_found(text()));
}

fn counters() {
    let mut counters = Counters::default();
    Counters::count(black_box(&mut counters), black_box(Event::Frames), black_box(0));
    black_box(Counters::get(&counters, black_box(Event::Frames)));
    black_box(Event::as_str(black_box(Event::Frames)));
    for counter in Counters::iter(&counters) {
        black_box(counter);
    }
}

fn ram_store() {
    let mut store = ram();
    let mut text_space = heapless::String::<128>::new();
    let mut source: Option<RamSource> = None;
    let mut sink: Option<RamSink> = None;
    while black_box(true) {
        let store = black_box(&mut store);
        match black_box(0) {
            0 => drop(black_box(Store::largest(store))),
            1 => drop(black_box(Store::list(store, black_box(&mut text_space)))),
            2 => source = black_box(Store::open(store, text())).ok(),
            3 => sink = black_box(Store::create(store, text(), black_box(0))).ok(),
            4 => drop(black_box(Store::remove(store, text()))),
            _ => {}
        }
        if let Some(mut source) = black_box(source.take()) {
            let _ = black_box(Store::poll(store, black_box(&mut source)));
            let _ = black_box(Store::read(store, black_box(&mut source), output()));
            Store::close(store, source);
        }
        if let Some(mut sink) = black_box(sink.take()) {
            let _ = black_box(Store::write(store, black_box(&mut sink), input()));
            if black_box(true) {
                let _ = black_box(Store::commit(store, sink));
            } else {
                Store::discard(store, sink);
            }
        }
    }
}

pub(crate) fn any_service() -> Service {
    black_box(Service::Echo)
}

pub(crate) fn any_limits() -> Limits {
    black_box(Limits::DEFAULT)
}

pub(crate) fn any_time() -> Instant {
    black_box(Instant::ZERO)
}
