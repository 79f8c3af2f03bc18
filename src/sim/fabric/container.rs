//! What a container of a node finds: files of its mounts, its environment, its command.
//!
//! Input: a pod's template and the Secrets and `ConfigMaps` of its namespace. Output: a [`Container`], or the name of what is
//! missing. It reads the one container of a pod; of volumes it knows Secrets, `ConfigMaps`, projections and claims.

use std::collections::BTreeMap;

use serde_json::Value;

/// Files by path, or by key.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What a volume's files come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A Secret.
    Secret,
    /// A `ConfigMap`.
    ConfigMap,
}

/// What a container finds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Container {
    /// Files by path.
    pub files: Files,
    /// Mounted folders that are empty at first.
    pub folders: Vec<String>,
    /// Its environment.
    pub env: BTreeMap<String, String>,
    /// What it runs.
    pub command: Vec<String>,
}

impl Container {
    /// Of a pod's template; `get` gives the keys of a Secret or `ConfigMap` of its namespace. Fails with the name of what is
    /// not there.
    pub fn mount(pod: &Value, get: impl Fn(Source, &str) -> Option<Files>) -> Result<Self, String> {
        let container = pod.pointer("/spec/containers/0").unwrap_or(&Value::Null);
        let env = list(container, "/env").map(|env| (text(env, "/name"), text(env, "/value"))).collect();
        let command = list(container, "/command").map(|word| word.as_str().unwrap_or_default().to_owned()).collect();
        let mut found = Self { env, command, ..Self::default() };
        for mount in list(container, "/volumeMounts") {
            let (name, path) = (text(mount, "/name"), text(mount, "/mountPath"));
            match list(pod, "/spec/volumes").find(|volume| text(volume, "/name") == name) {
                Some(volume) => found.fill(&path, volume, &get)?,
                // A claim of the set's template.
                None => found.folders.push(path),
            }
        }
        Ok(found)
    }

    fn fill(&mut self, path: &str, volume: &Value, get: &impl Fn(Source, &str) -> Option<Files>) -> Result<(), String> {
        let keys = |source: Source, name: &str| get(source, name).ok_or_else(|| name.to_owned());
        let whole =
            |source: Source, pointer: &str| volume.pointer(pointer).and_then(Value::as_str).map(|n| (source, n));
        let secret = whole(Source::Secret, "/secret/secretName");
        if let Some((source, name)) = secret.or_else(|| whole(Source::ConfigMap, "/configMap/name")) {
            self.files.extend(keys(source, name)?.into_iter().map(|(key, bytes)| (format!("{path}/{key}"), bytes)));
        } else if volume.pointer("/projected").is_some() {
            for projected in list(volume, "/projected/sources") {
                let (source, part) = match projected.get("secret") {
                    Some(part) => (Source::Secret, part),
                    None => (Source::ConfigMap, projected.get("configMap").unwrap_or(&Value::Null)),
                };
                let name = text(part, "/name");
                let whole = keys(source, &name)?;
                for item in list(part, "/items") {
                    let (key, place) = (text(item, "/key"), text(item, "/path"));
                    let bytes = whole.get(&key).ok_or_else(|| format!("{name} {key}"))?;
                    self.files.insert(format!("{path}/{place}"), bytes.clone());
                }
            }
        } else {
            self.folders.push(path.to_owned());
        }
        Ok(())
    }
}

fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}
