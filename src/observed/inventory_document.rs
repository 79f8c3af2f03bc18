//! The stored form of an inventory: a ConfigMap that is also an ApplySet parent (KEP-3659).
//!
//! Input: an [`Inventory`], or the ConfigMap's tree. Output: the ConfigMap, or the inventory. It writes nothing.
//! Invariants: rows are sorted, one a line, so that a diff of two versions shows what changed; what cannot be read,
//! lost its rows or is a copy under another name is an error and never an empty inventory.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::channel::ChannelRow;
use super::identity::{IdentityRow, IssuedFacts};
use super::inventory::{Inventory, Row};
use crate::k8s::object::Object;
use crate::k8s::{kinds, ownership};
use crate::model::digest::Digest;
use crate::model::identity::Generation;
use crate::model::names::{ChannelId, InstallationId, TenantName};
use crate::model::object::{Kind, ObjectId, ObjectRef, ResourceVersion, Uid};
use crate::model::unit::UnitId;

/// Annotation that names the unit in full; the label holds only its hash.
pub const UNIT_NAME: &str = "heddle.dev/unit-name";
/// Label of an ApplySet parent.
pub const APPLYSET_ID: &str = "applyset.kubernetes.io/id";
/// The largest stored inventory in bytes: half of what an API server takes for one object.
pub const BYTES_MAX: usize = 512 * 1024;
/// Annotation of an ApplySet parent: the kinds of its rows.
const KINDS: &str = "applyset.kubernetes.io/contains-group-kinds";
const ROWS: &str = "rows";

