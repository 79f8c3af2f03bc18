//! The quick-start fleet within the binary, and the changes that people make to it.
//!
//! Input: none. Output: files of commits. Invariant: a change that finds nothing to change is an error of the demo, not
//! an empty commit.

use std::collections::BTreeMap;

use crate::sim::git_host::Files;

use super::DemoError;
use crate::app::quick_start;

/// The organization whose peers come and go.
pub(super) const ACME: &str = "tenants/acme/organizations/acme.yaml";
/// The tenant that runs the ordering service.
pub(super) const PLATFORM: &str = "tenants/platform/tenant.yaml";

/// The fleet as its people change it.
#[derive(Debug, Clone)]
pub(super) struct Fleet(BTreeMap<&'static str, String>);

impl Fleet {
    /// As the quick-start has it.
    pub(super) fn new() -> Self {
        Self(quick_start::FILES.iter().map(|(path, text)| (*path, (*text).to_owned())).collect())
    }

    /// All files.
    pub(super) fn files(&self) -> Files {
        self.0.iter().map(|(path, text)| ((*path).to_owned(), Some(text.clone()))).collect()
    }

    /// Puts one text in the place of another in a file; gives the file for a commit.
    pub(super) fn replace(&mut self, path: &'static str, old: &str, new: &str) -> Result<Files, DemoError> {
        let text = self.0.get_mut(path).filter(|text| text.matches(old).count() == 1);
        let text = text.ok_or_else(|| DemoError::Fleet { path, text: old.to_owned() })?;
        *text = text.replace(old, new);
        Ok(Files::from([(path.to_owned(), Some(text.clone()))]))
    }

    /// `file:line` of a text.
    pub(super) fn place(&self, path: &'static str, text: &str) -> String {
        let lines = self.0.get(path).map(String::as_str).unwrap_or_default().lines();
        let line = lines.take_while(|line| !line.contains(text)).count() + 1;
        format!("{path}:{line}")
    }
}

/// An approval as a tenant's administrator writes it.
pub(super) fn approval(tenant: &str, plan: &str) -> Files {
    let name = plan.trim_start_matches("sha256:");
    let text = format!(
        "apiVersion: heddle.dev/v1alpha1\nkind: Approval\nmetadata:\n  name: \"{name}\"\nspec:\n  plan: {plan}\n  \
         changes: all\n  reason: peer2 was for the fair; nobody uses it any more\n"
    );
    Files::from([(format!("tenants/{tenant}/approvals/{name}.yaml"), Some(text))])
}
