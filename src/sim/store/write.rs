//! Writes: POST, PUT, PATCH and server-side apply.
//!
//! Input: a target, a body, options. Output: what is stored then, or what would be. Invariants: everything is checked
//! and stored under one lock; a write that changes nothing leaves the version; a dry run goes the whole way but the
//! last step.

use std::sync::Arc;

use serde_json::{Value, json};

use super::failure::{Failure, Problem};
use super::hooks::Operation;
use super::managers::{self, Refused, Writer};
use super::schema::Type;
use super::state::State;
use super::{Store, Target, delete, patch, prepare, validate};

/// How fields that a kind does not have are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Validation {
    /// Dropped without a word.
    Ignore,
    /// Dropped with a warning.
    #[default]
    Warn,
    /// Refused.
    Strict,
}

/// How a write is made.
#[derive(Debug, Clone, Copy, Default)]
pub struct WriteOptions<'a> {
    /// The field manager.
    pub manager: &'a str,
    /// Asks without storing.
    pub dry_run: bool,
    /// Takes fields that others own (apply only).
    pub force: bool,
    /// Fields that a kind does not have.
    pub validation: Validation,
    /// `status` or `scale`; the whole object when none.
    pub subresource: Option<&'a str>,
}

/// How a PATCH is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchKind {
    /// RFC 7396.
    Merge,
    /// Kubernetes' own, with keyed lists.
    Strategic,
}

/// What a write left.
#[derive(Debug, Clone)]
pub struct Written {
    /// The object as it is stored, or would be.
    pub object: Arc<Value>,
    /// Whether it is new.
    pub created: bool,
    /// Warning headers.
    pub warnings: Vec<String>,
}

impl Store {
    /// POST.
    pub fn create(&self, target: Target<'_>, mut body: Value, options: WriteOptions<'_>) -> Result<Written, Failure> {
        validate::addressed(target.resource, target.namespace, target.name, &body)?;
        let warnings = unknown(target, &mut body, options.validation)?;
        if body.pointer("/metadata/resourceVersion").and_then(Value::as_str).is_some_and(|text| !text.is_empty()) {
            return Err(Failure::new(500, "", "resourceVersion should not be set on objects to be created"));
        }
        let mut state = self.state();
        let generated = name_of(&mut state, &mut body);
        let name = if target.name.is_empty() { generated } else { target.name.to_owned() };
        let target = Target { name: &name, ..target };
        address(&mut body, target);
        Self::check_namespace(&state, target)?;
        let now = self.now_text();
        let empty = skeleton(target);
        let api_version = target.resource.api_version();
        let writer = Writer { manager: options.manager, api_version: &api_version, subresource: None, now: &now };
        let kind = target.resource.info().kind;
        if let (true, Some(object)) = (target.resource.info().status, body.as_object_mut()) {
            object.remove("status");
        }
        managers::update(kind, &empty, &mut body, writer);
        if !name.is_empty() && state.objects.contains_key(&target.key()) {
            return Err(Failure::already_exists(target.resource, &name));
        }
        self.store_new(&mut state, target, body, options, warnings)
    }

    /// PUT.
    pub fn update(&self, target: Target<'_>, mut body: Value, options: WriteOptions<'_>) -> Result<Written, Failure> {
        validate::addressed(target.resource, target.namespace, target.name, &body)?;
        let warnings = unknown(target, &mut body, options.validation)?;
        let kind = target.resource.info().kind;
        let given = body.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default().to_owned();
        let live = self.state().objects.get(&target.key()).cloned();
        match live {
            None if kind == "Lease" || kind == "Event" => {
                prepare::set(&mut body, &["metadata", "resourceVersion"], json!(""));
                return self.create(target, body, options);
            }
            None => return Err(Failure::not_found(target.resource, target.name)),
            Some(_) if given.is_empty() && kind == "Lease" => {
                let problem =
                    Problem::invalid("metadata.resourceVersion", &json!("0x0"), "must be specified for an update");
                return Err(Failure::invalid(target.resource, target.name, &[problem]));
            }
            Some(_) => {}
        }
        self.change(target, options, warnings, |_| Ok(body))
    }

