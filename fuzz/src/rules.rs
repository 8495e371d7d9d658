//! Which JSON objects are headers: the protocol's rules once more, over what serde_json has read.

use crate::json::Json;
use core::str::FromStr;
use unstick::limits::{DEPTH, ID, KEYS};

/// Whether a JSON object without duplicates is a header: rules C2, H4, H5 and H6.
pub(crate) fn keeps_the_rules(json: &Json) -> bool {
    let is = |name: &str, fit: fn(&Json) -> bool| json.get(name).is_none_or(fit);
    ["command", "status", "filename", "filenema", "md5"]
        .iter()
        .all(|name| is(name, |text| text.as_text().is_some()))
        && !(json.get("filename").is_some() && json.get("filenema").is_some())
        && is("total_size", |size| number::<u64>(size).is_some())
        && is("exit", |exit| number::<i32>(exit).is_some())
        && is("id", |id| {
            let raw = id.to_string();
            let whole = raw != "-0" && (number::<u64>(id).is_some() || number::<i64>(id).is_some());
            raw.len() <= ID && (id.as_text().is_some() || whole)
        })
        && is_within_bounds(json, DEPTH, KEYS)
}

/// A JSON number that fits.
pub(crate) fn number<T: FromStr>(json: &Json) -> Option<T> {
    json.as_number()?.parse().ok()
}

/// Whether a value nests at most so deep, with at most so many keys open at once.
fn is_within_bounds(json: &Json, depth: usize, keys: usize) -> bool {
    match json {
        Json::Object(members) => {
            let mut left = (0..keys).rev();
            depth > 0
                && members.iter().all(|(_, value)| {
                    left.next().is_some_and(|left| is_within_bounds(value, depth - 1, left))
                })
        }
        Json::Array(items) => {
            depth > 0 && items.iter().all(|item| is_within_bounds(item, depth - 1, keys))
        }
        Json::Plain(_) | Json::Text(_) => true,
    }
}
