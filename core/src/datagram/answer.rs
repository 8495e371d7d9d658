//! The server's side of a datagram: one in, at most one out, and nothing kept.

use super::{Datagram, Sender};
use crate::bytes::copy_upper;
use crate::command::Terms;
use crate::exchange::Exchange;
use crate::header::Fields;
use crate::host::{Event, Host};
use crate::limits::{AMPLIFICATION, HEADER, TEXT};
use crate::message::{self, MessageError};
use crate::reply::{Refusal, Status};
use crate::server::{line, refusal};
use crate::service::Service;
use crate::time::Instant;
use core::task::Poll;
use heapless::String;

/// Answers a datagram of the echo or command service; gives the bytes of the reply in `output`, or
/// `None` where nothing is to be sent.
///
/// `output` is as long as the largest datagram the node can send (see
/// [`Budget`](super::Budget)); a reply is also never longer than [`AMPLIFICATION`] times its
/// request. One that does not fit is answered `truncated`, with its true size and no body.
pub fn answer<H: Host>(
    service: Service,
    now: Instant,
    host: &mut H,
    sender: Sender<'_>,
    datagram: Datagram<'_>,
    output: &mut [u8],
) -> Option<usize> {
    if sender.port == 0 || sender.own.contains(&sender.port) {
        host.count(Event::Rejected, 1);
        return None;
    }
    host.count(Event::Bytes, datagram.bytes().len() as u64);
    let reply = match (service, datagram) {
        (_, Datagram::Truncated { head, .. }) => {
            host.count(Event::Truncated, 1);
            if service == Service::Command { cut(now, host, head, output) } else { None }
        }
        (Service::Echo, _) => {
            host.count(Event::Frames, 1);
            let bytes = datagram.bytes();
            (copy_upper(bytes, output) == bytes.len()).then_some(bytes.len())
        }
        (Service::Command, Datagram::Whole(bytes)) => command(now, host, bytes, output),
        _ => None,
    };
    if reply.is_none() {
        host.count(Event::Rejected, 1);
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
    let why = format_args!("the datagram is over the limit of {} bytes", head.len());
    let mut exchange = Exchange::<H, TEXT>::new();
    let terms = Terms { now, body: Some(0), at_once: true, header: HEADER };
    exchange.begin(host, Some(id), Err(Refusal::new(Status::TooLarge, why)), terms);
    write(&mut exchange, host, space(output, head))
}

#[inline(never)] // its buffers are on the stack only while it runs, and not those of both
fn command<H: Host>(
    now: Instant,
    host: &mut H,
    request: &[u8],
    output: &mut [u8],
) -> Option<usize> {
    let mut exchange = Exchange::<H, TEXT>::new();
    match message::split::<HEADER>(request) {
        Err(error) => exchange.refuse(host, &refusal(&error)),
        Ok((header, _)) if header.status.is_some() => return None, // rule U5: a reply
        Ok((header, body)) => {
            let (declared, seen) = (header.total_size.unwrap_or(0), body.len() as u64);
            let mut decoded = String::<HEADER>::new();
            let line = if declared == seen {
                line(&header, &mut decoded)
            } else {
                Err(MessageError::Size { declared, seen })
            };
            let terms = Terms { now, body: Some(seen), at_once: true, header: HEADER };
            exchange.begin(host, header.id, line.map_err(|error| refusal(&error)), terms);
            if !exchange.drops_body() && (body.is_empty() || exchange.take(host, body).is_ok()) {
                exchange.taken(host, message::verify(&header, body));
            }
        }
    }
    if exchange.poll(host) == Poll::Pending {
        let why = format_args!("a datagram does not wait for this answer: ask again over TCP");
        exchange.refuse(host, &Refusal::new(Status::Busy, why));
    }
    let reply = write(&mut exchange, host, space(output, request));
    exchange.abort(host);
    reply
}

/// Writes the reply if all of it fits, else that it does not.
fn write<H: Host>(
    exchange: &mut Exchange<H, TEXT>,
    host: &mut H,
    output: &mut [u8],
) -> Option<usize> {
    let head = exchange.with_fields(host, true, |fields| {
        let head = message::write_header(fields, output)?;
        let body = usize::try_from(fields.total_size).ok()?;
        (head.checked_add(body)? <= output.len()).then_some(head)
    });
    let Some(mut end) = head? else {
        host.count(Event::Truncated, 1);
        let truncated = exchange.with_fields(host, false, |fields| {
            let (id, total_size) = (fields.id, fields.total_size);
            let status = Some(Status::Truncated.as_str());
            message::write_header(&Fields { id, status, total_size, ..Fields::default() }, output)
        });
        return truncated.flatten();
    };
    while exchange.left() > 0 {
        let read = exchange.read(host, output.get_mut(end..).unwrap_or_default()).ok()?;
        end = end.saturating_add(read);
    }
    Some(end)
}

/// What of the output a reply to that request may fill (rule U4).
fn space<'o>(output: &'o mut [u8], request: &[u8]) -> &'o mut [u8] {
    let most = request.len().saturating_mul(AMPLIFICATION).min(output.len());
    output.get_mut(..most).unwrap_or_default()
}
