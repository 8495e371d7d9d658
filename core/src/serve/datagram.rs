//! The server's side of a datagram: one in, at most one out, and nothing kept.

use super::command::Shown;
use super::copy_upper;
use super::exchange::{Blocked, Exchange, Origin};
#[cfg(feature = "noise")]
use super::host::asks_for_keys;
use super::host::{Access, Counter, Host};
use super::reply::{Refusal, Status};
use super::server::{line, refusal};
use crate::bytes::number;
use crate::datagram::{Datagram, Envelope};
use crate::endpoint::Service;
#[cfg(feature = "noise")]
use crate::keys::datagrams;
use crate::limits::{AMPLIFICATION, HEADER, TEXT};
use crate::time::Instant;
use crate::wire::frame::PREFIX;
use crate::wire::header::{Fields, has_status};
use crate::wire::message::{self, End, Integrity, Kind, MessageError};
use heapless::String;
#[cfg(feature = "noise")]
use zeroize::Zeroize as _;

/// Where a datagram's request comes by: there is no session, so nothing waits.
const ORIGIN: Origin<'_> = Origin { header: HEADER, limits: None, shown: Shown::NOTHING };

/// Answers a datagram of the echo or command service. Returns the number of bytes of the reply in
/// `output`, or `None` where nothing is to be sent.
///
/// `output` is as long as the largest datagram the node can send (see
/// [`Budget`](crate::datagram::Budget)); a reply is also never longer than [`AMPLIFICATION`] times its
/// request. One that does not fit is answered `truncated`, with its true size and no body; if its
/// command [changed something](crate::Command::read_only), `ok` without a body.
pub fn answer<H: Host>(
    service: Service,
    now: Instant,
    host: &mut H,
    envelope: Envelope<'_>,
    datagram: Datagram<'_>,
    output: &mut [u8],
) -> Option<usize> {
    let Envelope { from_port, own_ports, broadcast } = envelope;
    if broadcast || from_port == 0 || own_ports.contains(&from_port) {
        host.count(Counter::Rejected, 1);
        return None;
    }
    #[cfg(feature = "noise")]
    if service == Service::Command && asks_for_keys(host) {
        let reply = sealed(now, host, datagram.bytes(), output);
        if reply.is_none() {
            host.count(Counter::Denied, 1);
        }
        return reply;
    }
    host.count(Counter::Bytes, datagram.bytes().len() as u64);
    let reply = match (service, datagram) {
        (_, Datagram::Truncated { head, .. }) => {
            host.count(Counter::Truncated, 1);
            if service == Service::Command { cut(now, host, head, output) } else { None }
        }
        (Service::Echo, _) => {
            host.count(Counter::Frames, 1);
            let bytes = datagram.bytes();
            (copy_upper(bytes, output) == bytes.len()).then_some(bytes.len())
        }
        (Service::Command, Datagram::Whole(bytes)) => command(now, host, bytes, output),
        _ => None,
    };
    if reply.is_none() {
        host.count(Counter::Rejected, 1);
    }
    reply
}

/// A request cut on arrival: `too-large` with the limit, if its id could still be read.
#[inline(never)] // as below
fn cut<H: Host>(now: Instant, host: &mut H, head: &[u8], output: &mut [u8]) -> Option<usize> {
    let (header, _) = message::split::<HEADER>(head).ok()?;
    if header.status.is_some() {
        return None; // a reply (rule U5)
    }
    let id = header.id?;
    let why = format_args!("the datagram is over the limit of {} bytes", number(head.len()));
    let mut exchange = Exchange::<H, TEXT>::new();
    let line = Err(Refusal::new(Status::TooLarge, why));
    exchange.begin(host, now, Some(id), line, Some(0), ORIGIN);
    host.access(Access::Reply { status: exchange.status(), size: exchange.left() });
    write(&mut exchange, host, now, space(output, head), ORIGIN)
}

#[inline(never)] // its buffers are on the stack only while it runs, and not those of both
fn command<H: Host>(
    now: Instant,
    host: &mut H,
    request: &[u8],
    output: &mut [u8],
) -> Option<usize> {
    let mut exchange = Exchange::<H, TEXT>::new();
    run(&mut exchange, now, host, request, ORIGIN)?;
    let reply = write(&mut exchange, host, now, space(output, request), ORIGIN);
    exchange.abort(host);
    reply
}

