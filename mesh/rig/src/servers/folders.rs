//! Where things lie: servers with their data under `target/rig`, downloads in the cache folder outside the tree.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
};

use super::error::ServersError;

/// The folder of all servers: its children are one server each.
pub(super) fn servers() -> PathBuf {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = crate_folder.ancestors().nth(2).expect("the crate lies in mesh/rig of the workspace");
    let target =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder));
    target.join("rig")
}

/// The cache folder, as the XDG base directory specification places it.
pub(super) fn cache() -> Result<PathBuf, ServersError> {
    let base = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let base = base.or_else(|| env::home_dir().map(|home| home.join(".cache")));
    let missing = ServersError::Missing { what: "a cache folder", advice: "set HOME or XDG_CACHE_HOME" };
    Ok(base.ok_or(missing)?.join("mesh-rig"))
}

/// Held while servers are started or stopped, so that two commands do not do so at once. Waits for the other one.
pub(super) fn lock() -> Result<File, ServersError> {
    let folder = servers();
    make(&folder)?;
    let path = folder.join("lock");
    let file = File::create(&path).map_err(ServersError::file(&path))?;
    file.lock().map_err(ServersError::file(&path))?;
    Ok(file)
}

/// Makes a folder and those above it.
pub(super) fn make(folder: &Path) -> Result<(), ServersError> {
    fs::create_dir_all(folder).map_err(ServersError::file(folder))
}

/// Writes a whole file.
pub(super) fn write(path: &Path, content: &str) -> Result<(), ServersError> {
    fs::write(path, content).map_err(ServersError::file(path))
}
