//! A key, and the text it is kept as.

use super::cipher::KEY;
use crate::command::Role;
use core::fmt;
use core::str::FromStr;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A secret that a node and whoever may use it have in common.
///
/// It is kept as a line of text, `ID:ROLE:HEX`: an id from 0 to 255, `full` or `read`, and the secret's 32
/// bytes in hex digits. It is wiped from memory when it is dropped, and shows nothing of its secret.
///
/// ```
/// use unstick::keys::{Key, Role};
///
/// let line = "7:read:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/// let key: Key = line.parse()?;
/// assert_eq!((key.id(), key.role()), (7, Role::Read));
/// assert_eq!(format!("{key:?}"), "Key { id: 7, role: Read, .. }");
/// # Ok::<(), unstick::keys::KeyError>(())
/// ```
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Key {
    id: u8,
    #[zeroize(skip)]
    role: Role,
    secret: [u8; KEY],
}

impl Key {
    /// A key; refused is a secret of zeros only, which is memory that nobody has written to.
    pub fn new(id: u8, role: Role, secret: [u8; KEY]) -> Result<Self, KeyError> {
        if secret == [0; KEY] { Err(KeyError::Zeros) } else { Ok(Self { id, role, secret }) }
    }

    /// Which of a node's keys it is.
    #[must_use]
    pub const fn id(&self) -> u8 {
        self.id
    }

    /// What it allows.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Whether it is the same key, which the holder of both may ask.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.role == other.role && self.secret == other.secret
    }

    pub(crate) const fn secret(&self) -> &[u8; KEY] {
        &self.secret
    }
}

impl FromStr for Key {
    type Err = KeyError;

    /// Reads a line `ID:ROLE:HEX`, without its line break.
    fn from_str(line: &str) -> Result<Self, KeyError> {
        // Bytes, because searching a text can panic as far as a linker can tell.
        let mut parts = line.as_bytes().split(|byte| *byte == b':');
        let (Some(id), Some(role), Some(digits), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(KeyError::Parts);
        };
        let id = id_of(id).ok_or(KeyError::Id)?;
        let role = [Role::Full, Role::Read].into_iter().find(|it| it.as_str().as_bytes() == role);
        let role = role.ok_or(KeyError::Role)?;
        let (pairs, rest) = digits.as_chunks::<2>();
        if pairs.len() != KEY || !rest.is_empty() {
            return Err(KeyError::Length { len: digits.len() });
        }
        let mut secret = zeroize::Zeroizing::new([0; KEY]);
        let nibble =
            |digit: u8| char::from(digit).to_digit(16).and_then(|it| u8::try_from(it).ok());
        for (byte, [high, low]) in secret.iter_mut().zip(pairs) {
            let digits = nibble(*high).zip(nibble(*low));
            *byte = digits.map(|(high, low)| high << 4 | low).ok_or(KeyError::Digits)?;
        }
        Self::new(id, role, *secret)
    }
}

/// A number from 0 to 255.
fn id_of(digits: &[u8]) -> Option<u8> {
    digits.first()?; // else it is no number
    digits.iter().try_fold(0_u8, |id, digit| {
        let digit = digit.is_ascii_digit().then(|| digit.wrapping_sub(b'0'))?;
        id.checked_mul(10)?.checked_add(digit)
    })
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// Why a text is no key: a sentence for a person, which has nothing of the key in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum KeyError {
    /// It has not three parts.
    Parts,
    /// The id is no number from 0 to 255.
    Id,
    /// The role is neither `full` nor `read`.
    Role,
    /// The secret has not 64 digits.
    Length {
        /// Bytes it has.
        len: usize,
    },
    /// The secret has something else than hex digits.
    Digits,
    /// The secret is all zeros.
    Zeros,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parts => write!(f, "a key is a line ID:ROLE:HEX"),
            Self::Id => write!(f, "the id of a key is a number from 0 to 255"),
            Self::Role => write!(f, "the role of a key is full or read"),
            Self::Length { len } => {
                let len = crate::bytes::number(*len);
                write!(f, "the secret of a key is 64 hex digits, this one has {len}")
            }
            Self::Digits => write!(f, "the secret of a key is hex digits, 0 to 9 and a to f"),
            Self::Zeros => write!(f, "the secret of a key is random; this one is all zeros"),
        }
    }
}

impl core::error::Error for KeyError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::ToString as _;

    const SECRET: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F";

    #[test]
    fn lines_that_are_keys() {
        let key: Key = format!("255:full:{SECRET}").parse().unwrap();
        assert_eq!((key.id(), key.role()), (255, Role::Full));
        assert_eq!(*key.secret(), core::array::from_fn(|at| at as u8));
    }

    #[test]
    fn lines_that_are_none_say_why_and_nothing_of_the_key() {
        let zeros = "0".repeat(64);
        for (line, why) in [
            ("".into(), KeyError::Parts),
            (SECRET.into(), KeyError::Parts),
            (format!("1:full:{SECRET}:"), KeyError::Parts),
            (format!(":full:{SECRET}"), KeyError::Id),
            (format!("256:full:{SECRET}"), KeyError::Id),
            (format!("+1:full:{SECRET}"), KeyError::Id),
            (format!("1:Full:{SECRET}"), KeyError::Role),
            (format!("1:read:{}", &SECRET[1..]), KeyError::Length { len: 63 }),
            (format!("1:read:{SECRET}0a"), KeyError::Length { len: 66 }),
            (format!("1:read:{SECRET} "), KeyError::Length { len: 65 }),
            (format!("1:read:g{}", &SECRET[1..]), KeyError::Digits),
            (format!("1:read:{zeros}"), KeyError::Zeros),
        ] {
            let error = line.parse::<Key>().unwrap_err();
            assert_eq!(error, why, "{line}");
            assert!(!error.to_string().contains(&SECRET[2..6]), "{error}");
        }
    }
}
