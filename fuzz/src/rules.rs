//! Which JSON objects are headers: the protocol's rules once more, over serde_json's values.

use core::str::FromStr;
use serde_json::Value;
use unstick::limits::{DEPTH, ID, KEYS};

/// Whether a JSON object without duplicates is a header: rules C2, H4, H5 and H6.
pub(crate) fn keeps_the_rules(json: &Value) -> bool {
    let is = |name: &str, fit: fn(&Value) -> bool| {
        json.get(name).is_none_or(|value| value.is_null() || fit(value))
    };
    let there = |name: &str| json.get(name).is_some_and(|value| !value.is_null());
    ["command", "status", "filename", "filenema", "md5"]
        .iter()
        .all(|name| is(name, Value::is_string))
        && !(there("filename") && there("filenema"))
        && is("total_size", |size| number::<u64>(size).is_some())
        && is("exit", |exit| number::<i32>(exit).is_some())
        && is("id", |id| {
            let raw = id.to_string();
            let whole = raw != "-0" && (number::<u64>(id).is_some() || number::<i64>(id).is_some());
            raw.len() <= ID && (id.is_string() || whole)
        })
        && is_within_bounds(json, DEPTH, KEYS)
}

/// A JSON number that fits.
pub(crate) fn number<T: FromStr>(value: &Value) -> Option<T> {
    if value.is_number() { value.to_string().parse().ok() } else { None }
}

/// Whether a value nests at most so deep, with at most so many keys open at once.
fn is_within_bounds(value: &Value, depth: usize, keys: usize) -> bool {
    match value {
        Value::Object(members) => {
            let mut left = (0..keys).rev();
            depth > 0
                && members.values().all(|value| {
                    left.next().is_some_and(|left| is_within_bounds(value, depth - 1, left))
                })
        }
        Value::Array(items) => {
            depth > 0 && items.iter().all(|value| is_within_bounds(value, depth - 1, keys))
        }
        _ => true,
    }
}
