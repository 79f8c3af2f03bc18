//! What a path in the repository declares.
//!
//! Input: a path. Output: a [`Place`]. It reads no content. Invariant: every path below `tenants/` that could hold or
//! hide a document has a place, so that a misspelt name never goes unnoticed.

use super::kind::Kind;
use crate::model::names::{NameError, NetworkName, OrganizationName, TenantName};
use crate::model::revision::RepoPath;
use crate::model::unit::{NetworkRef, OrganizationRef, UnitId};

/// What a path declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A document of this kind; its name must be this.
    Document {
        /// The kind.
        kind: Kind,
        /// The tenant in whose folder it lies.
        tenant: Option<TenantName>,
        /// The unit that it declares; none for an approval.
        unit: Option<UnitId>,
        /// What `metadata.name` must be; none for the fleet, which is free.
        name: Option<String>,
    },
    /// A document, but a part of its path is no valid name.
    BadName(Kind, NameError),
    /// A folder that holds documents.
    Folder,
    /// A YAML file where heddle reads nothing; with the path that was probably meant.
    Misplaced(Option<String>),
    /// Nothing that concerns heddle.
    Ignored,
}

/// The kinds' folders within a tenant's.
const FOLDERS: [(&str, Kind); 3] =
    [("organizations", Kind::Organization), ("networks", Kind::Network), ("approvals", Kind::Approval)];

/// Decides what a path declares.
pub fn of(path: &RepoPath) -> Place {
    let parts: Vec<&str> = path.parts().collect();
    match parts.as_slice() {
        ["fleet.yaml"] => Place::Document { kind: Kind::Fleet, tenant: None, unit: Some(UnitId::Fleet), name: None },
        ["tenants"] => Place::Folder,
        [file] if close(file, "fleet.yaml", "fleet.yml") => Place::Misplaced(Some("fleet.yaml".to_owned())),
        ["tenants", tenant] if TenantName::parse(tenant).is_ok() => Place::Folder,
        ["tenants", tenant, "tenant.yaml"] => match TenantName::parse(tenant) {
            Ok(name) => document(Kind::Tenant, &name, Some(UnitId::Tenant(name.clone())), tenant),
            Err(error) => Place::BadName(Kind::Tenant, error),
        },
        ["tenants", tenant, folder] if is_folder(folder) && TenantName::parse(tenant).is_ok() => Place::Folder,
        ["tenants", tenant, folder, file] => in_folder(tenant, folder, file),
        ["tenants", rest @ ..] => misplaced(rest),
        _ => Place::Ignored,
    }
}

fn is_folder(folder: &str) -> bool {
    FOLDERS.iter().any(|(known, _)| *known == folder)
}

fn document(kind: Kind, tenant: &TenantName, unit: Option<UnitId>, name: &str) -> Place {
    Place::Document { kind, tenant: Some(tenant.clone()), unit, name: Some(name.to_owned()) }
}

fn in_folder(tenant: &str, folder: &str, file: &str) -> Place {
    let known = FOLDERS.iter().find(|(known, _)| *known == folder);
    let (Some((_, kind)), Some(stem)) = (known, file.strip_suffix(".yaml")) else {
        return misplaced(&[tenant, folder, file]);
    };
    let unit = || -> Result<(TenantName, Option<UnitId>), NameError> {
        let owner = TenantName::parse(tenant)?;
        let unit = match kind {
            Kind::Organization => {
                let name = OrganizationName::parse(stem)?;
                Some(UnitId::Organization(OrganizationRef { tenant: owner.clone(), name }))
            }
            Kind::Network => {
                Some(UnitId::Network(NetworkRef { tenant: owner.clone(), name: NetworkName::parse(stem)? }))
            }
            Kind::Fleet | Kind::Tenant | Kind::Approval => None,
        };
        Ok((owner, unit))
    };
    match unit() {
        Ok((tenant, unit)) => document(*kind, &tenant, unit, stem),
        Err(error) => Place::BadName(*kind, error),
    }
}

/// A YAML file below `tenants/` that is no document, and what was probably meant.
fn misplaced(rest: &[&str]) -> Place {
    let is_yaml = rest.last().is_some_and(|file| stem(file).is_some());
    if !is_yaml {
        return Place::Ignored;
    }
    let meant = match rest {
        [file] => stem(file).map(|stem| format!("tenants/{stem}/tenant.yaml")),
        [tenant, file] if close(file, "tenant.yaml", "tenant.yml") => Some(format!("tenants/{tenant}/tenant.yaml")),
        [tenant, folder, file] => FOLDERS
            .iter()
            .find(|(known, _)| close(folder, known, known))
            .and_then(|(known, _)| Some(format!("tenants/{tenant}/{known}/{}.yaml", stem(file)?))),
        _ => None,
    };
    Place::Misplaced(meant)
}

fn stem(file: &str) -> Option<&str> {
    let (stem, extension) = file.rsplit_once('.')?;
    (extension.eq_ignore_ascii_case("yaml") || extension.eq_ignore_ascii_case("yml")).then_some(stem)
}

/// Whether a name is a misspelling of another one.
fn close(name: &str, wanted: &str, alternative: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == alternative || strsim::damerau_levenshtein(&name, wanted) <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(path: &str) -> String {
        match of(&RepoPath::parse(path).unwrap()) {
            Place::Document { kind, unit, .. } => {
                format!("{kind} {}", unit.map_or_else(|| "-".to_owned(), |unit| unit.to_string()))
            }
            Place::BadName(kind, error) => format!("bad {kind}: {}", error.what),
            Place::Folder => "folder".to_owned(),
            Place::Misplaced(meant) => format!("misplaced {}", meant.unwrap_or_default()),
            Place::Ignored => "ignored".to_owned(),
        }
    }

    #[test]
    fn a_path_says_what_a_file_is() {
        for (path, expected) in [
            ("fleet.yaml", "Fleet fleet"),
            ("tenants/acme/tenant.yaml", "Tenant tenant/acme"),
            ("tenants/acme/organizations/a.yaml", "Organization organization/acme/a"),
            ("tenants/acme/networks/n.yaml", "Network network/acme/n"),
            ("tenants/acme/approvals/0123.yaml", "Approval -"),
            ("tenants/Acme/tenant.yaml", "bad Tenant: tenant name"),
            ("tenants/acme/networks/N_1.yaml", "bad Network: network name"),
            ("tenants", "folder"),
            ("tenants/acme", "folder"),
            ("tenants/acme/networks", "folder"),
            ("fleet.yml", "misplaced fleet.yaml"),
            ("Fleet.yaml", "misplaced fleet.yaml"),
            ("tenants/acme.yaml", "misplaced tenants/acme/tenant.yaml"),
            ("tenants/acme/tenant.yml", "misplaced tenants/acme/tenant.yaml"),
            ("tenants/acme/tennant.yaml", "misplaced tenants/acme/tenant.yaml"),
            ("tenants/acme/organisations/a.yaml", "misplaced tenants/acme/organizations/a.yaml"),
            ("tenants/acme/networks/n.yml", "misplaced tenants/acme/networks/n.yaml"),
            ("tenants/acme/notes/n.yaml", "misplaced "),
            ("tenants/acme/networks/deep/n.yaml", "misplaced "),
            ("tenants/acme/README.md", "ignored"),
            ("tenants/README.md", "ignored"),
            ("README.md", "ignored"),
            ("docs/fleet.yaml", "ignored"),
            ("kustomization.yaml", "ignored"),
        ] {
            assert_eq!(show(path), expected, "{path}");
        }
    }
}
