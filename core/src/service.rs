//! The services, and what becomes of their bytes on the wire.

use crate::bytes::copy;
use crate::frame::{self, PREFIX};
use crate::header::Fields;
use crate::limits::HEADER;
use crate::message;

/// What a connection or a datagram socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Service {
    /// Bytes in, the same bytes out, ASCII a-z in upper case.
    Echo,
    /// Bare requests in, frames out.
    Frame,
    /// Bare requests in, messages out.
    Message,
    /// Messages in, messages out, correlated by `id`.
    Command,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Echo, Self::Frame, Self::Message, Self::Command];

    /// Its name, in URLs and in what a node prints.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Frame => "frame",
            Self::Message => "message",
            Self::Command => "command",
        }
    }

    /// The TCP port it has unless told otherwise.
    #[must_use]
    pub const fn tcp_port(self) -> u16 {
        match self {
            Self::Echo => 8080,
            Self::Frame => 8086,
            Self::Message => 8087,
            Self::Command => 8088,
        }
    }

    /// The UDP ports of a node that is not told otherwise.
    pub const UDP_PORTS: [u16; 2] = [8092, 8093];

    /// The UDP port it has unless told otherwise; `None` where it is not served over UDP.
    #[must_use]
    pub const fn udp_port(self) -> Option<u16> {
        let [echo, command] = Self::UDP_PORTS;
        match self {
            Self::Echo => Some(echo),
            Self::Command => Some(command),
            Self::Frame | Self::Message => None,
        }
    }

    /// Writes what goes before a reply's body; gives its bytes, or `None` if it does not fit.
    pub(crate) fn write_head(self, fields: &Fields<'_>, output: &mut [u8]) -> Option<usize> {
        let head = match self {
            Self::Echo => return Some(0),
            Self::Command => return message::write_header(fields, output),
            Self::Message => {
                let fields = Fields { id: None, status: None, exit: None, ..*fields };
                return message::write_header(&fields, output);
            }
            Self::Frame => frame::prefix(usize::try_from(fields.total_size).ok()?).ok()?,
        };
        *output.first_chunk_mut()? = head;
        Some(PREFIX)
    }
}

/// A head on its way out. It is written again for each piece of output it takes, so that only the
/// position is kept; one that fits is written once, in place.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Head {
    sent: usize,
}

/// The largest head, prefix included.
pub(crate) const HEAD: usize = PREFIX + HEADER;

impl Head {
    /// Writes the rest of what `write` writes, or as much as there is space for; gives the bytes
    /// and whether that was all of it. `None` if `write` wants more than [`HEAD`] bytes.
    pub(crate) fn give(
        &mut self,
        output: &mut [u8],
        write: impl Fn(&mut [u8]) -> Option<usize>,
    ) -> Option<(usize, bool)> {
        let space = output.len().min(HEAD);
        if self.sent == 0
            && let Some(len) = write(output.get_mut(..space).unwrap_or_default())
        {
            return Some((len, true));
        }
        let mut scratch = [0; HEAD];
        let len = write(&mut scratch)?;
        let rest = scratch.get(self.sent..len).unwrap_or_default();
        let given = copy(rest, output);
        self.sent = self.sent.saturating_add(given);
        Some((given, self.sent >= len))
    }
}
