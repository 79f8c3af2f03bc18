//! The codes of problems that lie outside the specs: the source as a whole, and heddle's own configuration.
//!
//! Input: nothing. Output: one [`Code`] for each kind of problem and the [`CATALOGUE`] for documentation. Those of
//! documents are in `spec::codes`. Invariant: a code is never reused for another meaning.

use crate::model::diagnostic::Code;

/// The repository or its branch cannot be read until a person mends it.
pub const CUT_OFF: Code = Code(1007);
/// The configuration holds a value that does not read as its type.
pub const VALUE: Code = Code(1901);
/// The repository's address, branches or files do not go together.
pub const REPOSITORY: Code = Code(1902);
/// A region stands twice in the configuration.
pub const DUPLICATE_REGION: Code = Code(1903);
/// The place of the credentials is not one place.
pub const CREDENTIALS: Code = Code(1904);
/// A region names a context but no kubeconfig.
pub const LONE_CONTEXT: Code = Code(1905);

/// All codes in order, each with its meaning.
pub const CATALOGUE: [(Code, &str); 6] = [
    (CUT_OFF, "the repository or its branch cannot be read until a person mends it"),
    (VALUE, "the configuration holds a value that does not read as its type"),
    (REPOSITORY, "the repository's address, branches or files in the configuration do not go together"),
    (DUPLICATE_REGION, "a region stands twice in the configuration"),
    (CREDENTIALS, "the configuration does not name exactly one place for the credentials"),
    (LONE_CONTEXT, "a region of the configuration names a context but no kubeconfig"),
];
