//! The addresses of a host, tried side by side (RFC 8305).

use super::Error;
use crate::url::Url;
use core::net::SocketAddr;
use core::time::Duration;
use std::io::{self, ErrorKind};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// How long an attempt may take before the next begins (RFC 8305, section 8).
const DELAY: Duration = Duration::from_millis(250);

/// A host's addresses in the order to try them: that of the system, the two kinds taking turns.
pub(super) async fn look_up(url: &Url) -> Result<Vec<SocketAddr>, Error> {
    let unresolved = |source| Error::Unresolved { url: url.clone(), source };
    let found = tokio::net::lookup_host((url.host.as_str(), url.port)).await.map_err(unresolved)?;
    let found = in_turns(found.collect());
    if found.is_empty() { Err(unresolved(ErrorKind::NotFound.into())) } else { Ok(found) }
}

fn in_turns(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (same, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first);
    let (mut same, mut other) = (same.into_iter(), other.into_iter());
    let mut turns = Vec::new();
    loop {
        let pair = [same.next(), other.next()];
        if pair == [None, None] {
            return turns;
        }
        turns.extend(pair.into_iter().flatten());
    }
}

/// Makes an attempt at each address, as soon as the one before has failed or has taken a while.
/// Returns what the first one that succeeds does; where none does, an error: rather that nobody
/// listens than another.
pub(super) async fn race<T, F>(
    addresses: Vec<SocketAddr>,
    attempt: impl Fn(SocketAddr) -> F,
) -> io::Result<T>
where
    T: Send + 'static,
    F: Future<Output = io::Result<T>> + Send + 'static,
{
    let mut waiting = addresses.into_iter();
    let mut attempts = JoinSet::new(); // which ends them when it is dropped
    let mut failed: Option<io::Error> = None;
    loop {
        match waiting.next() {
            Some(address) => {
                attempts.spawn(attempt(address));
            }
            None if attempts.is_empty() => {
                return Err(failed.unwrap_or_else(|| ErrorKind::AddrNotAvailable.into()));
            }
            None => {}
        }
        tokio::select! {
            Some(ended) = attempts.join_next() => match ended.unwrap_or_else(|error| Err(error.into())) {
                Ok(result) => return Ok(result),
                Err(error) => {
                    let known = failed.as_ref().is_some_and(|it| it.kind() == ErrorKind::ConnectionRefused);
                    failed = failed.filter(|_| known).or(Some(error));
                }
            },
            () = sleep(DELAY), if waiting.len() > 0 => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn the_two_kinds_take_turns() {
        let found = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1"]);
        let turns = addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"]);
        assert_eq!(in_turns(found), turns);
        let found = addresses(&["1.1.1.1:1", "[::1]:1", "2.2.2.2:1"]);
        assert_eq!(in_turns(found.clone()), found);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_swallows_all_holds_up_no_other() {
        let attempt = |address: SocketAddr| async move {
            match address.port() {
                1 => core::future::pending().await,
                2 => Err(ErrorKind::ConnectionRefused.into()),
                3 => Err(ErrorKind::NetworkUnreachable.into()),
                port => Ok(port),
            }
        };
        let start = tokio::time::Instant::now();
        let raced = race(addresses(&["1.1.1.1:1", "1.1.1.1:2", "1.1.1.1:4"]), attempt).await;
        assert_eq!(raced.unwrap(), 4);
        assert_eq!(start.elapsed(), DELAY);
        let raced = race(addresses(&["1.1.1.1:2", "1.1.1.1:3"]), attempt).await;
        assert_eq!(raced.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }
}
