//! What an instance is called among those that share a store: the same over its restarts, so that what it held when
//! it died is its own again, and another one than every other instance's.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use thiserror::Error;
use uuid::Uuid;

/// The name cannot be kept.
#[derive(Debug, Error)]
#[error("cannot use {}", path.display())]
pub struct InstanceError {
    path: PathBuf,
    source: io::Error,
}

/// The name of the instance whose data folder this is; made with the first start. Whoever asks holds the folder's
/// [`PidFile`](super::PidFile), so no other instance has the name.
///
/// # Errors
/// [`InstanceError`].
pub fn instance(folder: &Path, program: &str) -> Result<String, InstanceError> {
    let path = folder.join(format!("{program}.instance"));
    match fs::read_to_string(&path).map(|text| text.trim().parse::<Uuid>()) {
        Ok(Ok(name)) => return Ok(name.to_string()),
        // Cut off while it was written.
        Ok(Err(_)) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(InstanceError { path, source }),
    }
    let name = Uuid::new_v4().to_string();
    match fs::write(&path, format!("{name}\n")) {
        Ok(()) => Ok(name),
        Err(source) => Err(InstanceError { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_keeps_the_name_and_another_folder_has_another_one() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = instance(here.path(), "test").unwrap();
        assert_eq!(instance(here.path(), "test").unwrap(), first);
        assert_ne!(instance(there.path(), "test").unwrap(), first);
        fs::write(here.path().join("test.instance"), "").unwrap();
        assert_ne!(instance(here.path(), "test").unwrap(), first);
    }
}
