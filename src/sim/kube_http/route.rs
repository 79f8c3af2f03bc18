//! Paths and queries of the API.
//!
//! Input: a request's line and headers. Output: a [`Route`]. It reads no body. Invariant: an unknown path or a method
//! that a path does not have is refused here.

use std::collections::BTreeMap;

use axum::extract::Request;

use crate::sim::store::Target;
use crate::sim::store::failure::Failure;
use crate::sim::store::resources::Resource;
use crate::sim::store::write::Validation;

/// How an answer is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Whole,
    Metadata,
    MetadataList,
    Table,
}

/// What a request is about.
#[derive(Debug, Clone)]
pub(super) struct Route {
    pub(super) method: String,
    pub(super) resource: Resource,
    /// Empty: none, or all.
    pub(super) namespace: String,
    /// Empty for a collection.
    pub(super) name: String,
    pub(super) subresource: Option<String>,
    pub(super) query: BTreeMap<String, String>,
    pub(super) content_type: String,
    pub(super) agent: String,
    pub(super) shape: Shape,
}

impl Route {
    pub(super) fn read(request: &Request) -> Result<Self, Failure> {
        let header = |name: &str| {
            request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        let path = request.uri().path();
        let unknown = || Failure::new(404, "NotFound", "the server could not find the requested resource");
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (group, rest) = match parts.as_slice() {
            ["api", "v1", rest @ ..] => ("", rest),
            ["apis", group, version, rest @ ..] => {
                let served = Resource::all()
                    .any(|resource| resource.info().group == *group && resource.info().version == *version);
                if !served {
                    return Err(unknown());
                }
                (*group, rest)
            }
            _ => return Err(unknown()),
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, plural, rest @ ..] if !matches!(*plural, "status" | "finalize") => {
                (*namespace, [&[*plural], rest].concat())
            }
            rest => ("", rest.to_vec()),
        };
        let (plural, name, subresource) = match rest.as_slice() {
            [plural] => (*plural, "", None),
            [plural, name] => (*plural, *name, None),
            [plural, name, subresource] => (*plural, *name, Some((*subresource).to_owned())),
            _ => return Err(unknown()),
        };
        let resource = Resource::by_plural(group, plural).ok_or_else(unknown)?;
        let info = resource.info();
        match subresource.as_deref() {
            None => {}
            Some("status") if info.status => {}
            Some("scale") if info.scale => {}
            Some(_) => return Err(unknown()),
        }
        Ok(Self {
            method: request.method().to_string(),
            resource,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            subresource,
            query: query(request.uri().query().unwrap_or_default()),
            content_type: header("content-type").split(';').next().unwrap_or_default().trim().to_owned(),
            agent: header("user-agent").split('/').next().unwrap_or_default().to_owned(),
            shape: shape(&header("accept")),
        })
    }

    pub(super) fn target(&self) -> Target<'_> {
        Target { resource: self.resource, namespace: &self.namespace, name: &self.name }
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.query.get(name).map(String::as_str).unwrap_or_default()
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        matches!(self.text(name), "true" | "1")
    }

    pub(super) fn dry_run(&self) -> bool {
        self.text("dryRun") == "All"
    }

    /// Whether it is meant to change something.
    pub(super) fn is_effect(&self) -> bool {
        self.method != "GET" && !self.dry_run()
    }

    pub(super) fn validation(&self) -> Validation {
        match self.text("fieldValidation") {
            "Strict" => Validation::Strict,
            "Ignore" => Validation::Ignore,
            _ => Validation::Warn,
        }
    }

    /// The field manager: as named, or the first word of the user agent as the server does it.
    pub(super) fn manager(&self) -> String {
        match self.text("fieldManager") {
            "" => self.agent.clone(),
            named => named.to_owned(),
        }
    }
}

fn shape(accept: &str) -> Shape {
    // The first form that is known counts.
    for form in accept.split(',') {
        if form.contains("as=Table") {
            return Shape::Table;
        }
        if form.contains("as=PartialObjectMetadataList") {
            return Shape::MetadataList;
        }
        if form.contains("as=PartialObjectMetadata") {
            return Shape::Metadata;
        }
        if form.trim_start().starts_with("application/json") {
            return Shape::Whole;
        }
    }
    Shape::Whole
}

fn query(text: &str) -> BTreeMap<String, String> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
                let (high, low) = (digit(rest.next()), digit(rest.next()));
                let value = high.zip(low).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
                bytes.extend(value);
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        let read = query("labelSelector=a%3Db%2Cc&watch=1&x=a+b");
        assert_eq!(read.get("labelSelector").map(String::as_str), Some("a=b,c"));
        assert_eq!(read.get("x").map(String::as_str), Some("a b"));
    }

    #[test]
    fn the_first_known_form_counts() {
        let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
        assert_eq!(shape(kubectl), Shape::Table);
        assert_eq!(shape("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"), Shape::Metadata);
        assert_eq!(shape("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"), Shape::MetadataList);
        assert_eq!(shape("application/json"), Shape::Whole);
    }
}
