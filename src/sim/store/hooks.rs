//! Admission hooks: scripts that change or refuse what is written, as webhooks would.
//!
//! Input: an operation and the object as it is going to be stored. Output: a [`Verdict`]. The store does not judge
//! them. Invariant: hooks run in the order in which they were added, also for dry runs, before validation.

use std::fmt;
use std::sync::{Arc, PoisonError};

use serde_json::Value;

use super::failure::Failure;
use super::{Store, Target};

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Something new.
    Create,
    /// A change.
    Update,
    /// A deletion; the object is the stored one.
    Delete,
}

/// What a hook says.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Go on.
    Allow,
    /// Store this instead.
    Mutate(Value),
    /// Refuse, with these words.
    Deny(String),
}

type Script = Arc<dyn Fn(Operation, &Target<'_>, &Value) -> Verdict + Send + Sync>;

/// One hook.
#[derive(Clone)]
pub struct Hook {
    name: String,
    script: Script,
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hook").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Store {
    /// Adds a hook under the name that refusals show.
    pub fn add_hook(
        &self,
        name: &str,
        script: impl Fn(Operation, &Target<'_>, &Value) -> Verdict + Send + Sync + 'static,
    ) {
        let hook = Hook { name: name.to_owned(), script: Arc::new(script) };
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner).push(hook);
    }

    /// Removes the hooks of a name.
    pub fn remove_hook(&self, name: &str) {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner).retain(|hook| hook.name != name);
    }

    pub(super) fn admit(&self, operation: Operation, target: &Target<'_>, mut object: Value) -> Result<Value, Failure> {
        let hooks = self.hooks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for hook in hooks {
            match (hook.script)(operation, target, &object) {
                Verdict::Allow => {}
                Verdict::Mutate(changed) => object = changed,
                Verdict::Deny(words) => {
                    let message = format!("admission webhook {:?} denied the request: {words}", hook.name);
                    return Err(Failure::new(403, "Forbidden", message));
                }
            }
        }
        Ok(object)
    }
}
