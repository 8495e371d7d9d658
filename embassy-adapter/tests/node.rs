//! A node, and a user's sockets that ask it, on two stacks with a link in memory between them.

use core::fmt::Write as _;
use core::future::{pending, ready};
use embassy_futures::block_on;
use embassy_futures::join::{join, join4};
use embassy_futures::select::{Either, select, select4};
use embassy_net::tcp::TcpSocket;
use embassy_net::udp::{PacketMetadata, UdpSocket};
use embassy_net::{Config, Ipv4Address, Ipv4Cidr, Runner, Stack, StackResources, StaticConfigV4};
use embassy_net_driver_channel::driver::{HardwareAddress, LinkState};
use embassy_net_driver_channel::{self as channel, Device, RxRunner, TxRunner};
use embassy_time::{Duration, Timer, with_timeout};
use embedded_io_async::{Read as _, Write as _};
use unstick::command::{Answer, Call, Command, Outcome};
use unstick::driver::{Buffered, nonblocking::run_until};
use unstick::host::{Counter, Identity};
use unstick::store::RamStore;
use unstick::{
    Caller, Cancelled, Client, Closed, Host as _, Instant, Limits, Node, Progress, Refusal,
    ReplyEvent, Request, Service, Task, Text,
};
use unstick_embassy::{Runtime, ServeError, Services, TcpBuffers, UdpBuffers, UdpSlots};

const MTU: usize = 1514;
const NODE: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);

/// Whether a button was pressed is all that this node knows.
type Button = Node<RamStore<[u8; 256], 2>, bool, Tasks>;

unstick::tasks! {
    enum Tasks for Button { Press(Press) }
}

const COMMANDS: &[Command<Button>] = &[Command::new("press", press).help("waits for the button")];

struct Press;

fn press(_: &mut Button, _: &Call<'_>, _: &mut Text<'_>) -> Outcome<Button> {
    Ok(Answer::task(Press))
}

impl Task<Button> for Press {
    fn poll(
        &mut self,
        node: &mut Button,
        _: Instant,
        text: &mut Text<'_>,
    ) -> Result<Progress, Refusal> {
        if !node.context {
            return Ok(Progress::Wait);
        }
        write!(text, "pressed")?;
        Ok(Progress::Text)
    }
}

type World = Services<'static, Button, 4>;

