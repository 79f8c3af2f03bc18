//! Secrets of a simulated region as the port sees them.
//!
//! Input: names, drafts. Output: what the store keeps. Invariant: a creation is one effect; reads are none.

use std::collections::BTreeMap;

use async_trait::async_trait;
use k8s_openapi::ByteString;
use serde_json::{Value, json};

use super::{SimCluster, answers, target};
use crate::model::object::{Kind, ObjectId};
use crate::model::secret::Secret;
use crate::observed::identity::{self, SecretMetadata};
use crate::ports::cluster::{ClusterError, Identity};
use crate::ports::secret_store::{SecretDraft, SecretStore, SecretValues};
use crate::sim::faults::Effect;
use crate::sim::store::failure::Failure;
use crate::sim::store::write::{Validation, WriteOptions};

#[async_trait]
impl SecretStore for SimCluster {
    async fn secret_metadata(
        &self,
        identity: &Identity,
        id: &ObjectId,
    ) -> Result<Option<SecretMetadata>, ClusterError> {
        let target = target(id)?;
        self.record(identity, "get", target, false);
        self.before_read().await?;
        self.store.get(target).ok().map(|body| metadata(&body)).transpose()
    }

    async fn create_secret(&self, identity: &Identity, draft: &SecretDraft) -> Result<SecretMetadata, ClusterError> {
        let target = target(&draft.id)?;
        self.record(identity, "create", target, false);
        let data: BTreeMap<String, ByteString> =
            draft.values.iter().map(|(key, value)| (key.to_string(), ByteString(value.expose().clone()))).collect();
        let body = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "immutable": true,
            "metadata": {
                "name": draft.id.name, "namespace": draft.id.namespace,
                "labels": draft.labels, "annotations": draft.annotations,
            },
            "data": data,
        });
        let options =
            WriteOptions { manager: &self.manager, validation: Validation::Strict, ..WriteOptions::default() };
        let act = || self.answered((Kind::Secret, "create"), || self.store.create(target, body, options));
        let written = self.around(Effect::Secret, &draft.id.to_string(), act).await?;
        metadata(&written.object)
    }

    async fn read_secret(
        &self,
        identity: &Identity,
        id: &ObjectId,
    ) -> Result<Option<(SecretMetadata, SecretValues)>, ClusterError> {
        let target = target(id)?;
        self.record(identity, "read", target, false);
        self.before_read().await?;
        let Ok(body) = self.store.get(target) else { return Ok(None) };
        let malformed = |_| answers::error(&Failure::bad_request("the data of the Secret is no base64"), "get");
        let data = body.get("data").cloned().unwrap_or_else(|| Value::Object(serde_json::Map::new()));
        let data: BTreeMap<Box<str>, ByteString> = serde_json::from_value(data).map_err(malformed)?;
        let values = data.into_iter().map(|(key, value)| (key, Secret::new(value.0))).collect();
        Ok(Some((metadata(&body)?, values)))
    }
}

fn metadata(body: &Value) -> Result<SecretMetadata, ClusterError> {
    let without = || ClusterError::Malformed { detail: "the Secret has no uid".into() };
    identity::metadata(body).ok_or_else(without)
}
