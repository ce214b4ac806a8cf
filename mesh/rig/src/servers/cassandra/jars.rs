//! The jars, downloaded once into the cache folder.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::servers::{
    apt,
    commands::{find, run},
    error::ServersError,
    folders,
};

/// The version of Cassandra.
pub(super) const VERSION: &str = "5.0.9";
/// Copies what a project needs into a folder.
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";
/// Lists the jars with their sizes; written last, so that half a download is not taken for a whole one.
const LIST: &str = "jars.txt";

/// The folder of the jars.
pub(super) fn find_or_download() -> Result<PathBuf, ServersError> {
    let cache = folders::cache()?;
    let folder = cache.join(format!("cassandra-{VERSION}"));
    if is_whole(&folder) {
        return Ok(folder);
    }
    if find("mvn").is_none() {
        let advice = "install maven, or name a running server in MESH_RIG_CQL";
        apt::install("Maven, which downloads Cassandra,", advice, &["maven"])?;
    }
    eprintln!("downloading Apache Cassandra {VERSION} into {}", folder.display());
    let project = cache.join("cassandra-pom.xml");
    folders::make(&cache)?;
    folders::write(&project, &include_str!("pom.xml").replace("@VERSION@", VERSION))?;
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(ServersError::file(&folder))?;
    }
    // With strict checksums a file that is not what the repository says it is fails the download.
    let mut maven = Command::new("mvn");
    maven.args(["--batch-mode", "--quiet", "--no-transfer-progress", "--strict-checksums", "--file"]);
    maven.arg(&project).arg(COPY).arg("-DincludeScope=runtime");
    run(maven.arg(format!("-DoutputDirectory={}", folder.display())))?;
    let list = list(&folder).map_err(ServersError::file(&folder))?;
    folders::write(&folder.join(LIST), &list)?;
    Ok(folder)
}

/// Whether every jar that was downloaded is there in its whole length.
fn is_whole(folder: &Path) -> bool {
    let wanted = fs::read_to_string(folder.join(LIST)).unwrap_or_default();
    !wanted.is_empty() && list(folder).is_ok_and(|found| found == wanted)
}

fn list(folder: &Path) -> std::io::Result<String> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".jar") {
            lines.push(format!("{name} {}\n", entry.metadata()?.len()));
        }
    }
    lines.sort();
    Ok(lines.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_download_is_not_taken_for_a_whole_one() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path();
        assert!(!is_whole(&folder.join("nothing")));
        let jar = folder.join("a.jar");
        folders::write(&jar, "1234").unwrap();
        assert!(!is_whole(folder), "there is no list yet");
        folders::write(&folder.join(LIST), &list(folder).unwrap()).unwrap();
        assert!(is_whole(folder));
        folders::write(&jar, "123").unwrap();
        assert!(!is_whole(folder), "a jar is shorter than it was");
        fs::remove_file(&jar).unwrap();
        assert!(!is_whole(folder), "a jar is gone");
    }
}
