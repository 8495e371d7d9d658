//! By connections: requests a second, and memory.

use crate::drawing::{Curve, Picture};
use core::net::SocketAddr;
use core::time::Duration;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;
use unstick_bench::{memory_of, node};

/// How long each number of connections is measured.
const TIME: Duration = Duration::from_secs(2);

/// 1, 10, 100 and so on.
fn steps(most: usize) -> impl Iterator<Item = usize> {
    core::iter::successors(Some(1_usize), |step| step.checked_mul(10))
        .take_while(move |it| *it <= most)
}

/// So many connections, or as many as the system allows.
fn connect(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    let streams: Vec<_> = (0..count).map_while(|_| TcpStream::connect(address).ok()).collect();
    for stream in &streams {
        stream.set_nodelay(true).expect("it can be set");
    }
    streams
}

/// Each connection asks in turn, eight of them at a time: what a request costs the node, whoever else is there.
pub(crate) fn rates(most: usize) -> Picture {
    let curves = [("echo", b"X".repeat(64)), ("command", command())].map(|(service, request)| {
        let (_node, address) = node(service, &[]);
        let points = steps(most).map_while(|count| {
            let streams = connect(address, count);
            (streams.len() == count).then(|| (count as f64, rate(streams, &request)))
        });
        Curve { name: service, points: points.collect() }
    });
    Picture {
        name: "rate-by-connections",
        title: "Requests a second, by connections",
        x: "connections",
        y: "requests/s",
        curves: curves.into(),
    }
}

fn command() -> Vec<u8> {
    let header = br#"{"id":1,"command":"upper hello"}"#;
    [&(header.len() as u32).to_le_bytes()[..], header].concat()
}

fn rate(mut streams: Vec<TcpStream>, request: &[u8]) -> f64 {
    const AT_ONCE: usize = 8;
    let mut seen = [0; 512];
    let (start, mut requests) = (Instant::now(), 0_u32);
    while start.elapsed() < TIME {
        for some in streams.chunks_mut(AT_ONCE) {
            for stream in &mut *some {
                stream.write_all(request).expect("the node reads");
            }
            for stream in &mut *some {
                // A reply is small, and comes as one piece.
                assert!(stream.read(&mut seen).expect("the node answers") > 0);
                requests += 1;
            }
            if start.elapsed() >= TIME {
                break;
            }
        }
    }
    f64::from(requests) / start.elapsed().as_secs_f64()
}

/// What idle connections take.
pub(crate) fn memory(most: usize) -> Picture {
    let curves =
        [("that never asked", false), ("that have asked once", true)].map(|(name, ask)| {
            let points = steps(most).map_while(|count| {
                let (node, address) = node("echo", &[]);
                // What a node takes with its first connections is its own.
                let _first = used(address, 4);
                let before = memory_of(node.id(), "VmRSS")?;
                let mut streams = connect(address, count);
                if ask {
                    ask_each(&mut streams);
                }
                let _last = used(address, 1); // by then it has accepted the others
                std::thread::sleep(Duration::from_millis(500));
                let after = memory_of(node.id(), "VmRSS")?;
                (streams.len() == count)
                    .then(|| (count as f64, after.saturating_sub(before).max(1) as f64))
            });
            Curve { name, points: points.collect() }
        });
    Picture {
        name: "memory-by-connections",
        title: "Memory of idle connections",
        x: "connections",
        y: "KiB",
        curves: curves.into(),
    }
}

fn used(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    let mut streams = connect(address, count);
    ask_each(&mut streams);
    streams
}

fn ask_each(streams: &mut [TcpStream]) {
    for stream in streams {
        stream.write_all(b"X").expect("the node reads");
        stream.read_exact(&mut [0]).expect("the node answers");
    }
}
