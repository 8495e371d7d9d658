//! The asking side of a datagram: one out, one in, and nothing kept but the id.

use super::request::{Request, RequestError, answers};
use crate::datagram::{Datagram, TooLarge, check};
use crate::endpoint::Service;
use crate::limits::{AMPLIFICATION, HEADER};
use crate::serve::Status;
use crate::wire::digest::Hasher;
use crate::wire::frame::{self, PREFIX};
use crate::wire::header::Header;
use crate::wire::message::{self, Integrity, Kind, MessageError};
use core::fmt;

/// Asks a node's echo or command service by datagram.
///
/// It renders requests and recognises replies; to send, to wait and to ask again is the caller's.
/// A reply that is lost, or a request, is never known to be: choose how long to wait, and whether a
/// command may run twice.
///
/// ```
/// use unstick::datagram::{self, Datagram, Envelope};
/// use unstick::host::{Identity, Node};
/// use unstick::store::RamStore;
/// use unstick::{DatagramClient, Instant, Request, Service};
///
/// let mut node = Node::new(Identity::new("pump-7", "1.0"), RamStore::new([[0; 64]; 2]));
/// let mut client = DatagramClient::command();
/// let (mut request, mut reply) = ([0; 512], [0; 512]);
///
/// let asked = client.request(&Request::new("upper hello"), b"", &mut request)?;
/// let envelope = Envelope { from_port: 4000, own_ports: &[], broadcast: false };
/// let came = Datagram::Whole(&request[..asked]);
/// let len = datagram::answer(Service::Command, Instant::ZERO, &mut node, envelope, came, &mut reply);
/// let answer = Datagram::Whole(&reply[..len.expect("it is answered")]);
/// assert_eq!(client.reply(&request[..asked], answer)?.body, b"HELLO");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct DatagramClient {
    service: Service,
    /// The id of the last request.
    id: u64,
}

/// What a node answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatagramReply<'d> {
    /// The reply's header; the echo service has none.
    pub header: Option<Header<'d>>,
    /// The body; none of it where the reply is truncated.
    pub body: &'d [u8],
    /// Whether the body is the one that was sent.
    pub integrity: Integrity,
    /// The number of bytes of a reply that does not fit a datagram (rule U4): ask again over TCP.
    pub truncated: Option<u64>,
}

/// Why a datagram is not the reply. The reply may still come: wait on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum NotTheReply {
    /// It answers another request, or none.
    Unrelated,
    /// It is not a message.
    Message(MessageError),
    /// It was cut on arrival: receive into more memory.
    Incomplete,
}

impl DatagramClient {
    /// A client of the echo service.
    #[must_use]
    pub const fn echo() -> Self {
        Self { service: Service::Echo, id: 0 }
    }

    /// A client of the command service.
    #[must_use]
    pub const fn command() -> Self {
        Self { service: Service::Command, id: 0 }
    }

    /// Writes the datagram that asks, with all of its body. Returns the number of bytes written.
    ///
    /// `output` is as long as the largest datagram that may be sent. A request to the command service
    /// is padded with white space, up to the header limit, so that a reply of that length is allowed
    /// (rule U4). Its body is hashed unless the request has a digest. The echo service is sent the
    /// body alone.
    pub fn request(
        &mut self,
        request: &Request<'_>,
        body: &[u8],
        output: &mut [u8],
    ) -> Result<usize, RequestError> {
        let (limit, size) = (output.len(), body.len());
        let too_large = |len| RequestError::Datagram(TooLarge { len, limit });
        check(size, limit).map_err(RequestError::Datagram)?;
        let md5 = request.md5.or_else(|| if body.is_empty() { None } else { Hasher::digest(body) });
        let request = request.with_body(size as u64, md5);
        request.check(self.service)?;
        self.id = self.id.saturating_add(1);
        let mut header = 0;
        if self.service == Service::Command {
            let command = core::str::from_utf8(request.line).unwrap_or_default();
            let mut json = [0; HEADER];
            let written = request.fields(command, self.id, |fields| fields.write(&mut json));
            // It fits: that has been checked.
            let brace = written.unwrap_or_default().saturating_sub(1);
            let wanted = limit.div_ceil(AMPLIFICATION).saturating_sub(PREFIX.saturating_add(size));
            let len = wanted.max(brace.saturating_add(1)).min(HEADER);
            for (at, byte) in json.iter_mut().enumerate().take(len).skip(brace) {
                *byte = if at.saturating_add(1) == len { b'}' } else { b' ' };
            }
            let json = json.get(..len).unwrap_or_default();
            let needed = PREFIX.saturating_add(len).saturating_add(size);
            check(needed, limit).map_err(RequestError::Datagram)?;
            header = frame::encode(json, output).map_err(|_| too_large(needed))?;
        }
        let end = header.saturating_add(size);
        let space = output.get_mut(header..).and_then(|rest| rest.get_mut(..size));
        space.ok_or_else(|| too_large(end))?.copy_from_slice(body);
        Ok(end)
    }

