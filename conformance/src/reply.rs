//! Replies: what must come, exactly or by meaning.

use crate::golden;
use core::fmt;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use unstick::Service;
use unstick::limits::HEADER;

/// A reply as the page fixes it, and as our own nodes word it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Whose it is, which says how it is framed.
    pub service: Service,
    /// Whether it comes as one datagram.
    pub is_datagram: bool,
    /// `ok`, or the kind of failure. The frame and message services do not send it.
    pub status: String,
    /// The id as it stands in the header; empty where there is none.
    pub id: String,
    /// The name of the file that is the body, as it stands in the header without its quotes.
    pub file: String,
    /// Whether our nodes know the body's digest before they send it.
    pub has_digest: bool,
    /// The reply has no body (rule U4), and this is the `total_size` that it tells.
    pub short: Option<u64>,
    /// The body.
    pub content: Content,
    /// What any node's body has, in this order.
    pub has: Vec<String>,
    /// What no node's body has.
    pub lacks: Vec<String>,
    /// The members of the JSON object that any node's body is; those of an object within after a dot.
    pub members: Vec<String>,
    /// What the body of our nodes has.
    pub says: Vec<String>,
}

/// A reply's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The page fixes these bytes.
    Body(Vec<u8>),
    /// It is for people: this is what our nodes say.
    Wording(Vec<u8>),
    /// It differs from node to node.
    Open,
}

/// How a node is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Judge {
    /// Byte for byte, as our own nodes are.
    #[default]
    Exact,
    /// By what the page fixes: text for people may be any.
    Meaning,
}

/// What is at the start of the bytes that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A part of a reply.
    Incomplete,
    /// The reply, in so many bytes.
    Right(usize),
    /// Something else, in so many bytes, and why it is not right.
    Wrong(usize, String),
}

