//! L2: YAML documents to validated types.
//!
//! Input: the blobs of one revision. Output: [`fleet::Fleet`] and its parts, and every problem found. It reads no
//! file itself and knows nothing of clusters. Invariant: nothing invalid gets past here; a unit with a problem is
//! named, the others go on.

pub mod approval;
pub mod check;
pub mod codes;
mod convert;
pub mod document;
pub mod fleet;
pub mod kind;
pub mod network;
pub mod organization;
pub mod parse;
pub mod place;
pub mod places;
pub mod rules;
pub mod schema;
pub mod secrets;
pub mod settings_file;
pub mod tenant;
mod violation;
