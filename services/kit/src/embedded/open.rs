//! Opening the file: the folder, the lock, the repair, the format; a clear word for each way it fails.

use std::{
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use redb::Database;

use super::{
    OpenError,
    error::{is_disk_full, panic_text},
    format,
};

/// Opens or makes the database.
pub(super) fn database(path: &Path, cache_bytes: usize) -> Result<Database, OpenError> {
    let folder = folder_of(path);
    make(folder)?;
    let mut builder = Database::builder();
    builder.set_cache_size(cache_bytes);
    let file = path.to_owned();
    builder.set_repair_callback(move |repair| {
        let percent = (repair.progress() * 100.0) as u64;
        tracing::info!(file = %file.display(), percent, "checking the database after an unclean stop");
    });
    // redb trusts a file that was closed cleanly, and may panic over one that was damaged afterwards.
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let database = builder.create(path).map_err(|error| explain(path, error.into()))?;
        format::check(&database, path)?;
        Ok(database)
    }));
    let database = opened.unwrap_or_else(|payload| {
        Err(OpenError::Corrupted { path: path.to_owned(), detail: panic_text(&*payload) })
    })?;
    // Always: the start that made the file may have been cut short before this line.
    sync(folder)?;
    Ok(database)
}

/// Makes the folder and whatever it lies in.
fn make(folder: &Path) -> Result<(), OpenError> {
    let missing = folder.ancestors().take_while(|folder| !folder.exists()).count();
    fs::create_dir_all(folder).map_err(|source| OpenError::Folder { path: folder.to_owned(), source })?;
    folder.ancestors().take(missing).try_for_each(|made| sync(folder_of(made)))
}

/// Makes the names in a folder durable: without this a power loss may take a whole new file, with everything
/// in it that was acknowledged.
fn sync(folder: &Path) -> Result<(), OpenError> {
    let synced = fs::File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|source| OpenError::Folder { path: folder.to_owned(), source })
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Finds the word for what redb reported.
pub(super) fn explain(path: &Path, error: redb::Error) -> OpenError {
    let path = path.to_owned();
    match error {
        redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => OpenError::InUse { path },
        redb::Error::Corrupted(detail) => OpenError::Corrupted { path, detail },
        redb::Error::Io(source) => match source.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::IsADirectory => {
                OpenError::NotADatabase { path }
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                OpenError::Permission { path, source }
            }
            _ if is_disk_full(&source) => OpenError::DiskFull { path, source },
            _ => OpenError::Other { path, source: Box::new(source.into()) },
        },
        error => OpenError::Other { path, source: Box::new(error) },
    }
}