    /// PATCH by merging.
    pub fn patch(
        &self,
        target: Target<'_>,
        kind: PatchKind,
        body: &Value,
        options: WriteOptions<'_>,
    ) -> Result<Written, Failure> {
        if !body.is_object() {
            return Err(Failure::bad_request("the patch is not an object"));
        }
        self.change(target, options, Vec::new(), |live| {
            let mut new = live.clone();
            match kind {
                PatchKind::Merge => patch::merge(&mut new, body),
                PatchKind::Strategic => {
                    patch::strategic(Type::Root(target.resource.info().kind), &mut new, body);
                }
            }
            validate::addressed(target.resource, target.namespace, target.name, &new)?;
            Ok(new)
        })
    }

    /// PUT on the `scale` subresource.
    pub fn scale(&self, target: Target<'_>, replicas: i64, options: WriteOptions<'_>) -> Result<Written, Failure> {
        let options = WriteOptions { subresource: Some("scale"), ..options };
        self.change(target, options, Vec::new(), |live| {
            let mut new = live.clone();
            prepare::set(&mut new, &["spec", "replicas"], json!(replicas));
            Ok(new)
        })
    }

    /// Server-side apply.
    pub fn apply(&self, target: Target<'_>, mut config: Value, options: WriteOptions<'_>) -> Result<Written, Failure> {
        validate::addressed(target.resource, target.namespace, target.name, &config)?;
        check_apply(target, &config, options)?;
        address(&mut config, target);
        let kind = target.resource.info().kind;
        let api_version = target.resource.api_version();
        let now = self.now_text();
        let writer =
            Writer { manager: options.manager, api_version: &api_version, subresource: options.subresource, now: &now };
        let refused = |refused| match refused {
            Refused::Conflicts(conflicts) => Failure::field_conflicts(&conflicts),
            Refused::MissingKey(missing) => untyped(target, &missing.to_string()),
        };
        let mut state = self.state();
        let Some(live) = state.objects.get(&target.key()).cloned() else {
            if options.subresource.is_some() {
                return Err(Failure::not_found(target.resource, target.name));
            }
            let merged = managers::apply(kind, &skeleton(target), &config, writer, options.force).map_err(refused)?;
            if let Some(uid) = config.pointer("/metadata/uid").and_then(Value::as_str) {
                let why =
                    format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
                return Err(Failure::conflict(target.resource, target.name, &why));
            }
            Self::check_namespace(&state, target)?;
            return self.store_new(&mut state, target, merged, options, Vec::new());
        };
        let merged = managers::apply(kind, &live, &config, writer, options.force).map_err(refused)?;
        self.store_changed(&mut state, target, (&live, merged), options, Vec::new())
    }

    fn change(
        &self,
        target: Target<'_>,
        options: WriteOptions<'_>,
        warnings: Vec<String>,
        make: impl FnOnce(&Value) -> Result<Value, Failure>,
    ) -> Result<Written, Failure> {
        let mut state = self.state();
        let live = state
            .objects
            .get(&target.key())
            .cloned()
            .ok_or_else(|| Failure::not_found(target.resource, target.name))?;
        let mut new = make(&live)?;
        address(&mut new, target);
        let api_version = target.resource.api_version();
        let now = self.now_text();
        if options.subresource != Some("status") && target.resource.info().status {
            match (live.get("status"), new.as_object_mut()) {
                (Some(status), _) => prepare::set(&mut new, &["status"], status.clone()),
                (None, Some(object)) => drop(object.remove("status")),
                (None, None) => {}
            }
        }
        prepare::always(target.resource, &mut new);
        let writer =
            Writer { manager: options.manager, api_version: &api_version, subresource: options.subresource, now: &now };
        managers::update(target.resource.info().kind, &live, &mut new, writer);
        self.store_changed(&mut state, target, (&live, new), options, warnings)
    }

    fn store_new(
        &self,
        state: &mut State,
        target: Target<'_>,
        mut object: Value,
        options: WriteOptions<'_>,
        warnings: Vec<String>,
    ) -> Result<Written, Failure> {
        let uid = state.next_uid();
        prepare::created(target.resource, &mut object, &uid, &self.now_text());
        let object = self.admit(Operation::Create, &target, object)?;
        let problems = validate::created(target.resource, &object);
        if !problems.is_empty() {
            return Err(Failure::invalid(target.resource, target.name, &problems));
        }
        if options.dry_run {
            return Ok(Written { object: Arc::new(object), created: true, warnings });
        }
        let object = state.put(target.key(), object);
        self.announce(state.version);
        Ok(Written { object, created: true, warnings })
    }

