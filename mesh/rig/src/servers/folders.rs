//! Where things lie: servers with their data, downloads in the cache folder outside the tree.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use super::{error::ServersError, place};
use crate::workspace;

/// The folder of all servers: its children are one server each.
pub(super) fn servers() -> PathBuf {
    place::folder()
}

/// Where downloads lie.
pub(super) fn cache() -> Result<PathBuf, ServersError> {
    let missing = ServersError::Missing { what: "a cache folder", advice: "set HOME or XDG_CACHE_HOME" };
    workspace::cache().ok_or(missing)
}

/// Held while servers are started or stopped, so that two commands do not do so at once. Waits for the other one.
pub(super) fn lock() -> Result<File, ServersError> {
    place::offset()?;
    let folder = servers();
    make(&folder)?;
    let path = folder.join("lock");
    let file = File::create(&path).map_err(ServersError::file(&path))?;
    file.lock().map_err(ServersError::file(&path))?;
    Ok(file)
}

/// A file that whoever uses the servers locks together with all others, so that nobody stops them meanwhile.
///
/// # Errors
/// [`ServersError`].
pub fn audience() -> Result<File, ServersError> {
    place::offset()?;
    let folder = servers();
    make(&folder)?;
    let path = folder.join("audience");
    File::create(&path).map_err(ServersError::file(path))
}

/// Makes a folder and those above it.
pub(super) fn make(folder: &Path) -> Result<(), ServersError> {
    fs::create_dir_all(folder).map_err(ServersError::file(folder))
}

/// Writes a whole file.
pub(super) fn write(path: &Path, content: &str) -> Result<(), ServersError> {
    fs::write(path, content).map_err(ServersError::file(path))
}
