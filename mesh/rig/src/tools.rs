//! Programs that are not crates of the workspace: found where they are, or built once into a cache folder.

use std::{
    env, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail, ensure};

use mesh_rig::workspace;

/// A program, and what builds it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    name: &'static str,
    builder: Builder,
}

#[derive(Clone, Copy, Debug)]
enum Builder {
    /// `cargo install` of this crate and version.
    Cargo(&'static str),
    /// `go install` of this package and version.
    Go(&'static str),
}

pub(crate) const BUF: Tool =
    Tool { name: "buf", builder: Builder::Go("github.com/bufbuild/buf/cmd/buf@v1.75.0") };
pub(crate) const GRPCURL: Tool =
    Tool { name: "grpcurl", builder: Builder::Go("github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4") };
pub(crate) const KUSTOMIZE: Tool =
    Tool { name: "kustomize", builder: Builder::Go("sigs.k8s.io/kustomize/kustomize/v5@v5.8.1") };
pub(crate) const CARGO_DENY: Tool = Tool { name: "cargo-deny", builder: Builder::Cargo("cargo-deny@0.20.2") };

impl Tool {
    /// The path of the program: from `PATH`, else from the cache folder, else built into it now.
    pub(crate) fn find_or_install(self) -> anyhow::Result<PathBuf> {
        let folders: Vec<PathBuf> =
            env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
        if let Some(found) = folders.iter().map(|folder| folder.join(self.name)).find(|path| path.is_file()) {
            return Ok(found);
        }
        let cache = workspace::cache().context("neither XDG_CACHE_HOME nor HOME is set")?;
        let cached = cache.join("bin").join(self.name);
        if !cached.is_file() {
            self.install(&cache)?;
        }
        ensure!(cached.is_file(), "{} is not at {} after its installation", self.name, cached.display());
        Ok(cached)
    }

    fn install(self, cache: &Path) -> anyhow::Result<()> {
        let bin = cache.join("bin");
        fs::create_dir_all(&bin).with_context(|| format!("cannot create {}", bin.display()))?;
        let mut command = match self.builder {
            Builder::Cargo(krate) => {
                let mut cargo = workspace::cargo();
                // Unoptimised: what it does takes seconds, to optimise it takes minutes.
                cargo.args(["install", "--locked", "--debug", "--root"]).arg(cache).arg(krate);
                cargo
            }
            Builder::Go(package) => {
                let mut go = Command::new("go");
                go.args(["install", package]).env("GOBIN", &bin);
                go
            }
        };
        eprintln!("installing {} into {}", self.name, bin.display());
        match command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => bail!("the installation of {} ended with {status}", self.name),
            Err(error) if error.kind() == ErrorKind::NotFound => bail!(
                "{} is not installed, and neither is Go, which builds it: install Go 1.21 or newer \
                 (https://go.dev/dl), or put {} into PATH",
                self.name,
                self.name
            ),
            Err(error) => Err(error).with_context(|| format!("cannot run the installer of {}", self.name)),
        }
    }
}