/// Serves frames, commands, and datagrams of both kinds until `test` has ended.
fn world<T>(test: impl AsyncFnOnce(Stack<'static>, &World) -> T) -> T {
    let (node, node_link) = stack(NODE);
    let (desk, desk_link) = stack(Ipv4Address::new(10, 0, 0, 2));
    let identity = Identity::new("button", "1");
    let host = Node::with(identity, RamStore::new([[0; 256]; 2]), COMMANDS, false);
    let services = World::new(node, host, Limits::DEFAULT);
    let serve = async {
        let mut rings = [const { TcpBuffers::<1460, 1460>::new() }; 2];
        let mut datagrams = [const { UdpBuffers::<4096>::new() }; 2];
        let mut slots = [const { UdpSlots::<8>::new() }; 2];
        let ([frames, commands], [echo, asked]) = (&mut rings, &mut datagrams);
        let [echo_slots, asked_slots] = &mut slots;
        let ended = join4(
            services.serve_tcp(Service::Frame, 8086, frames),
            services.serve_tcp(Service::Command, 8088, commands),
            services.serve_udp(Service::Echo, 8092, echo, echo_slots),
            services.serve_udp(Service::Command, 8093, asked, asked_slots),
        )
        .await;
        assert_eq!(ended, (Ok(()), Ok(()), Ok(()), Ok(())));
    };
    let test = async {
        desk.wait_config_up().await;
        let result = test(desk, &services).await;
        services.finish();
        services.finished().await;
        result
    };
    let played = async { join(serve, test).await.1 };
    let network = link(node_link, desk_link);
    let bounded = with_timeout(Duration::from_secs(20), select(played, network));
    match block_on(bounded).expect("it comes to an end") {
        Either::First(result) | Either::Second(result) => result,
    }
}

type Network =
    (Runner<'static, Device<'static, MTU>>, RxRunner<'static, MTU>, TxRunner<'static, MTU>);

fn stack(address: Ipv4Address) -> (Stack<'static>, Network) {
    let [.., last] = address.octets();
    let state = Box::leak(Box::new(channel::State::<MTU, 8, 8>::new()));
    let (runner, device) = channel::new(state, HardwareAddress::Ethernet([2, 0, 0, 0, 0, last]));
    let (state, receive, send) = runner.split();
    state.set_link_state(LinkState::Up);
    let config = Config::ipv4_static(StaticConfigV4 {
        address: Ipv4Cidr::new(address, 24),
        gateway: None,
        dns_servers: Default::default(),
    });
    let resources = Box::leak(Box::new(StackResources::<8>::new()));
    let (stack, runner) = embassy_net::new(device, config, resources, u64::from(last));
    (stack, (runner, receive, send))
}

/// Moves frames from each to the other.
async fn link<T>(one: Network, other: Network) -> T {
    let (mut one, mut one_receives, mut one_sends) = one;
    let (mut other, mut other_receives, mut other_sends) = other;
    let there = carry(&mut one_sends, &mut other_receives);
    let back = carry(&mut other_sends, &mut one_receives);
    select4(one.run(), other.run(), there, back).await;
    unreachable!("none of them ends")
}

async fn carry(from: &mut TxRunner<'_, MTU>, to: &mut RxRunner<'_, MTU>) {
    loop {
        let frame = from.tx_buf().await;
        let room = to.rx_buf().await;
        let len = frame.len();
        room[..len].copy_from_slice(frame);
        to.rx_done(len);
        from.tx_done();
    }
}

/// Has a socket of the desk do something with the node's service on a port.
async fn connected<T>(
    desk: Stack<'static>,
    port: u16,
    ask: impl AsyncFnOnce(&mut TcpSocket<'_>) -> T,
) -> T {
    let (mut receive, mut send) = ([0; 1460], [0; 1460]);
    let mut socket = TcpSocket::new(desk, &mut receive, &mut send);
    // One that has just been served is closing still.
    while socket.connect((NODE, port)).await.is_err() {
        Timer::after_millis(1).await;
    }
    let result = ask(&mut socket).await;
    socket.close();
    let _ = socket.flush().await;
    result
}

#[test]
fn a_socket_listens_again_after_each_connection() {
    world(async |desk, _| {
        for _ in 0..3 {
            let answer = connected(desk, 8086, async |socket| {
                socket.write_all(b"upper hello\n").await.unwrap();
                let mut answer = [0; 9];
                socket.read_exact(&mut answer).await.unwrap();
                answer
            });
            assert_eq!(&answer.await, b"\x05\0\0\0HELLO");
        }
    });
}

/// Asks for the button, and keeps the answer.
struct Ask(Vec<u8>);

impl Caller for Ask {
    fn request(&mut self, index: u64) -> Option<Request<'_>> {
        (index == 0).then_some(Request::new("press"))
    }

    fn reply(&mut self, _: u64, event: ReplyEvent<'_>) -> Result<(), Cancelled> {
        if let ReplyEvent::Body(piece) = event {
            self.0.extend_from_slice(piece);
        }
        Ok(())
    }
}

/// One request on one connection: the client finishes once it has begun.
async fn ask(desk: Stack<'static>) -> (Option<Closed>, Vec<u8>) {
    connected(desk, 8088, async |socket| {
        let client: Client = Client::new(Service::Command, Limits::DEFAULT);
        let mut buffered = Buffered::new(client, [0; 1460], [0; 1460]);
        let mut ask = Ask(Vec::new());
        let (mut reader, mut writer) = socket.split();
        let runtime = Runtime(pending);
        let run = run_until(&mut buffered, &mut ask, &mut reader, &mut writer, &runtime, ready(()));
        (run.await.ok(), ask.0)
    })
    .await
}

#[test]
fn a_command_that_waits_is_woken() {
    world(async |desk, services| {
        let press = async {
            Timer::after_millis(50).await;
            services.host().borrow_mut().context = true;
            services.wake();
        };
        let (asked, ()) = join(ask(desk), press).await;
        assert_eq!(asked, (Some(Closed::Finished), b"pressed".to_vec()));
    });
}

#[test]
fn what_was_begun_is_answered_before_it_finishes() {
    world(async |desk, services| {
        let finish = async {
            Timer::after_millis(50).await;
            services.finish();
            assert!(with_timeout(Duration::from_millis(20), services.finished()).await.is_err());
            services.host().borrow_mut().context = true;
            services.wake();
            services.finished().await;
        };
        let ((_, told), ()) = join(ask(desk), finish).await;
        assert_eq!(told, b"pressed");
    });
}

#[test]
fn datagrams_are_answered_but_those_of_the_node_itself() {
    world(async |desk, services| {
        let (mut receive, mut send) = ([0; 4096], [0; 4096]);
        let (mut received, mut sent) = ([PacketMetadata::EMPTY; 8], [PacketMetadata::EMPTY; 8]);
        let mut socket = UdpSocket::new(desk, &mut received, &mut receive, &mut sent, &mut send);
        let mut answer = [0; 64];

        socket.bind(8092).unwrap(); // one that the node serves, too
        socket.send_to(b"an answer", (NODE, 8092)).await.unwrap();
        let silent = with_timeout(Duration::from_millis(50), socket.recv_from(&mut answer)).await;
        assert!(silent.is_err(), "{silent:?}");
        assert_eq!(services.host().borrow().counters().get(Counter::Rejected), 1);
        socket.close();

        socket.bind(5000).unwrap();
        socket.send_to(b"hello", (NODE, 8092)).await.unwrap();
        let (len, from) = socket.recv_from(&mut answer).await.unwrap();
        assert_eq!((&answer[..len], from.endpoint.port), (&b"HELLO"[..], 8092));
    });
}

#[test]
fn what_cannot_be_served_is_said() {
    world(async |_, services| {
        let mut rings = TcpBuffers::<1460, 1460>::new();
        let tcp = services.serve_tcp(Service::Echo, 0, &mut rings).await;
        assert_eq!(tcp, Err(ServeError::Port));
        let (mut rings, mut slots) = (UdpBuffers::<1472>::new(), UdpSlots::<2>::new());
        let mut udp = async |service, port| {
            let served = services.serve_udp(service, port, &mut rings, &mut slots);
            with_timeout(Duration::from_millis(5), served).await
        };
        assert_eq!(udp(Service::Echo, 0).await, Ok(Err(ServeError::Port)));
        let frames = ServeError::Service { service: Service::Frame };
        assert_eq!(udp(Service::Frame, 8086).await, Ok(Err(frames)));
        for port in [8092, 8093, 1, 2] {
            assert!(udp(Service::Echo, port).await.is_err(), "{port} is served");
        }
        assert_eq!(udp(Service::Echo, 3).await, Ok(Err(ServeError::Full { tasks: 4 })));
    });
}

/// A device that is about to restart leaves nobody waiting.
#[test]
fn aborting_resets_what_is_there() {
    world(async |desk, services| {
        let (mut receive, mut send) = ([0; 1460], [0; 1460]);
        let mut socket = TcpSocket::new(desk, &mut receive, &mut send);
        socket.connect((NODE, 8088)).await.unwrap();
        socket.write_all(b"\x22\0\0\0{\"command\":\"put a\"").await.unwrap();
        socket.flush().await.unwrap();
        services.abort();
        let reset = socket.read(&mut [0; 8]).await;
        assert_eq!(reset, Err(embassy_net::tcp::Error::ConnectionReset));
        services.finished().await;
    });
}
