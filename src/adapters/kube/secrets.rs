//! Secrets of a region: metadata, creation, one whole Secret.
//!
//! Input: names, drafts. Output: metadata, values. It lists nothing. Invariants: a creation is a POST of an immutable
//! object whose answer holds metadata only; values are taken out of an answer and the answer is wiped. What the HTTP
//! client copies of a request's body while it sends it is beyond reach and not wiped.

use std::collections::BTreeMap;

use async_trait::async_trait;
use http::Method;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret as Wire;
use zeroize::Zeroize;

use super::connection::OBJECT_BYTES_MAX;
use super::meter::Call;
use super::{Ask, KubeCluster, absent, json, malformed, request};
use crate::k8s::kinds;
use crate::model::object::{Kind, ObjectId};
use crate::model::secret::Secret;
use crate::observed::identity::{self, SecretMetadata};
use crate::ports::cluster::{ClusterError, Identity};
use crate::ports::secret_store::{SecretDraft, SecretStore, SecretValues};

#[async_trait]
impl SecretStore for KubeCluster {
    async fn secret_metadata(
        &self,
        identity: &Identity,
        id: &ObjectId,
    ) -> Result<Option<SecretMetadata>, ClusterError> {
        let ask = Ask::read(Call::SecretMetadata, identity, kinds::object_path(id), "get secrets".into());
        match self.ask(Ask { accept: request::METADATA, ..ask }).await {
            Ok(answer) => metadata(&json(&answer.body)?).map(Some),
            Err(refusal) => absent(refusal, &id.name).map(|()| None),
        }
    }

    async fn create_secret(&self, identity: &Identity, draft: &SecretDraft) -> Result<SecretMetadata, ClusterError> {
        let namespace = draft.id.namespace.as_deref().unwrap_or_default();
        let query = [("fieldManager", self.field_manager.as_str()), ("fieldValidation", "Strict")];
        let target = request::target(&kinds::collection_path(Kind::Secret, Some(namespace)), &query);
        let ask = Ask {
            method: Method::POST,
            accept: request::METADATA,
            body: Some((request::JSON, body(draft)?)),
            namespace,
            ..Ask::read(Call::SecretCreate, identity, target, "create secrets".into())
        };
        let answer = self.ask(ask).await.map_err(|refusal| refusal.error)?;
        metadata(&json(&answer.body)?)
    }

    async fn read_secret(
        &self,
        identity: &Identity,
        id: &ObjectId,
    ) -> Result<Option<(SecretMetadata, SecretValues)>, ClusterError> {
        let ask = Ask::read(Call::SecretRead, identity, kinds::object_path(id), "get secrets".into());
        match self.ask(Ask { bytes_max: OBJECT_BYTES_MAX, ..ask }).await {
            Ok(mut answer) => {
                let read = values(&answer.body);
                answer.body.zeroize();
                read.map(Some)
            }
            Err(refusal) => absent(refusal, &id.name).map(|()| None),
        }
    }
}

fn metadata(body: &serde_json::Value) -> Result<SecretMetadata, ClusterError> {
    identity::metadata(body).ok_or_else(|| malformed("the Secret has no uid"))
}

fn body(draft: &SecretDraft) -> Result<Vec<u8>, ClusterError> {
    let mut wire = Wire { immutable: Some(true), type_: Some("Opaque".into()), ..Wire::default() };
    wire.metadata.name = Some(draft.id.name.to_string());
    wire.metadata.namespace = draft.id.namespace.as_deref().map(ToOwned::to_owned);
    wire.metadata.labels = Some(draft.labels.clone());
    wire.metadata.annotations = Some(draft.annotations.clone());
    wire.data =
        Some(draft.values.iter().map(|(key, value)| (key.to_string(), ByteString(value.expose().clone()))).collect());
    // The size is known before, so that no piece of it stays behind in a buffer that grew.
    let size: usize = draft.values.values().map(|value| value.expose().len() * 2).sum();
    let mut bytes = Vec::with_capacity(size + 8 * 1024);
    let written = serde_json::to_writer(&mut bytes, &wire);
    wipe(&mut wire);
    written.map_err(|_| ClusterError::Invalid { detail: "the Secret is no JSON".into() })?;
    Ok(bytes)
}

fn values(body: &[u8]) -> Result<(SecretMetadata, SecretValues), ClusterError> {
    let mut wire: Wire = serde_json::from_slice(body).map_err(|_| malformed("it is no Secret"))?;
    let data = wire.data.take().unwrap_or_default();
    let values: BTreeMap<Box<str>, _> =
        data.into_iter().map(|(key, value)| (key.into(), Secret::new(value.0))).collect();
    let tree = serde_json::to_value(&wire).map_err(|_| malformed("it is no Secret"))?;
    Ok((metadata(&tree)?, values))
}

fn wipe(wire: &mut Wire) {
    for value in wire.data.iter_mut().flat_map(BTreeMap::values_mut) {
        value.0.zeroize();
    }
}
