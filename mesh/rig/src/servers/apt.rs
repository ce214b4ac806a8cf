//! Debian's packages.

use std::{fs, os::unix::fs::MetadataExt as _, process::Command};

use super::{
    commands::{find, run},
    error::ServersError,
};

/// Another apt may be at work: how long to wait for it, in seconds.
const LOCK: &str = "DPkg::Lock::Timeout=300";

/// Installs packages. Where a service manager runs, a package may start its service, on its own ports.
///
/// # Errors
/// `Missing` unless this runs as root on a system with apt.
pub(super) fn install(
    what: &'static str,
    advice: &'static str,
    packages: &[&str],
) -> Result<(), ServersError> {
    let is_root = fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0);
    if !is_root || find("apt-get").is_none() {
        return Err(ServersError::Missing { what, advice });
    }
    eprintln!("installing {}", packages.join(" "));
    run(apt().args(["-qq", "update"]))?;
    run(apt().args(["-qq", "install", "-y", "--no-install-recommends"]).args(packages))
}

fn apt() -> Command {
    let mut apt = Command::new("apt-get");
    apt.args(["-o", LOCK]).env("DEBIAN_FRONTEND", "noninteractive");
    apt
}
