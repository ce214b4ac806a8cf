//! The number of the process in a file, for whoever wants to stop it, and so that no second one begins.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read as _, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use thiserror::Error;

/// The file with the process's number, locked. It goes when the value does.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
    /// Holds the lock.
    _file: File,
}

/// Why the file is not there.
#[derive(Debug, Error)]
pub enum PidFileError {
    /// It cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Another process has it.
    #[error("{} is held by process {pid}; choose another data folder, or stop that one", path.display())]
    Held {
        /// Which.
        path: PathBuf,
        /// Who has it.
        pid: String,
    },
}

impl PidFile {
    /// Writes `program`.pid into the folder, which is made if it is missing.
    ///
    /// # Errors
    /// [`PidFileError`].
    pub fn write(folder: &Path, program: &str) -> Result<Self, PidFileError> {
        let path = folder.join(format!("{program}.pid"));
        match lock(folder, &path) {
            Ok(Ok(file)) => Ok(Self { path, _file: file }),
            Ok(Err(pid)) => Err(PidFileError::Held { path, pid }),
            Err(source) => Err(PidFileError::Write { path, source }),
        }
    }
}

impl Drop for PidFile {
    /// By then the number may be somebody else's.
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, "{} is left behind", self.path.display());
        }
    }
}

/// The locked file with our number in it; or the number of whoever has the lock.
fn lock(folder: &Path, path: &Path) -> io::Result<Result<File, String>> {
    fs::create_dir_all(folder)?;
    loop {
        let mut file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                file.read_to_string(&mut pid)?;
                return Ok(Err(pid.trim().to_owned()));
            }
        }
        // Whoever had it may have removed it between our two steps: then we hold a file that nobody finds.
        let is_there = fs::metadata(path)
            .is_ok_and(|there| Some(there.ino()) == file.metadata().ok().map(|file| file.ino()));
        if is_there {
            file.set_len(0)?;
            writeln!(file, "{}", std::process::id())?;
            return Ok(Ok(file));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_one_is_told_who_has_it_and_a_file_that_was_left_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("made");
        let path = folder.join("test.pid");
        let number = format!("{}\n", std::process::id());
        let first = PidFile::write(&folder, "test").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), number);
        let refused = PidFile::write(&folder, "test").unwrap_err().to_string();
        assert!(refused.contains(&format!("is held by process {}", number.trim())), "{refused}");
        drop(first);
        assert!(!path.exists());
        // As a kill leaves it.
        fs::write(&path, "4194305 and more\n").unwrap();
        let _second = PidFile::write(&folder, "test").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), number);
    }
}
