//! A folder of contracts and a folder for what they compile to.

use std::fs;

use mesh_build::{BuildError, Contracts};
use tempfile::TempDir;

/// Where the house defines the option `(mesh.v1.method)`.
const HOUSE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto");

/// Both folders vanish with it.
pub(crate) struct Workshop {
    contracts: TempDir,
    pub(crate) out: TempDir,
}

impl Workshop {
    /// A workshop with these files: path and text.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let workshop = Self { contracts: TempDir::new().unwrap(), out: TempDir::new().unwrap() };
        for (path, text) in files {
            let path = workshop.contracts.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        workshop
    }

    /// The contracts.
    pub(crate) fn contracts(&self) -> Contracts {
        Contracts::new(self.contracts.path()).import_from(HOUSE)
    }

    pub(crate) fn compile(&self) -> Result<(), BuildError> {
        self.contracts().compile_to(self.out.path())
    }

    /// The text of a compiled file.
    pub(crate) fn output(&self, name: &str) -> String {
        fs::read_to_string(self.out.path().join(name)).unwrap()
    }
}
