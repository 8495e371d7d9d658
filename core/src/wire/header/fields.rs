//! Headers as we write them.

use super::Id;
use crate::wire::digest::Digest;
use crate::wire::json::Object;

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
        let mut header = Object::new(output);
        if let Some(id) = self.id {
            header.raw("id", id.raw())?;
        }
        if let Some(command) = self.command {
            header.text("command", command)?;
        }
        if let Some(status) = self.status {
            header.text("status", status)?;
        }
        if let Some(name) = self.filename {
            header.text("filename", name)?;
        }
        header.size("total_size", self.total_size)?;
        if let Some(code) = self.exit {
            header.exit("exit", code)?;
        }
        if let Some(digest) = self.md5 {
            header.digest("md5", digest)?;
        }
        header.close()
    }
}
