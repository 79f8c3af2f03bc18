//! Pages of lists, read item by item.
//!
//! Input: the bytes of a list. Output: its items as the caller keeps them, the token of the next page, the version. It
//! never holds more than one item's tree. Invariant: an item that cannot be read fails the page, because a list with a
//! hole would read as complete.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::text::masked;
use crate::model::object::ResourceVersion;
use crate::ports::cluster::ClusterError;

/// A page.
#[derive(Debug)]
pub struct Listed<T> {
    /// What was kept of its items.
    pub items: Vec<T>,
    /// Where the next page starts.
    pub next: Option<String>,
    /// The version of the list.
    pub resource_version: ResourceVersion,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ListMetadata {
    #[serde(rename = "continue")]
    next: Option<String>,
    resource_version: Option<String>,
}

/// Reads a page; `keep` says what stays of an item, or why it cannot be read.
pub fn read<T, E: fmt::Display>(
    bytes: &[u8],
    keep: &mut dyn FnMut(Value) -> Result<T, E>,
) -> Result<Listed<T>, ClusterError> {
    let malformed = |detail: String| ClusterError::Malformed { detail };
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let list =
        ListSeed { keep }.deserialize(&mut deserializer).map_err(|error| malformed(masked(&error.to_string())))?;
    let (items, metadata) = list;
    let version = metadata.resource_version.filter(|version| !version.is_empty());
    let version = version.ok_or_else(|| malformed("a list without resourceVersion".into()))?;
    let next = metadata.next.filter(|next| !next.is_empty());
    Ok(Listed { items, next, resource_version: ResourceVersion::new(&version) })
}

struct ListSeed<'k, T, E> {
    keep: &'k mut dyn FnMut(Value) -> Result<T, E>,
}

impl<'de, T, E: fmt::Display> DeserializeSeed<'de> for ListSeed<'_, T, E> {
    type Value = (Vec<T>, ListMetadata);
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T, E: fmt::Display> Visitor<'de> for ListSeed<'_, T, E> {
    type Value = (Vec<T>, ListMetadata);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut items = None;
        let mut metadata = ListMetadata::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "items" => items = Some(map.next_value_seed(ItemsSeed { keep: &mut *self.keep })?),
                "metadata" => metadata = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok((items.ok_or_else(|| A::Error::missing_field("items"))?, metadata))
    }
}

struct ItemsSeed<'k, T, E> {
    keep: &'k mut dyn FnMut(Value) -> Result<T, E>,
}

impl<'de, T, E: fmt::Display> DeserializeSeed<'de> for ItemsSeed<'_, T, E> {
    type Value = Vec<T>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        // An empty list of Go is `null`.
        deserializer.deserialize_any(self)
    }
}

impl<'de, T, E: fmt::Display> Visitor<'de> for ItemsSeed<'_, T, E> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("items")
    }

    fn visit_unit<D: serde::de::Error>(self) -> Result<Self::Value, D> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element::<Value>()? {
            items.push((self.keep)(item).map_err(A::Error::custom)?);
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(Vec<i64>, Option<&str>, &str), &str>) {
        let mut keep = |item: Value| item.as_i64().ok_or("the item is no number");
        let found = read(text.as_bytes(), &mut keep);
        match (found, expected) {
            (Ok(page), Ok((items, next, version))) => {
                assert_eq!((page.items, page.next.as_deref(), page.resource_version.as_str()), (items, next, version));
            }
            (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
            (found, expected) => panic!("{text}: {found:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn a_page_is_read_whole_or_not_at_all() {
        let last = r#"{"kind":"List","metadata":{"resourceVersion":"7"},"items":[1,2]}"#;
        check(last, Ok((vec![1, 2], None, "7")));
        check(r#"{"items":null,"metadata":{"resourceVersion":"7","continue":"x"}}"#, Ok((vec![], Some("x"), "7")));
        check(r#"{"items":[],"metadata":{"resourceVersion":"7","continue":""}}"#, Ok((vec![], None, "7")));
        check(r#"{"items":[1,"a"],"metadata":{"resourceVersion":"7"}}"#, Err("the item is no number"));
        check(r#"{"items":[1]}"#, Err("without resourceVersion"));
        check(r#"{"metadata":{"resourceVersion":"7"}}"#, Err("items"));
        check(r#"{"items":[1"#, Err("EOF"));
        check("<html>", Err("expected value"));
    }
}
