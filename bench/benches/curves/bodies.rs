//! By the size of a body: bytes a second, and memory.

use crate::drawing::{Curve, Picture};
use core::time::Duration;
use std::io;
use std::path::Path;
use std::time::Instant;
use tempfile::TempDir;
use unstick_bench::{memory_of, node};
use unstick_std::client::{Ask, Body, Client};

/// How long each size is measured, at least once.
const TIME: Duration = Duration::from_secs(1);

/// 16 bytes, 64, and so on.
fn sizes(most: u64) -> impl Iterator<Item = u64> {
    core::iter::successors(Some(16_u64), |size| size.checked_mul(4))
        .take_while(move |it| *it <= most)
}

/// The rate at which bodies of each size come and go, and what the node's memory has come to by then.
pub(crate) fn rates_and_memory(most: u64) -> [Picture; 2] {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    let folder = folder.expect("a folder can be made");
    let (node, address) = node("command", &["--root".as_ref(), folder.path().as_ref()]);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (mut gets, mut puts, mut most_memory) = (Vec::new(), Vec::new(), Vec::new());
    runtime.block_on(async {
        let client =
            Client::connect(format!("command://{address}")).await.expect("the node is there");
        for size in sizes(most) {
            // Without its digest: that is made once, and not what grows here.
            let put = async || {
                let body = Body::new(io::Read::take(io::repeat(7), size), size);
                client.ask(Ask::new("put file").body(body)).await
            };
            puts.push((size as f64, rate(size, put).await));
            let get = async || client.ask(Ask::new("get file").sink(io::sink())).await;
            gets.push((size as f64, rate(size, get).await));
            most_memory.extend(memory_of(node.id(), "VmHWM").map(|kib| (size as f64, kib as f64)));
        }
    });
    [
        Picture {
            name: "rate-by-body",
            title: "Bytes a second of one file after the other, by size",
            x: "bytes",
            y: "bytes/s",
            curves: vec![Curve { name: "get", points: gets }, Curve { name: "put", points: puts }],
        },
        Picture {
            name: "memory-by-body",
            title: "The most memory of a node that has moved files of that size",
            x: "bytes",
            y: "KiB",
            curves: vec![Curve { name: "unstick serve", points: most_memory }],
        },
    ]
}

/// Bytes a second, of as many as there is time for.
async fn rate<E: core::fmt::Debug>(
    size: u64,
    once: impl AsyncFn() -> Result<unstick_std::client::Reply, E>,
) -> f64 {
    let (start, mut bytes) = (Instant::now(), 0);
    while bytes == 0 || start.elapsed() < TIME {
        let reply = once().await.expect("the node answers");
        assert!(reply.is_ok(), "{reply}");
        bytes += size;
    }
    bytes as f64 / start.elapsed().as_secs_f64()
}
