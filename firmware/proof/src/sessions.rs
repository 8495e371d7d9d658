//! Sessions, hosts, stores, commands, datagrams answered.

use crate::lent::{AnyCaller, AnyHost, any_identity, any_request};
use crate::{input, output, text};
use core::hint::black_box;
use unstick::datagram::{self, Datagram, Envelope};
use unstick::host::{Counter, Counters};
use unstick::limits::Oversize;
use unstick::store::{self, RamSink, RamSource, RamStore, Store};
use unstick::{
    Answer, Call, Client, Command, DatagramClient, Endpoint, Host, Instant, Limits, NoTask, Node,
    Outcome, Refusal, Request, Serve, Server, Service, Session, Status, Task, Text, Transport,
    command,
};

pub(crate) fn drive() {
    endpoints();
    limits();
    commands();
    texts();
    datagram_client();
    counters();
    ram_store();

    host(&mut AnyHost::new());
    host(&mut Node::new(any_identity(), ram()));
    const OWN: Command<Ram> = Command::new("own", own);
    host(&mut Node::with(any_identity(), ram(), const { &[OWN] }, black_box(0)));

    client::<256>();
    client::<1024>();
}

type Ram = Node<RamStore<[u8; 512], 4>, u32>;

fn ram() -> RamStore<[u8; 512], 4> {
    RamStore::new(black_box([[0; 512]; 4]))
}

fn own(node: &mut Ram, call: &Call<'_>, text: &mut Text<'_>) -> Outcome<Ram> {
    black_box((&mut node.context, call, text));
    Ok(Answer::Text)
}

fn host<H: Host>(host: &mut H) {
    server::<H, 256, 128>(host);
    server::<H, 1024, 1024>(host);
    while black_box(true) {
        let datagram = black_box(Datagram::Empty);
        let envelope =
            black_box(Envelope { from_port: 0, own_ports: &Endpoint::UDP_PORTS, broadcast: false });
        let reply = datagram::answer(any_service(), any_time(), host, envelope, datagram, output());
        let _ = black_box(reply);
        black_box((command::builtin::<H>(), Host::commands(host), Host::counters(host)));
        black_box(Host::identity(host));
        Host::count(host, black_box(Counter::Frames), black_box(0));
        black_box(Host::store(host));
        black_box((Host::keys(host).is_some(), Host::anyone(host)));
    }
}

fn server<H: Host, const N: usize, const T: usize>(host: &mut H) {
    black_box(Server::<H>::new(any_service(), any_limits()));
    let mut server = Server::<H, N, T>::with_capacity(any_service(), any_limits());
    session(&mut server, host, |server| black_box(Serve::is_idle(server)));
}

fn client<const N: usize>() {
    black_box(Client::new(any_service(), any_limits()));
    let mut client = Client::<N>::with_capacity(any_service(), any_limits());
    while black_box(true) {
        session(&mut client, &mut AnyCaller, |client| black_box(Client::outstanding(client)) == 0);
        Client::finish(&mut client);
    }
}

/// Any calls in any order, each upon any state of the session.
pub(crate) fn session<S: Session<H>, H>(session: &mut S, host: &mut H, look: impl Fn(&S) -> bool) {
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

fn endpoints() {
    let (service, transport) = (any_service(), black_box(Transport::Tcp));
    black_box((Service::ALL, Service::as_str(service), Service::is_bare(service)));
    black_box((Transport::as_str(transport), Endpoint::udp(service)));
    let endpoint = Endpoint::new(service, transport).unwrap_or(Endpoint::tcp(service));
    black_box((Endpoint::service(endpoint), Endpoint::transport(endpoint)));
    black_box((Endpoint::port(endpoint), Endpoint::scheme(endpoint)));
    let _ = black_box(text().parse::<Endpoint>());
}

fn limits() {
    let (limits, time) = (any_limits(), black_box(core::time::Duration::ZERO));
    let limits = Limits::with_oversize(limits, black_box(Oversize::Close));
    let limits = Limits::with_header(Limits::with_idle(limits, time), time);
    black_box(Limits::with_answer(Limits::with_stall(limits, time), time));
}

fn texts() {
    let mut text = Text::new(output());
    while black_box(true) {
        let text = black_box(&mut text);
        let _ = black_box(Text::write_bytes(text, input()));
        Text::truncate(text, black_box(0));
        black_box(Text::as_bytes_mut(text));
        black_box((Text::as_bytes(text), Text::len(text), Text::is_empty(text)));
        black_box(Text::capacity(text));
    }
}

fn datagram_client() {
    let mut client =
        if black_box(true) { DatagramClient::echo() } else { DatagramClient::command() };
    while black_box(true) {
        let client = black_box(&mut client);
        let _ = black_box(DatagramClient::request(client, &any_request(), input(), output()));
        let _ = black_box(DatagramClient::reply(client, input(), black_box(Datagram::Empty)));
        let _ = black_box(Request::check(&any_request(), any_service()));
    }
}

fn commands() {
    black_box(Status::as_str(black_box(Status::Ok)));
    black_box(Status::parse(text()));
    let call = black_box(Call::new(text(), text(), input(), any_time()));
    let _ = black_box(Call::name_arg(&call));
    black_box(Refusal::late());
    // Nobody can make one: it is only there to be a type.
    let _: fn(&mut NoTask, &mut (), Instant, &mut Text<'_>) -> _ = black_box(Task::poll);
    black_box(Refusal::new(black_box(Status::Ok), format_args!("{}{}", text(), black_box('a'))));
    black_box(Refusal::from(core::fmt::Error));
    let _ = black_box(store::check_name(text()));
    black_box(store::not_found(text()));
}

fn counters() {
    let mut counters = Counters::default();
    Counters::count(black_box(&mut counters), black_box(Counter::Frames), black_box(0));
    black_box(Counters::get(&counters, black_box(Counter::Frames)));
    black_box(Counter::as_str(black_box(Counter::Frames)));
    for counter in Counters::iter(&counters) {
        black_box(counter);
    }
}

fn ram_store() {
    let mut store = ram();
    let mut source: Option<RamSource> = None;
    let mut sink: Option<RamSink> = None;
    while black_box(true) {
        let store = black_box(&mut store);
        match black_box(0) {
            0 => drop(black_box(Store::largest(store))),
            1 => drop(black_box(Store::list(store, &mut Text::new(output())))),
            2 => source = black_box(Store::open(store, text())).ok(),
            3 => sink = black_box(Store::create(store, text(), black_box(0))).ok(),
            4 => drop(black_box(Store::remove(store, text()))),
            5 => drop(black_box(Store::most_files(store))),
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
                let _ = black_box(Store::commit(store, sink, black_box(None)));
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