    /// Looks whether a datagram is the reply to the last request, which was `sent`.
    ///
    /// The echo service answers with the same bytes in upper case, the command service with the
    /// request's id; a failure may have none, because the request could not be read (rule C2).
    pub fn reply<'d>(
        &self,
        sent: &[u8],
        datagram: Datagram<'d>,
    ) -> Result<DatagramReply<'d>, NotTheReply> {
        let bytes = match datagram {
            Datagram::Truncated { .. } => return Err(NotTheReply::Incomplete),
            datagram => datagram.bytes(),
        };
        if self.service == Service::Echo {
            let same = bytes.len() == sent.len()
                && sent.iter().map(u8::to_ascii_uppercase).eq(bytes.iter().copied());
            let (header, integrity, truncated) = (None, Integrity::Unverified, None);
            let reply = DatagramReply { header, body: bytes, integrity, truncated };
            return if same { Ok(reply) } else { Err(NotTheReply::Unrelated) };
        }
        let split = message::split::<HEADER>(bytes).map_err(NotTheReply::Message)?;
        if !answers(&split.0, self.id) {
            return Err(NotTheReply::Unrelated);
        }
        if split.0.status.is_some_and(|status| status == *Status::Truncated.as_str()) {
            let (header, integrity) = (Some(split.0), Integrity::Unverified);
            let truncated = Some(split.0.total_size.unwrap_or_default());
            return Ok(DatagramReply { header, body: &[], integrity, truncated });
        }
        let whole = message::decode::<HEADER>(Kind::Reply, bytes);
        let (header, body) = whole.map_err(NotTheReply::Message)?;
        let integrity = message::verify(Kind::Reply, &header, body).integrity;
        Ok(DatagramReply { header: Some(header), body, integrity, truncated: None })
    }
}

impl fmt::Display for NotTheReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unrelated => write!(f, "the datagram answers no request of this client"),
            Self::Message(error) => error.fmt(f),
            Self::Incomplete => write!(f, "the datagram was cut on arrival"),
        }
    }
}

impl core::error::Error for NotTheReply {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn asked(client: &mut DatagramClient, request: &Request<'_>, body: &[u8]) -> Vec<u8> {
        let mut output = [0xA5; 300];
        let len = client.request(request, body, &mut output).unwrap();
        assert!(output[len..].iter().all(|byte| *byte == 0xA5));
        output[..len].to_vec()
    }

    fn reply(json: &str, body: &str) -> Vec<u8> {
        let len = i32::try_from(json.len()).unwrap().to_le_bytes();
        [&len, json.as_bytes(), body.as_bytes()].concat()
    }

