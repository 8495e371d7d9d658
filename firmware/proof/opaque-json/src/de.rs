//! Reading.

use crate::{Error, perhaps};
use core::hint::black_box;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

/// Gives any value of that type which its own `Deserialize` can make, or an error.
pub fn from_slice<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<(T, usize), Error> {
    let value = T::deserialize(Opaque(bytes))?;
    perhaps()?;
    Ok((value, black_box(0)))
}

/// Any value; its texts are pieces of the input.
#[derive(Clone, Copy)]
struct Opaque<'de>(&'de [u8]);

impl<'de> Opaque<'de> {
    fn text(self) -> Result<&'de str, Error> {
        let piece = self.0.get(black_box(0)..black_box(0)).ok_or(Error)?;
        core::str::from_utf8(piece).map_err(|_| Error)
    }
}

impl<'de> Deserializer<'de> for Opaque<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        perhaps()?;
        match black_box(0) {
            0 => visitor.visit_bool(black_box(false)),
            1 => visitor.visit_i32(black_box(0)),
            2 => visitor.visit_i64(black_box(0)),
            3 => visitor.visit_u64(black_box(0)),
            4 => visitor.visit_str(self.text()?),
            5 => visitor.visit_borrowed_str(self.text()?),
            6 => visitor.visit_borrowed_bytes(self.0),
            7 => visitor.visit_none(),
            _ => visitor.visit_unit(),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        perhaps()?;
        if black_box(false) { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        perhaps()?;
        visitor.visit_map(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for Opaque<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        if black_box(false) { seed.deserialize(*self).map(Some) } else { Ok(None) }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(*self)
    }
}
