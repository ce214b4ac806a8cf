//! Following a file that lists addresses.
//!
//! One IP:PORT a line; what follows a `#` is a remark. The file is looked at once a second and read when its time or
//! its length has changed. One that cannot be read, or has a line that is no address, changes nothing: the addresses
//! that were known stay, and the log says why. So a half-written file does no harm; better still is one that is
//! renamed into place.

use std::{
    fs,
    io::{self, Read as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use mesh_telemetry::chain;
use tokio::time::sleep;

use crate::client::{address::Address, directory::Directory};

/// How often the file is looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// No list of addresses is longer, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// What tells one content from the next.
type Stamp = (Option<SystemTime>, u64);

/// Why a file lists no endpoints.
#[derive(Debug, thiserror::Error)]
enum FileError {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is longer than {LONGEST} bytes", path.display())]
    TooLong { path: PathBuf },
    #[error("{} has no address in line {line}: expected IP:PORT, found {found:?}", path.display())]
    Line { path: PathBuf, line: usize, found: String },
}

/// Keeps the directory up to date until the channel is closed.
pub(super) async fn follow(directory: &Directory, path: &Path) {
    let wires = &directory.wires;
    let mut seen = None;
    loop {
        // The thread of the runtime waits for no disk.
        let (owned, before) = (path.to_owned(), seen);
        let reading = tokio::task::spawn_blocking(move || read_if_changed(&owned, before));
        let read = tokio::select! {
        biased;
                    () = wires.closed.cancelled() => return,
                    read = reading => read,
                };
        match read {
            Ok(Ok(None)) => {}
            Ok(Ok(Some((stamp, read)))) => {
                seen = Some(stamp);
                match read {
                    Ok(addresses) => {
                        tracing::debug!(channel = %directory.target, endpoints = addresses.len(), "read");
                        directory.update(&addresses);
                    }
                    Err(error) => tell(directory, &error),
                }
            }
            Ok(Err(error)) => {
                seen = None;
                tell(directory, &error);
            }
            // The runtime is going down.
            Err(_) => return,
        }
        tokio::select! {
        biased;
                    () = wires.closed.cancelled() => return,
                    () = sleep(INTERVAL) => {}
                }
    }
}

fn tell(directory: &Directory, error: &FileError) {
    let cause = chain(error).to_string();
    tracing::warn!(channel = %directory.target, cause, "the list of endpoints stays as it was");
    directory.unresolved(cause);
}

/// What a changed file says, and what to know it by. The outer error: there is no file that could have changed.
#[expect(clippy::type_complexity, reason = "two things that may fail, one within the other")]
fn read_if_changed(
    path: &Path,
    seen: Option<Stamp>,
) -> Result<Option<(Stamp, Result<Vec<Address>, FileError>)>, FileError> {
    let failed = |source| FileError::Read { path: path.to_owned(), source };
    let file = fs::File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let stamp = (metadata.modified().ok(), metadata.len());
    if seen == Some(stamp) {
        return Ok(None);
    }
    let mut text = String::new();
    let read = file.take(LONGEST + 1).read_to_string(&mut text).map_err(failed);
    let parsed = read.and_then(|length| {
        if length as u64 > LONGEST {
            return Err(FileError::TooLong { path: path.to_owned() });
        }
        parse(&text).map_err(|(line, found)| FileError::Line { path: path.to_owned(), line, found })
    });
    Ok(Some((stamp, parsed)))
}

/// The addresses of a list, or the line that has none, and what it has.
fn parse(text: &str) -> Result<Vec<Address>, (usize, String)> {
    let mut addresses = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        let content = content.split('#').next().unwrap_or_default().trim();
        if content.is_empty() {
            continue;
        }
        let address: SocketAddr =
            content.parse().map_err(|_| (line, content.chars().take(60).collect::<String>()))?;
        addresses.push(Address::Ip(address));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_an_address_a_line_and_remarks() {
        let text = "# users\n10.0.0.1:1\n\n  [::1]:2  # the other one\n";
        let expected: Vec<Address> =
            ["10.0.0.1:1", "[::1]:2"].map(|text| Address::Ip(text.parse().unwrap())).to_vec();
        assert_eq!(parse(text), Ok(expected));
        assert_eq!(parse("\n10.0.0.1:1\nuser:2\n"), Err((3, "user:2".to_owned())));
        assert_eq!(parse(""), Ok(Vec::new()));
    }

    #[test]
    fn a_file_is_read_when_it_has_changed_and_never_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        assert!(matches!(read_if_changed(&path, None), Err(FileError::Read { .. })));
        fs::write(&path, "10.0.0.1:1\n").unwrap();
        let (stamp, addresses) = read_if_changed(&path, None).unwrap().unwrap();
        assert_eq!(addresses.unwrap().len(), 1);
        assert!(read_if_changed(&path, Some(stamp)).unwrap().is_none());
        fs::write(&path, "10.0.0.1:1\n10.0.0.2:1\n").unwrap();
        let (stamp, addresses) = read_if_changed(&path, Some(stamp)).unwrap().unwrap();
        assert_eq!(addresses.unwrap().len(), 2);
        fs::write(&path, "#".repeat(1024 * 1024 + 1)).unwrap();
        let (_, addresses) = read_if_changed(&path, Some(stamp)).unwrap().unwrap();
        assert!(matches!(addresses, Err(FileError::TooLong { .. })));
    }
}
