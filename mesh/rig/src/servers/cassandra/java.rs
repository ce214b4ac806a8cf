//! The Java that Cassandra runs on.

use std::{env, fs, path::PathBuf, process::Command};

use crate::servers::{
    apt,
    commands::{find, output},
    error::ServersError,
};

/// Cassandra 5.0 runs on this one; it does not start on Java 24 and newer.
const VERSION: u32 = 17;

/// The path of a `java` of the right version: from `JAVA_HOME`, else from `PATH`, else where Debian has it, else
/// installed.
pub(super) fn find_or_install() -> Result<PathBuf, ServersError> {
    let found = || candidates().into_iter().find(|java| version(java) == Some(VERSION));
    if let Some(java) = found() {
        return Ok(java);
    }
    let (what, advice) = ("Java 17", "install openjdk-17-jre-headless, or set JAVA_HOME");
    apt::install(what, advice, &["openjdk-17-jre-headless"])?;
    found().ok_or(ServersError::Missing { what, advice })
}

fn candidates() -> Vec<PathBuf> {
    let home = env::var_os("JAVA_HOME").map(PathBuf::from);
    let installed = fs::read_dir("/usr/lib/jvm").into_iter().flatten().flatten().map(|entry| entry.path());
    let homes: Vec<PathBuf> = installed.collect();
    let at = |home: PathBuf| home.join("bin").join("java");
    home.map(at).into_iter().chain(find("java")).chain(homes.into_iter().map(at)).collect()
}

fn version(java: &PathBuf) -> Option<u32> {
    feature(&output(Command::new(java).arg("-version")).ok()?)
}

/// The 17 of `openjdk version "17.0.15" 2025-04-15`.
fn feature(printed: &str) -> Option<u32> {
    let (_, version) = printed.split_once(" version \"")?;
    version.split(['.', '"', '-']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_what_java_prints() {
        assert_eq!(feature("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime"), Some(17));
        assert_eq!(feature("Picked up X\nopenjdk version \"25\" 2025-09-16"), Some(25));
        assert_eq!(feature("java version \"24-ea\""), Some(24));
        assert_eq!(feature("sh: java: not found"), None);
    }
}
