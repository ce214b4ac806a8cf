//! Which tests may need servers: those of packages that name this one among their dependencies, and its own.

use std::{collections::HashMap, process::Stdio};

use anyhow::{Context as _, ensure};
use mesh_rig::workspace;
use serde::Deserialize;

use super::narrowed::Narrowed;

/// Through which a test gets its servers.
const RIG: &str = "mesh-rig";

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
}

/// Whether any of the packages may need servers.
pub(super) fn needs_servers(narrowed: &Narrowed) -> anyhow::Result<bool> {
    if !narrowed.is_to_packages() {
        return Ok(true);
    }
    let mut cargo = workspace::cargo();
    cargo.args(["metadata", "--no-deps", "--format-version=1"]);
    let output = cargo.stderr(Stdio::inherit()).output().context("cannot run cargo")?;
    ensure!(output.status.success(), "cargo metadata ended with {}", output.status);
    let metadata =
        serde_json::from_slice(&output.stdout).context("cannot read what cargo metadata prints")?;
    Ok(any_needs(&metadata, &narrowed.packages))
}

fn any_needs(metadata: &Metadata, packages: &[String]) -> bool {
    let needs = |package: &Package| {
        package.name == RIG || package.dependencies.iter().any(|dependency| dependency.name == RIG)
    };
    let known: HashMap<&str, bool> =
        metadata.packages.iter().map(|package| (package.name.as_str(), needs(package))).collect();
    // A pattern or a path may stand for any of them.
    packages.iter().any(|name| known.get(name.as_str()).copied().unwrap_or(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_needs_servers_if_it_depends_on_the_rig() {
        let printed = r#"{"version": 1, "packages": [
            {"name": "user", "dependencies": [{"name": "tokio"}, {"name": "mesh-rig", "kind": "dev"}]},
            {"name": "mesh-policy", "dependencies": [{"name": "proptest"}]},
            {"name": "mesh-rig", "dependencies": []}]}"#;
        let metadata: Metadata = serde_json::from_str(printed).unwrap();
        for (packages, needs) in [
            (&["mesh-policy"][..], false),
            (&["user"], true),
            (&["mesh-rig"], true),
            (&["mesh-policy", "user"], true),
            (&["mesh-*"], true),
        ] {
            let packages: Vec<String> = packages.iter().map(|&name| name.to_owned()).collect();
            assert_eq!(any_needs(&metadata, &packages), needs, "{packages:?}");
        }
    }
}
