//! Headers as we write them.

use super::Id;
use crate::wire::digest::Digest;
use crate::wire::json::{Member, Members};

/// A header to be written. Members that are `None` are left out; the order is the wire's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fields<'a> {
    /// The request's id, returned.
    pub id: Option<Id<'a>>,
    /// The command of a request.
    pub command: Option<&'a str>,
    /// The status of a reply.
    pub status: Option<&'a str>,
    /// The name of the file that is the body; empty for a body that is not a file.
    pub filename: Option<&'a str>,
    /// Bytes of the body.
    pub total_size: u64,
    /// A program's exit code.
    pub exit: Option<i32>,
    /// The body's digest.
    pub md5: Option<Digest>,
}

impl Fields<'_> {
    /// Writes the JSON to the start of `output`. Returns the number of bytes written, or `None` if
    /// it does not fit.
    pub fn write(&self, output: &mut [u8]) -> Option<usize> {
        let digest = self.md5.map(Digest::hex);
        let members = Members(&[
            ("id", self.id.map(Member::Id)),
            ("command", self.command.map(Member::Text)),
            ("status", self.status.map(Member::Text)),
            ("filename", self.filename.map(Member::Text)),
            ("total_size", Some(Member::Size(self.total_size))),
            ("exit", self.exit.map(Member::Exit)),
            ("md5", digest.as_deref().map(Member::Text)),
        ]);
        members.write(output)
    }
}
