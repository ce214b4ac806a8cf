//! Which files are contracts.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::BuildError;

/// Every .proto file below `root`, named as an import names it: relative, with `/`, sorted.
pub(crate) fn below(root: &Path) -> Result<Vec<String>, BuildError> {
    let mut files = Vec::new();
    collect(root, "", &mut files)?;
    if files.is_empty() {
        return Err(BuildError::NoContracts { root: root.to_owned() });
    }
    // Folders are listed in whatever order they lie on the disk; the output must not depend on it.
    files.sort_unstable();
    Ok(files)
}

/// Adds the contracts in `folder`, whose path below the root is `prefix` (empty, or with a `/` at its end).
fn collect(folder: &Path, prefix: &str, files: &mut Vec<String>) -> Result<(), BuildError> {
    let unreadable = |reason: io::Error| BuildError::Read { path: folder.to_owned(), reason };
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name();
        let name = name.to_str().ok_or_else(|| BuildError::NotUtf8 { path: entry.path() })?;
        // Links are not followed: a loop of them would never end.
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_dir() {
            collect(&entry.path(), &format!("{prefix}{name}/"), files)?;
        } else if PathBuf::from(name).extension().is_some_and(|extension| extension == "proto") {
            files.push(format!("{prefix}{name}"));
        }
    }
    Ok(())
}