/// Why an inventory cannot be read or stored.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InventoryError {
    /// A required part is missing or of another shape.
    #[error(
        "the inventory ConfigMap heddle-system/{name} cannot be read: {detail} (restore it from the cluster's backup, or \
         delete it: its rows are then found anew by labels)"
    )]
    Malformed {
        /// The ConfigMap.
        name: String,
        /// What is wrong.
        detail: String,
    },
    /// It would not fit into one ConfigMap.
    #[error("the inventory of {unit} holds {bytes} bytes, more than {BYTES_MAX}: split the unit")]
    TooLarge {
        /// The unit.
        unit: UnitId,
        /// Its size.
        bytes: usize,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StoredRow {
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    namespace: Option<Box<str>>,
    name: Box<str>,
    tenant: TenantName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uid: Option<Uid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    node: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    applied: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settled: Option<(Digest, Digest)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    identity: Option<StoredIdentity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channel: Option<StoredChannel>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StoredChannel {
    id: ChannelId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    block: Option<Digest>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    joined: BTreeSet<ObjectRef>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StoredIdentity {
    name: Box<str>,
    generation: Generation,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    facts: Option<IssuedFacts>,
}

impl StoredRow {
    fn of(id: &ObjectId, row: &Row) -> Self {
        let Row { tenant, uid, node, applied, settled, identity, channel } = row.clone();
        let (kind, namespace, name) = (id.kind, id.namespace.clone(), id.name.clone());
        let identity =
            identity.map(|IdentityRow { name, generation, facts }| StoredIdentity { name, generation, facts });
        let channel = channel.map(|ChannelRow { id, block, joined }| StoredChannel { id, block, joined });
        Self { kind, namespace, name, tenant, uid, node, applied, settled, identity, channel }
    }

    fn parts(self) -> (ObjectId, Row) {
        let Self { kind, namespace, name, tenant, uid, node, applied, settled, identity, channel } = self;
        let identity =
            identity.map(|StoredIdentity { name, generation, facts }| IdentityRow { name, generation, facts });
        let channel = channel.map(|StoredChannel { id, block, joined }| ChannelRow { id, block, joined });
        (ObjectId { kind, namespace, name }, Row { tenant, uid, node, applied, settled, identity, channel })
    }
}

/// The ConfigMap that stores an inventory.
pub fn encode(installation: &InstallationId, unit: &UnitId, inventory: &Inventory) -> Result<Object, InventoryError> {
    let mut lines = String::new();
    for (id, row) in &inventory.rows {
        let line = serde_json::to_string(&StoredRow::of(id, row))
            .map_err(|error| malformed(&ownership::inventory_name(installation, unit), &error.to_string()))?;
        lines.push_str(&line);
        lines.push('\n');
    }
    if lines.len() > BYTES_MAX {
        return Err(InventoryError::TooLarge { unit: unit.clone(), bytes: lines.len() });
    }
    let id = ObjectId::namespaced(
        Kind::ConfigMap,
        ownership::SYSTEM_NAMESPACE,
        &ownership::inventory_name(installation, unit),
    );
    let mut body = Map::new();
    body.insert("metadata".into(), metadata(installation, unit, inventory));
    body.insert("data".into(), json!({ ROWS: lines }));
    Ok(Object::new(id, body))
}

fn metadata(installation: &InstallationId, unit: &UnitId, inventory: &Inventory) -> Value {
    let namespaces: BTreeSet<&str> = inventory.rows.keys().filter_map(|id| id.namespace.as_deref()).collect();
    json!({
        "labels": {
            APPLYSET_ID: ownership::applyset_id(installation, unit),
            ownership::INVENTORY_OF: installation.as_str(),
            ownership::UNIT: unit.label(),
        },
        "annotations": {
            "applyset.kubernetes.io/tooling": "heddle/v1",
            KINDS: kinds_of(&inventory.rows),
            "applyset.kubernetes.io/additional-namespaces": namespaces.into_iter().collect::<Vec<_>>().join(","),
            UNIT_NAME: unit.to_string(),
        },
    })
}

fn kinds_of(rows: &BTreeMap<ObjectId, Row>) -> String {
    let kind = |id: &ObjectId| {
        let group = kinds::info(id.kind).group;
        if group.is_empty() { id.kind.to_string() } else { format!("{}.{group}", id.kind) }
    };
    let kinds: BTreeSet<String> = rows.keys().map(kind).collect();
    kinds.into_iter().collect::<Vec<_>>().join(",")
}

/// Reads a stored inventory.
pub fn decode(body: &Value) -> Result<(UnitId, Inventory), InventoryError> {
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
    let name = text("/metadata/name").unwrap_or("without a name");
    let needed = |pointer: &str, what: &str| text(pointer).ok_or_else(|| malformed(name, &format!("it has no {what}")));
    let unit = needed("/metadata/annotations/heddle.dev~1unit-name", "unit name")?;
    let unit = UnitId::parse(unit).map_err(|error| malformed(name, &error.to_string()))?;
    let installation = needed("/metadata/labels/heddle.dev~1inventory-of", "installation")?;
    let installation = InstallationId::parse(installation).map_err(|error| malformed(name, &error.to_string()))?;
    let expected = ownership::inventory_name(&installation, &unit);
    if name != expected {
        return Err(malformed(name, &format!("it is a copy of {expected}")));
    }
    let stored = (
        Uid::new(needed("/metadata/uid", "uid")?),
        ResourceVersion::new(needed("/metadata/resourceVersion", "resourceVersion")?),
    );
    let mut rows = BTreeMap::new();
    for (number, line) in needed("/data/rows", "rows")?.lines().enumerate() {
        let row: StoredRow = serde_json::from_str(line)
            .map_err(|error| malformed(name, &format!("row {} is not one: {error}", number + 1)))?;
        let (id, row) = row.parts();
        rows.insert(id, row);
    }
    // Rows that somebody took out leave no other trace.
    let kinds = body.pointer("/metadata/annotations").and_then(|annotations| annotations.get(KINDS)?.as_str());
    if kinds.unwrap_or_default() != kinds_of(&rows) {
        return Err(malformed(name, "its rows are of other kinds than its annotations say: rows are missing"));
    }
    Ok((unit, Inventory { rows, stored: Some(stored) }))
}

fn malformed(name: &str, detail: &str) -> InventoryError {
    InventoryError::Malformed { name: name.to_owned(), detail: detail.chars().take(200).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::names::RegionName;

    fn inventory() -> Inventory {
        let tenant = TenantName::parse("acme").unwrap();
        let row = Row {
            uid: Some(Uid::new("u-1")),
            applied: Some(Digest::of(b"x")),
            settled: Some((Digest::of(b"x"), Digest::of(b"y"))),
            ..Row::intended(&tenant, Some("trade-acme-p1"))
        };
        let joined = ObjectRef {
            region: RegionName::parse("eu").unwrap(),
            id: ObjectId::namespaced(Kind::StatefulSet, "demo-acme", "trade-acme-o1"),
        };
        let channel = ChannelRow {
            id: ChannelId::parse("ch1").unwrap(),
            block: Some(Digest::of(b"block")),
            joined: BTreeSet::from([joined]),
        };
        let record = Row { channel: Some(channel), ..Row::intended(&tenant, None) };
        let rows = BTreeMap::from([
            (ObjectId::namespaced(Kind::ConfigMap, "demo-acme", "trade-channel-ch1"), record),
            (ObjectId::namespaced(Kind::Service, "demo-acme", "trade-acme-p1"), row),
            (ObjectId::cluster(Kind::Namespace, "demo-acme"), Row::intended(&tenant, None)),
        ]);
        Inventory { rows, stored: None }
    }

    fn stored(object: &Object) -> Value {
        let mut tree = object.tree();
        tree["metadata"]["uid"] = json!("inventory-uid");
        tree["metadata"]["resourceVersion"] = json!("7");
        tree
    }

    #[test]
    fn an_inventory_reads_back_as_it_was_stored() {
        let (installation, unit) = (InstallationId::parse("demo").unwrap(), UnitId::parse("network/a/n").unwrap());
        let object = encode(&installation, &unit, &inventory()).unwrap();
        let (read_unit, read) = decode(&stored(&object)).unwrap();
        assert_eq!((read_unit, read.rows), (unit, inventory().rows));
        assert_eq!(read.stored, Some((Uid::new("inventory-uid"), ResourceVersion::new("7"))));
    }

    #[test]
    fn a_damaged_inventory_is_an_error_and_never_empty() {
        let (installation, unit) = (InstallationId::parse("demo").unwrap(), UnitId::Fleet);
        let good = stored(&encode(&installation, &unit, &inventory()).unwrap());
        let damage = |change: &dyn Fn(&mut Value)| {
            let mut tree = good.clone();
            change(&mut tree);
            decode(&tree).unwrap_err()
        };
        damage(&|tree| tree["data"] = json!({}));
        damage(&|tree| tree["data"]["rows"] = json!("{\"kind\":\"Secret\"}\n"));
        damage(&|tree| tree["metadata"]["annotations"] = json!({}));
        damage(&|tree| tree["metadata"]["labels"] = json!({}));
        damage(&|tree| tree["metadata"]["name"] = json!("a-copy"));
        let words = damage(&|tree| tree["data"]["rows"] = json!("")).to_string();
        assert!(words.contains("rows are missing") && words.contains("restore it"), "{words}");
    }
}
