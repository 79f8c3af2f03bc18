//! Renders the chart with helm and applies it as the administrator, as an installation would.
//!
//! Input: the programs and a region. Output: nothing, or why the chart was not installed. It applies each document by
//! server-side apply; kubectl splits and reads the YAML.

use std::path::Path;
use std::process::Command;

use super::binaries::Binaries;
use super::region::Region;
use crate::contract::server::{Api, expect};

/// Installs the chart into `heddle-system`.
pub fn install(binaries: &Binaries, region: &Region) -> Result<(), String> {
    let helm = binaries.helm.clone()?;
    let kubectl = binaries.kubernetes.join("kubectl");
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/heddle");
    let rendered = Command::new(helm.join("helm"))
        .args(["template", "heddle"])
        .arg(&chart)
        .args(["--namespace", "heddle-system"])
        .output()
        .map_err(|error| format!("helm did not start: {error}"))?;
    assert!(rendered.status.success(), "helm: {}", String::from_utf8_lossy(&rendered.stderr));
    let file = region.folder().join("chart.yaml");
    std::fs::write(&file, &rendered.stdout).map_err(|error| format!("{}: {error}", file.display()))?;
    let namespace = r#"{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "heddle-system"}}"#;
    let headers = [("Content-Type", "application/json")];
    expect(&Api::admin(region).send("POST", "/api/v1/namespaces", &headers, namespace), 201);
    let applied = Command::new(kubectl)
        .args(["apply", "--server-side", "--kubeconfig"])
        .arg(region.admin_kubeconfig())
        .arg("-f")
        .arg(&file)
        .output()
        .map_err(|error| format!("kubectl did not start: {error}"))?;
    assert!(applied.status.success(), "kubectl: {}", String::from_utf8_lossy(&applied.stderr));
    Ok(())
}
