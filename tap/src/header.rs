//! What stands before each frame of an interface with `IFF_VNET_HDR`: `struct virtio_net_hdr`, ten bytes
//! in the machine's byte order (Linux `virtio_net.h`; virtio 1.2, 5.1.6).

use core::fmt;
use core::num::NonZeroU16;

/// Bytes of it.
pub(crate) const LEN: usize = 10;

const NEEDS_CHECKSUM: u8 = 1;
const DATA_VALID: u8 = 2;
const COALESCED: u8 = 4;

const PLAIN: u8 = 0;
const TCP4: u8 = 1;
const TCP6: u8 = 4;
const UDP: u8 = 5;
/// Beside one of TCP: its segments say that there was congestion (RFC 3168).
const CONGESTION: u8 = 0x80;

/// What is known of a frame besides its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) checksum: Checksum,
    pub(crate) segments: Option<Segments>,
}

/// The checksum of the TCP segment or datagram in a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Checksum {
    /// It is there; nobody has looked whether it is right.
    #[default]
    Unchecked,
    /// It is right.
    Valid,
    /// So far it is that of the pseudo header alone. Whoever puts the frame on a wire sums up all from
    /// `start` on, and puts it `offset` bytes behind that.
    Partial { start: u16, offset: u16 },
}

/// A frame that is to be cut into several, or was joined of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segments {
    pub(crate) kind: Kind,
    /// Bytes of payload in each but the last.
    pub(crate) size: NonZeroU16,
    /// Bytes of all headers before the payload; of a frame that comes in, only a hint.
    pub(crate) headers: u16,
}

/// Segments of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Tcp4,
    Tcp6,
    Udp,
}

/// Why a frame from the kernel cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderError {
    /// It is shorter than the header before it.
    Short {
        /// Bytes there are.
        len: usize,
    },
    /// The header has a flag that is not known.
    Flags {
        /// All its flags.
        flags: u8,
    },
    /// It is cut in a way that the device has not offered to understand.
    Segmentation {
        /// What the header says.
        kind: u8,
    },
    /// It is cut into segments of no bytes.
    NoSize,
    /// The checksum is to be beyond the frame's end.
    Checksum {
        /// Where it is to be.
        at: usize,
        /// Bytes of the frame.
        len: usize,
    },
}

impl Header {
    /// The header at the start of what the kernel gave, and the frame behind it.
    pub(crate) fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), HeaderError> {
        let Some((header, frame)) = bytes.split_first_chunk::<LEN>() else {
            return Err(HeaderError::Short { len: bytes.len() });
        };
        let [flags, kind, rest @ ..] = *header;
        let [headers, size, start, offset] =
            [0, 2, 4, 6].map(|at: usize| u16::from_ne_bytes([rest[at], rest[at + 1]]));
        if flags & !(NEEDS_CHECKSUM | DATA_VALID | COALESCED) != 0 {
            return Err(HeaderError::Flags { flags });
        }
        let checksum = if flags & NEEDS_CHECKSUM != 0 {
            let (at, len) = (usize::from(start) + usize::from(offset), frame.len());
            if at + 2 > len {
                return Err(HeaderError::Checksum { at, len });
            }
            Checksum::Partial { start, offset }
        } else if flags & DATA_VALID != 0 {
            Checksum::Valid
        } else {
            Checksum::Unchecked
        };
        let known = match kind {
            PLAIN => None,
            UDP => Some(Kind::Udp),
            _ => match kind & !CONGESTION {
                TCP4 => Some(Kind::Tcp4),
                TCP6 => Some(Kind::Tcp6),
                _ => return Err(HeaderError::Segmentation { kind }),
            },
        };
        let segments = match known {
            Some(kind) => {
                let size = NonZeroU16::new(size).ok_or(HeaderError::NoSize)?;
                Some(Segments { kind, size, headers })
            }
            None => None,
        };
        Ok((Self { checksum, segments }, frame))
    }

    /// The header as the kernel reads it.
    pub(crate) fn to_bytes(self) -> [u8; LEN] {
        let (flags, start, offset) = match self.checksum {
            Checksum::Unchecked => (0, 0, 0),
            Checksum::Valid => (DATA_VALID, 0, 0),
            Checksum::Partial { start, offset } => (NEEDS_CHECKSUM, start, offset),
        };
        let (kind, headers, size) = match self.segments {
            None => (PLAIN, 0, 0),
            Some(Segments { kind, size, headers }) => {
                let kind = match kind {
                    Kind::Tcp4 => TCP4,
                    Kind::Tcp6 => TCP6,
                    Kind::Udp => UDP,
                };
                (kind, headers, size.get())
            }
        };
        let mut bytes = [flags, kind, 0, 0, 0, 0, 0, 0, 0, 0];
        let numbers = [headers, size, start, offset];
        for (to, number) in bytes[2..].as_chunks_mut::<2>().0.iter_mut().zip(numbers) {
            *to = number.to_ne_bytes();
        }
        bytes
    }
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Short { len } => {
                write!(f, "the kernel gave {len} bytes, fewer than the {LEN} of an offload header")
            }
            Self::Flags { flags } => {
                write!(f, "the offload header has unknown flags: {flags:#04x}")
            }
            Self::Segmentation { kind } => {
                write!(f, "the offload header has a segmentation that was not offered: {kind:#04x}")
            }
            Self::NoSize => f.write_str("the offload header has segments of no bytes"),
            Self::Checksum { at, len } => write!(
                f,
                "the offload header puts the checksum at byte {at} of a frame of {len} bytes"
            ),
        }
    }
}

