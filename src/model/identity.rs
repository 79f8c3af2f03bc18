//! Names of identities that heddle issues: a key with its certificates, kept as a Secret for each generation.
//!
//! Input: a namespace and a name. Output: [`IdentityId`], [`IdentityRef`], [`Generation`] and the Secret's name. It holds no
//! key. Invariants: the name of a generation's Secret follows from the identity alone, so that the server itself refuses
//! a second key under it; a placeholder is no valid name of an object, so that one never reaches a cluster unnoticed.

use std::fmt;

use super::names::RegionName;
use super::object::{Kind, ObjectId, ObjectRef};

/// Which certificate of an identity, counted from 1; each renewal is the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Generation(u32);

impl Generation {
    /// The first.
    pub const FIRST: Self = Self(1);

    /// Reads the text form.
    pub fn parse(text: &str) -> Option<Self> {
        let number: u32 = text.parse().ok()?;
        (number > 0 && number.to_string() == text).then_some(Self(number))
    }

    /// The one after.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}
impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An identity within one cluster.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct IdentityId {
    /// Where its Secrets lie.
    pub namespace: Box<str>,
    /// Its name.
    pub name: Box<str>,
}

impl IdentityId {
    /// Puts both together.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The Secret of a generation.
    pub fn secret(&self, generation: Generation) -> ObjectId {
        ObjectId::namespaced(Kind::Secret, &self.namespace, &format!("{}-{generation}", self.name))
    }

    /// What stands for the Secret's name in an object that is rendered before anybody knows the generation.
    pub fn placeholder(&self) -> String {
        format!("{}@", self.name)
    }
}
impl fmt::Display for IdentityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
impl fmt::Debug for IdentityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// An identity in a region.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct IdentityRef {
    /// The region.
    pub region: RegionName,
    /// The identity there.
    pub id: IdentityId,
}

impl IdentityRef {
    /// The Secret of a generation.
    pub fn secret(&self, generation: Generation) -> ObjectRef {
        ObjectRef { region: self.region.clone(), id: self.id.secret(generation) }
    }
}
impl fmt::Display for IdentityRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: identity {}", self.region, self.id)
    }
}
impl fmt::Debug for IdentityRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}
