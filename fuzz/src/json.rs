//! JSON as serde_json reads it: numbers as they stand, members where they are.

use core::fmt;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Levels that are followed, which are more than any rule of ours allows.
const DEPTH: usize = 128;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Json {
    /// A number, `true`, `false` or `null`.
    Plain(String),
    Text(String),
    Array(Vec<Self>),
    /// Of a key that stands more than once the last value counts.
    Object(Vec<(String, Self)>),
}

/// What a text holds, and whether a key stands twice in any of its objects. Keys are compared decoded.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) json: Json,
    pub(crate) repeats: bool,
}

impl Read {
    pub(crate) fn of(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let mut repeats = false;
        let json = read(serde_json::from_slice(bytes)?, DEPTH, &mut repeats)?;
        Ok(Self { json, repeats })
    }
}

fn read(raw: &RawValue, depth: usize, repeats: &mut bool) -> Result<Json, serde_json::Error> {
    let text = raw.get();
    let Some(depth) = depth.checked_sub(1) else {
        return Err(serde::de::Error::custom("it nests too deep"));
    };
    Ok(match text.as_bytes().first() {
        Some(b'"') => Json::Text(serde_json::from_str(text)?),
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text)?;
            let items = items.into_iter().map(|item| read(item, depth, repeats));
            Json::Array(items.collect::<Result<_, _>>()?)
        }
        Some(b'{') => {
            let Members(members) = serde_json::from_str(text)?;
            let mut object = Vec::<(String, Json)>::new();
            for (key, value) in members {
                let value = read(value, depth, repeats)?;
                match object.iter_mut().find(|(there, _)| *there == key) {
                    Some((_, there)) => (*repeats, *there) = (true, value),
                    None => object.push((key, value)),
                }
            }
            Json::Object(object)
        }
        _ => Json::Plain(text.into()),
    })
}

impl Json {
    /// The member of that name, if it is an object that has one and that is not null.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        let (_, value) = members.iter().find(|(key, _)| key == name)?;
        (*value != Self::Plain("null".into())).then_some(value)
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// A number as it stands.
    pub(crate) fn as_number(&self) -> Option<&str> {
        match self {
            Self::Plain(plain) if !plain.starts_with(|c: char| c.is_alphabetic()) => Some(plain),
            _ => None,
        }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |text: &str| serde_json::Value::from(text).to_string();
        match self {
            Self::Plain(plain) => f.write_str(plain),
            Self::Text(it) => f.write_str(&text(it)),
            Self::Array(items) => {
                let items: Vec<_> = items.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", items.join(","))
            }
            Self::Object(members) => {
                let members: Vec<_> =
                    members.iter().map(|(key, value)| format!("{}:{value}", text(key))).collect();
                write!(f, "{{{}}}", members.join(","))
            }
        }
    }
}

/// The members of an object, all of them.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}
