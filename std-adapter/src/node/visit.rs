//! The access line: who asked what, and what came of it.

use core::net::SocketAddr;
use std::time::Instant;
use tracing::{Level, debug};
use unstick::Endpoint;
use unstick::host::Access;

/// Characters of a request's line that are logged.
const LOGGED: usize = 120;

/// Who asks, and the last request: a line of the log each.
///
/// ```text
/// 127.0.0.1:41844 command "upper hello" ok 5 bytes 0.1 ms
/// ```
#[derive(Clone, Debug)]
pub struct Visit {
    who: String,
    line: String,
    began: Instant,
}

impl Visit {
    /// A peer of that service; `None` if nobody reads its lines (they are of level debug).
    #[must_use]
    pub fn of(endpoint: Endpoint, peer: SocketAddr) -> Option<Self> {
        tracing::enabled!(Level::DEBUG).then(|| Self {
            who: format!("{peer} {endpoint}"),
            line: String::new(),
            began: Instant::now(),
        })
    }

    /// Keeps a request, and logs it with its reply.
    pub fn access(&mut self, access: Access<'_>) {
        match access {
            Access::Request(line) => {
                self.line = line.unwrap_or("?").chars().take(LOGGED).collect();
                self.began = Instant::now();
            }
            Access::Reply { status, size } => {
                let Self { who, line, began } = self;
                let (status, millis) = (status.as_str(), began.elapsed().as_secs_f64() * 1e3);
                // What a peer says is quoted, with its escapes shown.
                debug!("{who} {line:?} {status} {size} bytes {millis:.1} ms");
            }
        }
    }
}