    fn store_changed(
        &self,
        state: &mut State,
        target: Target<'_>,
        (live, mut new): (&Arc<Value>, Value),
        options: WriteOptions<'_>,
        warnings: Vec<String>,
    ) -> Result<Written, Failure> {
        let version = |object: &Value| object.pointer("/metadata/resourceVersion").cloned().unwrap_or_default();
        let given = version(&new);
        if !given.is_null() && given != json!("") && given != version(live) {
            return Err(Failure::modified(target.resource, target.name));
        }
        prepare::changed(target.resource, live, &mut new, options.subresource);
        let new = self.admit(Operation::Update, &target, new)?;
        let problems = validate::changed(target.resource, live, &new);
        if !problems.is_empty() {
            return Err(Failure::invalid(target.resource, target.name, &problems));
        }
        if managers::without_times(&new) == managers::without_times(live) {
            return Ok(Written { object: live.clone(), created: false, warnings });
        }
        if options.dry_run {
            return Ok(Written { object: Arc::new(new), created: false, warnings });
        }
        let key = target.key();
        let finished = new.pointer("/metadata/deletionTimestamp").is_some() && !delete::is_held(&key, &new);
        let mut object = state.put(key.clone(), new);
        if finished {
            object = state.remove(&key).unwrap_or(object);
        }
        self.announce(state.version);
        Ok(Written { object, created: false, warnings })
    }
}

/// What an object is before its first write.
fn skeleton(target: Target<'_>) -> Value {
    json!({"apiVersion": target.resource.api_version(), "kind": target.resource.info().kind, "metadata": {}})
}

fn address(object: &mut Value, target: Target<'_>) {
    prepare::set(object, &["metadata", "name"], json!(target.name));
    if target.resource.info().namespaced {
        prepare::set(object, &["metadata", "namespace"], json!(target.namespace));
    }
}

/// The name of a new object; one that is to be generated is written into the body.
fn name_of(state: &mut State, body: &mut Value) -> String {
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (name, prefix) = (text("/metadata/name"), text("/metadata/generateName"));
    if !name.is_empty() || prefix.is_empty() {
        return name;
    }
    let suffix: String = state.next_uid().chars().take(5).collect();
    format!("{prefix}{suffix}")
}

fn unknown(target: Target<'_>, body: &mut Value, validation: Validation) -> Result<Vec<String>, Failure> {
    let unknown = validate::unknown_fields(target.resource, body);
    if let Some(object) = body.as_object_mut() {
        object.retain(|name, _| !unknown.contains(name));
    }
    let words: Vec<String> = unknown.iter().map(|name| format!("unknown field {name:?}")).collect();
    match validation {
        Validation::Strict if !words.is_empty() => {
            let info = target.resource.info();
            let message = format!(
                "{} in version {:?} cannot be handled as a {}: strict decoding error: {}",
                info.kind,
                info.version,
                info.kind,
                words.join(", ")
            );
            Err(Failure::bad_request(message))
        }
        Validation::Ignore => Ok(Vec::new()),
        Validation::Warn | Validation::Strict => Ok(words),
    }
}

fn check_apply(target: Target<'_>, config: &Value, options: WriteOptions<'_>) -> Result<(), Failure> {
    if options.manager.is_empty() {
        let message =
            "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch";
        return Err(Failure::new(422, "Invalid", message));
    }
    if config.pointer("/metadata/managedFields").is_some_and(|fields| !fields.is_null()) {
        return Err(Failure::bad_request("metadata.managedFields must be nil"));
    }
    // An apply is typed before anything else, so that the validation directive does not matter here.
    match validate::unknown_fields(target.resource, config).first() {
        Some(name) => Err(untyped(target, &format!(".{name}: field not declared in schema"))),
        None => Ok(()),
    }
}

fn untyped(target: Target<'_>, why: &str) -> Failure {
    let info = target.resource.info();
    let message = format!(
        "failed to create typed patch object ({}/{}; {}/{}, Kind={}): {why}",
        target.namespace, target.name, info.group, info.version, info.kind
    );
    Failure::new(500, "", message)
}