    #[test]
    fn a_request_is_padded_so_that_a_full_reply_is_allowed() {
        let mut client = DatagramClient::command();
        let request = asked(&mut client, &Request::new("upper a"), b"");
        assert_eq!(request.len(), 100, "a third of 300");
        assert!(
            request.starts_with(b"\x60\0\0\0{\"id\":1,\"command\":\"upper a\",\"total_size\":0 ")
        );
        assert!(request.ends_with(b" }"));
        // What is long enough is not padded, and has its body and digest behind it.
        let request = asked(&mut client, &Request::new("put a"), &[b'x'; 150]);
        let (header, body) = message::decode::<HEADER>(Kind::Request, &request).unwrap();
        assert_eq!((header.id.unwrap().raw(), body), ("2", &[b'x'; 150][..]));
        assert_eq!(header.md5, Hasher::digest(body));
    }

    #[test]
    #[cfg(feature = "md5")]
    fn what_does_not_fit_is_not_sent() {
        let mut client = DatagramClient::command();
        let mut output = [0; 60];
        let error = client.request(&Request::new("put a"), &[0; 10], &mut output).unwrap_err();
        assert!(matches!(error, RequestError::Datagram(TooLarge { len: 61.., limit: 60 })));
        let error = DatagramClient::echo().request(&Request::new(""), &[0; 61], &mut output);
        let limits = TooLarge { len: 61, limit: 60 };
        assert_eq!(error, Err(RequestError::Datagram(limits)));
    }

    #[test]
    fn only_its_own_reply_is_taken() {
        let mut client = DatagramClient::command();
        let sent = asked(&mut client, &Request::new("upper a"), b"");
        let of = |datagram: &[u8]| {
            let reply = client.reply(&sent, Datagram::received(datagram, datagram.len()));
            reply.map(|reply| (reply.body.to_vec(), reply.truncated))
        };
        let ok = reply(r#"{"id":1,"status":"ok","total_size":1}"#, "A");
        assert_eq!(of(&ok), Ok((b"A".to_vec(), None)));
        let late = reply(r#"{"id":0,"status":"ok","total_size":1}"#, "A");
        assert_eq!(of(&late), Err(NotTheReply::Unrelated));
        let nobodys = reply(r#"{"status":"ok","total_size":1}"#, "A");
        assert_eq!(of(&nobodys), Err(NotTheReply::Unrelated), "only a failure may lack the id");
        let unread = reply(r#"{"status":"bad-request","total_size":2}"#, "no");
        assert_eq!(of(&unread), Ok((b"no".to_vec(), None)));
        let truncated = reply(r#"{"id":1,"status":"truncated","total_size":9000}"#, "");
        assert_eq!(of(&truncated), Ok((Vec::new(), Some(9000))));
        let longer = reply(r#"{"id":1,"status":"ok","total_size":1}"#, "AB");
        let size = MessageError::Size { declared: 1, seen: 2 };
        assert_eq!(of(&longer), Err(NotTheReply::Message(size)));
        let cut = Datagram::Truncated { head: &ok, len: None };
        assert_eq!(client.reply(&sent, cut), Err(NotTheReply::Incomplete));
    }

    #[test]
    fn why_it_is_not_the_reply() {
        let message = NotTheReply::Message(MessageError::Size { declared: 1, seen: 2 });
        for (why, sentence) in [
            (NotTheReply::Unrelated, "the datagram answers no request of this client"),
            (message, "the header declares a body of 1 bytes, there are 2"),
            (NotTheReply::Incomplete, "the datagram was cut on arrival"),
        ] {
            assert_eq!(std::format!("{why}"), sentence);
        }
    }

    #[test]
    fn an_echo_is_what_was_sent_in_upper_case() {
        let mut client = DatagramClient::echo();
        let sent = asked(&mut client, &Request::new(""), b"a1\xFF");
        assert_eq!(sent, b"a1\xFF");
        assert_eq!(client.reply(&sent, Datagram::Whole(b"A1\xFF")).unwrap().body, b"A1\xFF");
        for other in [&b"A1"[..], b"A1\xFE", b"a1\xFF"] {
            let other = client.reply(&sent, Datagram::Whole(other));
            assert_eq!(other, Err(NotTheReply::Unrelated));
        }
        let empty = asked(&mut client, &Request::new(""), b"");
        assert_eq!(client.reply(&empty, Datagram::Empty).unwrap().body, b"");
    }
}