impl Reply {
    /// The reply of our nodes; `None` where it differs from node to node.
    #[must_use]
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match &self.content {
            Content::Body(body) | Content::Wording(body) => Some(self.with(body)),
            Content::Open if self.short.is_some() => Some(self.with(b"")),
            Content::Open => None,
        }
    }

    /// Whether it is short only because the text of our nodes is long.
    fn may_be_whole(&self) -> bool {
        self.short.is_some() && matches!(self.content, Content::Wording(_))
    }

    fn with(&self, body: &[u8]) -> Vec<u8> {
        let file = &self.file;
        let id = if self.id.is_empty() { String::new() } else { format!(r#""id":{},"#, self.id) };
        let head = format!(r#"{id}"status":"{}","#, self.status);
        if let Some(size) = self.short {
            return golden::frame(format!(r#"{{{head}"total_size":{size}}}"#));
        }
        let mut rest = format!(r#""filename":"{file}","total_size":{}"#, body.len());
        if self.has_digest {
            rest += &format!(r#","md5":"{}""#, golden::md5(body));
        }
        match self.service {
            Service::Frame => golden::frame(body),
            Service::Message => golden::message(format!("{{{rest}}}"), body),
            _ => golden::message(format!("{{{head}{rest}}}"), body),
        }
    }

    /// Looks at what came, of which more may still have to come.
    pub(crate) fn judge(&self, judge: Judge, came: &[u8]) -> Verdict {
        let is_short = self.short.is_some() && !self.may_be_whole();
        let received = match Received::split(self.service, is_short, came) {
            Ok(received) => received,
            Err(Unread::Incomplete) if !self.is_datagram => return Verdict::Incomplete,
            Err(Unread::Incomplete) => {
                return Verdict::Wrong(came.len(), "it is less than it says".into());
            }
            Err(Unread::Broken(why)) => return Verdict::Wrong(came.len(), why),
        };
        let len = received.len;
        if self.is_datagram && len < came.len() {
            return Verdict::Wrong(came.len(), "bytes follow it in its datagram".into());
        }
        let wrong = match judge {
            Judge::Exact => self.differs_exactly(&received, &came[..len]),
            Judge::Meaning => self.differs(&received),
        };
        wrong.map_or(Verdict::Right(len), |why| Verdict::Wrong(len, why))
    }

    fn differs_exactly(&self, received: &Received<'_>, came: &[u8]) -> Option<String> {
        let wanted = self.bytes().unwrap_or_else(|| self.with(received.body));
        if wanted != came {
            return Some(self.differs(received).unwrap_or_else(|| {
                "it means the same, and is not the same byte for byte".to_owned()
            }));
        }
        self.differs(received).or_else(|| lacks(received.body, &self.says))
    }

    fn differs(&self, received: &Received<'_>) -> Option<String> {
        if let Some(members) = &received.header {
            // A text that is shorter than that of our nodes may have room where theirs has none.
            if self.may_be_whole() && members.get("filename").is_some() {
                let status = members.get("status").and_then(|it| text(it.get()));
                let status = status.filter(|it| self.status == "truncated" && it != "ok");
                let status = status.unwrap_or_else(|| self.status.clone());
                return Self { status, short: None, ..self.clone() }.differs(received);
            }
            // A failure whose text leaves no room for it (rule U4) is no other failure.
            let is_cut = self.is_datagram
                && self.status != "ok"
                && self.short.is_none()
                && received.is_short();
            if is_cut {
                let wanted = Self { status: "truncated".into(), ..self.clone() };
                return wanted.header_differs(members, received.body, true);
            }
            let wrong = self.header_differs(members, received.body, self.short.is_some());
            if wrong.is_some() {
                return wrong;
            }
        }
        match &self.content {
            Content::Body(body) if body != received.body => {
                return Some("its body is another than the page says".into());
            }
            Content::Wording(_) if self.short.is_none() && !is_text(received.body) => {
                return Some("its body is no text for people".into());
            }
            _ => {}
        }
        if let Some(piece) = self.lacks.iter().find(|piece| find(received.body, piece).is_some()) {
            return Some(format!("its body has `{}`", piece.escape_debug()));
        }
        lacks(received.body, &self.has).or_else(|| self.lacks_member(received.body))
    }

    fn header_differs(&self, members: &Members, body: &[u8], short: bool) -> Option<String> {
        let is_bare = self.service.is_bare();
        let mut order: Vec<&str> = vec![];
        if !is_bare {
            order.extend(["id", "status"]);
        }
        order.extend(["filename", "total_size", "exit", "md5"]);
        let names: Vec<_> = members.0.iter().map(|(name, _)| name.as_str()).collect();
        if let Some(name) = names.iter().find(|name| !order.contains(name)) {
            return Some(format!("its header has a member `{}`", name.escape_debug()));
        }
        let sorted: Vec<_> = order.iter().filter(|name| names.contains(name)).copied().collect();
        if sorted != names {
            return Some(format!("its members are not in the order {}", order.join(", ")));
        }
        let raw = |name| members.get(name).map_or("", RawValue::get);
        if raw("id") != self.id {
            let id = if self.id.is_empty() { "none" } else { &self.id };
            return Some(format!("its id is not the one that was sent, {id}"));
        }
        if !is_bare && text(raw("status")).as_ref() != Some(&self.status) {
            return Some(format!("its status is not `{}`", self.status));
        }
        let size = raw("total_size").parse::<u64>();
        let Ok(size) = size else { return Some("it has no total_size".into()) };
        if short {
            let is_open = matches!(self.content, Content::Wording(_));
            return match (self.short, members.get("md5"), members.get("filename")) {
                (Some(wanted), ..) if wanted != size && !is_open => {
                    Some(format!("its total_size is not {wanted}"))
                }
                (_, None, None) => None,
                _ => Some("it has more than id, status and total_size".into()),
            };
        }
        if size != body.len() as u64 {
            return Some("its total_size is not that of its body".into());
        }
        if text(raw("filename")) != text(&format!("\"{}\"", self.file)) {
            return Some(format!("its filename is not \"{}\"", self.file));
        }
        match members.get("md5") {
            Some(md5) if text(md5.get()) != Some(golden::md5(body)) => {
                Some("its md5 is not that of its body in lower case".into())
            }
            _ => None,
        }
    }

    fn lacks_member(&self, body: &[u8]) -> Option<String> {
        if self.members.is_empty() {
            return None;
        }
        let Ok(object) = serde_json::from_slice::<serde_json::Value>(body) else {
            return Some("its body is no JSON".into());
        };
        let has = |path: &&String| {
            let pointer = format!("/{}", path.replace('.', "/"));
            object.pointer(&pointer).is_some()
        };
        let lacking = self.members.iter().find(|path| !has(path))?;
        Some(format!("the JSON of its body has no `{lacking}`"))
    }
}

/// Says which of the pieces a body has not, in their order.
fn lacks(body: &[u8], pieces: &[String]) -> Option<String> {
    let mut rest = body;
    for piece in pieces {
        let Some(at) = find(rest, piece) else {
            return Some(format!("its body has no `{}`", piece.escape_debug()));
        };
        rest = &rest[at + piece.len()..];
    }
    None
}

fn find(body: &[u8], piece: &str) -> Option<usize> {
    body.windows(piece.len()).position(|it| it == piece.as_bytes())
}

fn is_text(body: &[u8]) -> bool {
    core::str::from_utf8(body).is_ok_and(|text| !text.trim().is_empty())
}

/// What a JSON string says.
fn text(raw: &str) -> Option<String> {
    serde_json::from_str(raw).ok()
}

/// The body of a reply of the command service, once all of it is there.
pub(crate) fn split_reply(came: &[u8]) -> Option<&[u8]> {
    Received::split(Service::Command, false, came).ok().map(|received| received.body)
}

/// A reply, taken apart.
struct Received<'a> {
    len: usize,
    /// None where the service has no headers.
    header: Option<Members>,
    body: &'a [u8],
}

enum Unread {
    Incomplete,
    Broken(String),
}

impl<'a> Received<'a> {
    /// `is_short` says that no body is waited for.
    fn split(service: Service, is_short: bool, came: &'a [u8]) -> Result<Self, Unread> {
        let (prefix, rest) = came.split_first_chunk::<4>().ok_or(Unread::Incomplete)?;
        let declared = i32::from_le_bytes(*prefix);
        let Ok(len) = usize::try_from(declared) else {
            return Err(Unread::Broken(format!("its prefix declares {declared} bytes")));
        };
        if service == Service::Frame {
            let body = rest.get(..len).ok_or(Unread::Incomplete)?;
            return Ok(Self { len: 4 + len, header: None, body });
        }
        if len > HEADER {
            return Err(Unread::Broken(format!("its prefix declares a header of {len} bytes")));
        }
        let header = rest.get(..len).ok_or(Unread::Incomplete)?;
        let members: Members = serde_json::from_slice(header)
            .map_err(|error| Unread::Broken(format!("its header is no JSON object: {error}")))?;
        let mut received = Self { len: 4 + len, header: Some(members), body: b"" };
        let is_short = is_short || received.is_short();
        let size = received.header.as_ref().and_then(|it| it.get("total_size"));
        let size = size.and_then(|size| size.get().parse::<usize>().ok()).unwrap_or_default();
        if !is_short {
            received.body =
                rest.get(len..).and_then(|it| it.get(..size)).ok_or(Unread::Incomplete)?;
            received.len += size;
        }
        Ok(received)
    }

    /// Whether it is the message that is shorter than it says.
    fn is_short(&self) -> bool {
        let status = self.header.as_ref().and_then(|it| it.get("status"));
        status.is_some_and(|status| status.get() == r#""truncated""#)
    }
}

/// The members of a JSON object, in their order and as they were written.
struct Members(Vec<(String, Box<RawValue>)>);

impl Members {
    fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a reply `{}`", self.status)?;
        if !self.id.is_empty() {
            write!(f, " with the id {}", self.id)?;
        }
        let pieces = [&self.has, &self.members, &self.says].into_iter().flatten();
        for (index, piece) in pieces.enumerate() {
            write!(f, "{} `{}`", if index == 0 { ", with" } else { "," }, piece.escape_debug())?;
        }
        Ok(())
    }
}