/// The same of a message that is sealed with the key of a session (rule K8). Its reply may be of any length:
/// who has the key is no forged sender.
#[cfg(feature = "noise")]
#[inline(never)]
fn sealed<H: Host>(
    now: Instant,
    host: &mut H,
    datagram: &[u8],
    output: &mut [u8],
) -> Option<usize> {
    let opened = datagrams::open(host.keys()?, now, datagram, output)?;
    host.count(Counter::Bytes, datagram.len() as u64);
    let shown = Shown::key(opened.key.id(), opened.key.role());
    let origin = Origin { shown, ..ORIGIN };
    let mut exchange = Exchange::<H, TEXT>::new();
    let request = output.get_mut(..opened.len)?;
    let result = run(&mut exchange, now, host, request, origin);
    request.zeroize();
    result?;
    let reply = write(&mut exchange, host, now, datagrams::space(output), origin);
    exchange.abort(host);
    opened.seal(reply?, output)
}

/// Runs a request, up to its reply. Returns `None` where there is none to be sent.
fn run<H: Host>(
    exchange: &mut Exchange<H, TEXT>,
    now: Instant,
    host: &mut H,
    request: &[u8],
    origin: Origin<'_>,
) -> Option<()> {
    match message::split::<HEADER>(request) {
        Ok((header, _)) if header.status.is_some() => return None, // rule U5: a reply
        Err(_) if has_status(request.get(PREFIX..).unwrap_or_default()) => return None,
        Err(error) => {
            let why = refusal(&error);
            host.access(Access::Request(Err(&why)));
            exchange.refuse(host, &why);
        }
        Ok((header, body)) => {
            let (declared, seen) = (header.total_size.unwrap_or(0), body.len() as u64);
            let mut decoded = String::<HEADER>::new();
            let line = if declared == seen {
                line(&header, &mut decoded)
            } else {
                Err(MessageError::Size { declared, seen })
            };
            let line = line.map_err(|error| refusal(&error));
            exchange.begin(host, now, header.id, line, Some(seen), origin);
            if !exchange.drops_body()
                && (body.is_empty() || exchange.body_piece(host, body).is_ok())
            {
                let end = match (origin.shown.is_sealed(), header.md5) {
                    (true, None) => End { integrity: Integrity::Unverified, digest: None },
                    _ => message::verify(Kind::Request, &header, body),
                };
                exchange.body_end(host, now, end, origin);
            }
        }
    }
    if let Err(Blocked::Until(_)) = exchange.poll(host, now) {
        exchange.refuse(host, &Refusal::late());
    }
    host.access(Access::Reply { status: exchange.status(), size: exchange.left() });
    Some(())
}

/// Writes the reply if all of it fits and is there, else that it does not or is not.
fn write<H: Host>(
    exchange: &mut Exchange<H, TEXT>,
    host: &mut H,
    now: Instant,
    output: &mut [u8],
    origin: Origin<'_>,
) -> Option<usize> {
    let is_sealed = origin.shown.is_sealed();
    let head = exchange.with_fields(host, !is_sealed, |fields| {
        let fields = if is_sealed { &Fields { md5: None, ..*fields } } else { fields };
        let head = message::write_header(fields, output)?;
        let body = usize::try_from(fields.total_size).ok()?;
        (head.checked_add(body)? <= output.len()).then_some(head)
    });
    let Some(mut end) = head? else {
        host.count(Counter::Truncated, 1);
        // Nobody should ask again for what has been done.
        let has_changed = exchange.has_changed();
        let truncated = exchange.with_fields(host, false, |fields| {
            let (status, total_size) = match has_changed {
                true => (Status::Ok, 0),
                false => (Status::Truncated, fields.total_size),
            };
            let (id, status) = (fields.id, Some(status.as_str()));
            message::write_header(&Fields { id, status, total_size, ..Fields::default() }, output)
        });
        return truncated.flatten();
    };
    while exchange.left() > 0 {
        match exchange.read(host, now, output.get_mut(end..).unwrap_or_default()) {
            Ok(read) => end = end.saturating_add(read),
            Err(Blocked::Failed) => return None,
            Err(Blocked::Until(_)) => {
                exchange.refuse(host, &Refusal::late());
                return write(exchange, host, now, output, origin);
            }
        }
    }
    Some(end)
}

/// What of the output a reply to that request may fill (rule U4).
fn space<'o>(output: &'o mut [u8], request: &[u8]) -> &'o mut [u8] {
    let most = request.len().saturating_mul(AMPLIFICATION).min(output.len());
    output.get_mut(..most).unwrap_or_default()
}

#[cfg(test)]
mod tests;
