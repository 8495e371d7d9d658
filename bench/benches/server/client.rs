//! One client for all servers: it sends the same request again and again, and compares each reply.

use core::net::SocketAddr;
use core::time::Duration;
use std::io;
use std::time::Instant;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

/// A request and its reply, byte for byte.
#[derive(Clone)]
pub(crate) struct Work {
    pub(crate) is_command: bool,
    request: Vec<u8>,
    reply: Vec<u8>,
}

impl Work {
    /// 64 bytes that come back. They have no small letters, which our echo makes large.
    pub(crate) fn echo() -> Self {
        Self { is_command: false, request: vec![b'X'; 64], reply: vec![b'X'; 64] }
    }

    /// A command of the command service, and its reply, both with a header in JSON.
    pub(crate) fn command() -> Self {
        let (text, answer) = ("hello, world".repeat(4), "HELLO, WORLD".repeat(4));
        let digest = unstick::digest::Hasher::digest(answer.as_bytes()).expect("there is MD5");
        let request = format!("{{\"id\":1,\"command\":\"upper {text}\"}}");
        let reply = format!(
            "{{\"id\":1,\"status\":\"ok\",\"filename\":\"\",\"total_size\":{},\"md5\":\"{digest}\"}}",
            answer.len()
        );
        let framed =
            |header: String| [&(header.len() as u32).to_le_bytes()[..], header.as_bytes()].concat();
        let mut reply = framed(reply);
        reply.extend(answer.as_bytes());
        Self { is_command: true, request: framed(request), reply }
    }
}

/// So many connections that do nothing until they are dropped, or as many as the system allows.
pub(crate) fn idle(server: SocketAddr, connections: usize) -> Vec<std::net::TcpStream> {
    (0..connections).map_while(|_| std::net::TcpStream::connect(server).ok()).collect()
}

/// Sends so many requests in all; returns how long it took.
pub(crate) fn run(
    work: &Work,
    server: SocketAddr,
    connections: usize,
    depth: usize,
    requests: usize,
) -> Duration {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut streams = Vec::new();
        for _ in 0..connections {
            let stream = TcpStream::connect(server).await.expect("the server is there");
            stream.set_nodelay(true).expect("it can be set");
            streams.push(stream);
        }
        let start = Instant::now();
        let mut all = JoinSet::new();
        for stream in streams {
            all.spawn(ask(stream, work.clone(), depth, requests / connections / depth));
        }
        while let Some(asked) = all.join_next().await {
            asked.expect("it does not panic").expect("the server answers");
        }
        start.elapsed()
    })
}

async fn ask(mut stream: TcpStream, work: Work, depth: usize, times: usize) -> io::Result<()> {
    let (requests, replies) = (work.request.repeat(depth), work.reply.repeat(depth));
    let mut seen = vec![0; replies.len()];
    for _ in 0..times {
        stream.write_all(&requests).await?;
        stream.read_exact(&mut seen).await?;
        assert!(seen == replies, "another reply: {}", seen.escape_ascii());
    }
    Ok(())
}
