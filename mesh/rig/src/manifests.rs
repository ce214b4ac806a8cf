//! The manifests below k8s/: each overlay put together by kustomize and compared with Kubernetes' own schemas.
//!
//! The checker is a Python package: its schemas come with it, so nothing is asked of a cluster.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, bail, ensure};
use mesh_rig::workspace;

use crate::tools;

/// What is put together, below k8s/. An overlay checks the base too, but not what it replaces.
const ROOTS: [&str; 2] = ["base", "overlays/dev"];

/// The checker and its version; its schemas are of this version of Kubernetes and of older ones.
const CHECKER: &str = "kubernetes-validate";
const CHECKER_VERSION: &str = "1.37.0";
/// The version of Kubernetes whose schemas hold: the oldest that the project supports has all fields that are used.
const KUBERNETES: &str = "1.34";

pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let checker = checker()?;
    let folder = workspace::target().join("manifests");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for root in ROOTS {
        let built = folder.join(format!("{}.yaml", root.replace('/', "-")));
        build(root, &built)?;
        let mut check = Command::new(&checker);
        check.args(["--strict", "--quiet", "-k", KUBERNETES]).arg(&built);
        let status = check.status().with_context(|| format!("cannot run {}", checker.display()))?;
        ensure!(status.success(), "k8s/{root} is not what Kubernetes {KUBERNETES} expects");
        println!("k8s/{root}: as Kubernetes {KUBERNETES} expects");
    }
    Ok(ExitCode::SUCCESS)
}

/// Puts an overlay together.
fn build(root: &str, into: &Path) -> anyhow::Result<()> {
    let folder = workspace::root().join("k8s").join(root);
    let mut kustomize = Command::new(tools::KUSTOMIZE.find_or_install()?);
    let output = kustomize.arg("build").arg(&folder).output().context("cannot run kustomize")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "kustomize cannot build {}: {said}", folder.display());
    fs::write(into, output.stdout).with_context(|| format!("cannot write {}", into.display()))
}

/// The checker, installed into an environment of its own in the cache folder, unless it is there.
fn checker() -> anyhow::Result<PathBuf> {
    let cache = workspace::cache().context("neither XDG_CACHE_HOME nor HOME is set")?;
    let environment = cache.join(format!("{CHECKER}-{CHECKER_VERSION}"));
    let program = environment.join("bin").join(CHECKER);
    if program.is_file() {
        return Ok(program);
    }
    eprintln!("installing {CHECKER} into {}", environment.display());
    let mut python = Command::new("python3");
    python.args(["-m", "venv"]).arg(&environment);
    install(&mut python, "install Python 3 with its venv module (Debian: apt-get install python3-venv)")?;
    let mut pip = Command::new(environment.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check"])
        .arg(format!("{CHECKER}=={CHECKER_VERSION}"));
    install(&mut pip, "is PyPI reachable?")?;
    ensure!(program.is_file(), "{CHECKER} is not at {} after its installation", program.display());
    Ok(program)
}

fn install(command: &mut Command, hint: &str) -> anyhow::Result<()> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => bail!("the installation of {CHECKER} ended with {status}: {hint}"),
        Err(error) => Err(error).with_context(|| format!("{CHECKER} cannot be installed: {hint}")),
    }
}
