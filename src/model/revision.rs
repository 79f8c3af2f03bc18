//! Revisions of the source repository and paths inside it.
//!
//! Input: object ids and tree paths as Git gives them. Output: [`Revision`], [`BlobId`] and [`RepoPath`].
//! It reads nothing. Invariant: a [`RepoPath`] is relative, has no `.` or `..` part and no control character.

use std::fmt;

use super::names::{NameError, refused};

macro_rules! object_ids {
    ($($(#[$doc:meta])* $name:ident $what:literal)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 20]);

        impl $name {
            /// From the raw id.
            pub fn from_bytes(bytes: [u8; 20]) -> Self { Self(bytes) }

            /// Reads 40 hexadecimal digits.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                let wrong = || refused($what, text, "40 hexadecimal digits");
                if text.len() != 40 || !text.bytes().all(|b| b.is_ascii_hexdigit()) { return Err(wrong()); }
                let mut bytes = [0_u8; 20];
                for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
                    let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
                    *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
                }
                Ok(Self(bytes))
            }

            /// The raw id.
            pub fn as_bytes(&self) -> &[u8; 20] { &self.0 }

            /// The first ten digits, for people.
            pub fn short(&self) -> String { let mut s = self.to_string(); s.truncate(10); s }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.short()) }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.collect_str(self) }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(d)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    )* };
}

object_ids! {
    /// A Git commit id (SHA-1 repositories; libgit2 cannot read others).
    Revision "revision"
    /// The id of a file's content in Git: equal ids mean equal bytes.
    BlobId "blob id"
}

/// A path inside the repository, with `/` between its parts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct RepoPath(Box<str>);

impl RepoPath {
    /// Checks that the path is relative and plain.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let plain = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.chars().any(char::is_control);
        if text.len() <= 4096 && text.split('/').all(plain) {
            Ok(Self(text.into()))
        } else {
            Err(refused("repository path", text, "a relative path without empty, `.` or `..` parts"))
        }
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts between the slashes.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}
impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
impl fmt::Debug for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_the_tree_are_refused() {
        for bad in ["", "/a", "a/", "a//b", "../a", "a/../b", "./a", "a\n"] {
            assert!(RepoPath::parse(bad).is_err(), "{bad:?}");
        }
        assert!(RepoPath::parse("tenants/acme/tenant.yaml").is_ok());
    }

    #[test]
    fn revisions_read_back() {
        let text = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(Revision::parse(text).unwrap().to_string(), text);
        assert!(Revision::parse("0123").is_err());
    }
}
