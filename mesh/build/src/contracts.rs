//! From a folder of contracts to the files that a crate includes.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use protox::Compiler;

use crate::error::BuildError;
use crate::{code, judge, sources, table};

/// The contracts of one crate: every .proto file below a folder.
#[derive(Clone, Debug)]
pub struct Contracts {
    root: PathBuf,
    imports: Vec<PathBuf>,
    event_packages: Vec<String>,
}

impl Contracts {
    /// The contracts below `root`, whose folders are their packages: `user/v1/user.proto` is `user.v1`.
    /// A relative path starts at the folder of the crate's Cargo.toml.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), imports: Vec::new(), event_packages: Vec::new() }
    }

    /// A further folder that the contracts import from. Its own services are neither judged nor listed in
    /// the policy table; its messages are generated only as far as they are imported.
    #[must_use]
    pub fn import_from(mut self, folder: impl Into<PathBuf>) -> Self {
        self.imports.push(folder.into());
        self
    }

    /// Gives the messages of `package` a JSON form through serde: field names as in the contract, absent
    /// fields at their default, `google.protobuf.Timestamp`s through the including crate's module
    /// `crate::rfc3339`, which serves `Option<prost_types::Timestamp>`.
    #[must_use]
    pub fn event_json(mut self, package: impl Into<String>) -> Self {
        self.event_packages.push(package.into());
        self
    }

    /// Compiles for a build script: into `OUT_DIR`, and again whenever a contract changes.
    ///
    /// # Errors
    /// As [`compile_to`](Self::compile_to), and when cargo did not set `OUT_DIR`.
    pub fn compile(&self) -> Result<(), BuildError> {
        // The folder and not its files: a new contract must be seen too.
        for folder in [&self.root].into_iter().chain(&self.imports) {
            println!("cargo:rerun-if-changed={}", folder.display());
        }
        let out_dir = env::var_os("OUT_DIR").ok_or(BuildError::NoOutDir)?;
        self.compile_to(Path::new(&out_dir))
    }

    /// Compiles into `out_dir`, which exists: a file of Rust for each package (`user.v1.rs`, clients and
    /// servers without a transport), `descriptors.bin` (a `FileDescriptorSet` with options and comments,
    /// for reflection) and `policies.rs` (`POLICIES`, a [`mesh_policy::PolicyTable`]).
    ///
    /// # Errors
    /// When a contract is unreadable, wrong or unsafe. Everything that is wrong is reported at once, each
    /// finding with its file and method; nothing is written then.
    pub fn compile_to(&self, out_dir: &Path) -> Result<(), BuildError> {
        let files = sources::below(&self.root)?;
        let compiler = self.parse(&files)?;
        let pool = compiler.descriptor_pool();
        let policies = judge::policies(&pool, &files)?;
        let generator = code::generator(&pool, &self.event_packages)?;

        write(&out_dir.join("descriptors.bin"), &compiler.encode_file_descriptor_set())?;
        write(&out_dir.join("policies.rs"), table::render(&policies).as_bytes())?;
        generator.out_dir(out_dir).compile_fds(compiler.file_descriptor_set()).map_err(BuildError::Generate)
    }

    /// Reads all files, so that the errors of all of them are known together.
    fn parse(&self, files: &[String]) -> Result<Compiler, BuildError> {
        let folders = [&self.root].into_iter().chain(&self.imports);
        let mut compiler = Compiler::new(folders).map_err(|error| BuildError::parse([error]))?;
        compiler.include_imports(true).include_source_info(true);
        let errors: Vec<_> = files.iter().filter_map(|file| compiler.open_file(file).err()).collect();
        if errors.is_empty() { Ok(compiler) } else { Err(BuildError::parse(errors)) }
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    fs::write(path, bytes).map_err(|reason| BuildError::Write { path: path.to_owned(), reason })
}
