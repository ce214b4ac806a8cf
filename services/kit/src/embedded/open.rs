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
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|source| OpenError::Folder { path: folder.to_owned(), source })?;
    let is_new = !path.exists();
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
    if is_new {
        // A file's name is durable only when its folder is: without this a power loss may take the whole
        // file with everything that was acknowledged.
        fs::File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| OpenError::Folder { path: folder.to_owned(), source })?;
    }
    Ok(database)
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
