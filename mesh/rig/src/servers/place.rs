//! Which set of servers is meant: its folder and its ports. A second set can run beside the usual one.

use std::{env, net::SocketAddr, path::PathBuf, sync::OnceLock};

use super::error::ServersError;
use crate::workspace;

/// The folder of the set, relative to the workspace; `target/rig` if it is not set.
const FOLDER: &str = "MESH_RIG_FOLDER";
/// What is added to every port of the set; 0 if it is not set.
const PORT_OFFSET: &str = "MESH_RIG_PORT_OFFSET";
/// The highest port, 25682, is one after that.
const OFFSET_MAX: u16 = 30_000;

/// The folder of all servers: its children are one server each.
pub(super) fn folder() -> PathBuf {
    match env::var_os(FOLDER).filter(|folder| !folder.is_empty()) {
        Some(folder) => workspace::root().join(folder),
        None => workspace::target().join("rig"),
    }
}

/// What is added to every port.
pub(super) fn offset() -> Result<u16, ServersError> {
    static OFFSET: OnceLock<Result<u16, String>> = OnceLock::new();
    let read = || read_offset(&env::var(PORT_OFFSET).unwrap_or_default());
    let offset = OFFSET.get_or_init(read).clone();
    offset.map_err(|given| ServersError::NoOffset { variable: PORT_OFFSET, given, most: OFFSET_MAX })
}

/// A port of this set.
///
/// # Panics
/// When the offset is none: whoever starts, stops or looks for servers has asked for [`offset`] before.
pub(super) fn port(usual: u16) -> u16 {
    usual + offset().expect("the offset was read before any port is asked for")
}

/// An address of this set on 127.0.0.1.
pub(super) fn loopback(usual: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port(usual)))
}

/// What tells containers of this set from those of others.
pub(super) fn suffix() -> String {
    match port(0) {
        0 => String::new(),
        offset => format!("-{offset}"),
    }
}

fn read_offset(given: &str) -> Result<u16, String> {
    if given.is_empty() {
        return Ok(0);
    }
    given.parse().ok().filter(|&offset| offset <= OFFSET_MAX).ok_or_else(|| given.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_leaves_every_port_a_port() {
        assert_eq!(read_offset(""), Ok(0));
        assert_eq!(read_offset("400"), Ok(400));
        for other in ["30001", "-1", "tea", "65536"] {
            assert_eq!(read_offset(other), Err(other.to_owned()));
        }
    }
}