impl core::error::Error for HeaderError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A header of these fields, and a frame of 64 bytes.
    fn framed(flags: u8, kind: u8, size: u16, start: u16, offset: u16) -> Vec<u8> {
        let mut bytes = vec![flags, kind];
        for number in [54, size, start, offset] {
            bytes.extend(u16::to_ne_bytes(number));
        }
        bytes.extend([0xAB; 64]);
        bytes
    }

    fn parse(bytes: &[u8]) -> Result<Header, HeaderError> {
        Header::parse(bytes).map(|(header, frame)| {
            assert_eq!(frame, &bytes[LEN..]);
            header
        })
    }

    #[test]
    fn flags_say_what_is_known_of_the_checksum() {
        for (flags, checksum) in [
            (0, Ok(Checksum::Unchecked)),
            (1, Ok(Checksum::Partial { start: 34, offset: 16 })),
            (2, Ok(Checksum::Valid)),
            (3, Ok(Checksum::Partial { start: 34, offset: 16 })),
            (4, Ok(Checksum::Unchecked)),
            (8, Err(HeaderError::Flags { flags: 8 })),
        ] {
            let seen = parse(&framed(flags, 0, 0, 34, 16)).map(|header| header.checksum);
            assert_eq!(seen, checksum, "{flags}");
        }
    }

    #[test]
    fn only_segmentation_that_was_offered_is_understood() {
        for (kind, known) in [
            (0, Ok(None)),
            (1, Ok(Some(Kind::Tcp4))),
            (0x81, Ok(Some(Kind::Tcp4))),
            (4, Ok(Some(Kind::Tcp6))),
            (0x84, Ok(Some(Kind::Tcp6))),
            (5, Ok(Some(Kind::Udp))),
            (2, Err(HeaderError::Segmentation { kind: 2 })),
            (3, Err(HeaderError::Segmentation { kind: 3 })),
            (0x80, Err(HeaderError::Segmentation { kind: 0x80 })),
            (0x85, Err(HeaderError::Segmentation { kind: 0x85 })),
        ] {
            let seen = parse(&framed(1, kind, 1448, 34, 16));
            assert_eq!(seen.map(|header| header.segments.map(|it| it.kind)), known, "{kind}");
        }
    }

    #[test]
    fn segments_have_a_size() {
        assert_eq!(parse(&framed(1, 1, 0, 34, 16)), Err(HeaderError::NoSize));
        let segments = parse(&framed(1, 1, 1448, 34, 16)).unwrap().segments.unwrap();
        assert_eq!((segments.size.get(), segments.headers), (1448, 54));
        assert_eq!(parse(&framed(0, 0, 0, 0, 0)).unwrap().segments, None);
    }

    #[test]
    fn a_checksum_has_its_place_in_the_frame() {
        assert!(parse(&framed(1, 0, 0, 46, 16)).is_ok());
        let error = |at| Err(HeaderError::Checksum { at, len: 64 });
        assert_eq!(parse(&framed(1, 0, 0, 47, 16)), error(63));
        assert_eq!(parse(&framed(1, 0, 0, 0xFFFF, 0xFFFF)), error(0x1_FFFE));
        assert!(parse(&framed(2, 0, 0, 0xFFFF, 0xFFFF)).is_ok(), "nobody needs it");
    }

    #[test]
    fn a_header_is_ten_bytes() {
        assert_eq!(parse(&[0; 9]), Err(HeaderError::Short { len: 9 }));
        assert_eq!(parse(&[0; 10]), Ok(Header::default()));
    }

    #[test]
    fn golden_bytes_of_a_frame_that_the_kernel_is_to_cut() {
        let size = NonZeroU16::new(1448).unwrap();
        let segments = Some(Segments { kind: Kind::Tcp4, size, headers: 66 });
        let header = Header { checksum: Checksum::Partial { start: 34, offset: 16 }, segments };
        let bytes = [1, 1, 66, 0, 168, 5, 34, 0, 16, 0];
        if cfg!(target_endian = "little") {
            assert_eq!(header.to_bytes(), bytes);
        }
    }

    proptest! {
        #[test]
        fn whatever_the_kernel_says_is_understood_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok((header, _)) = Header::parse(&bytes) {
                let again = [&header.to_bytes()[..], &bytes[LEN..]].concat();
                prop_assert_eq!(Header::parse(&again).unwrap().0, header);
            }
        }
    }
}
