//! Which set of servers is meant: its folder and its ports. A second set can run beside the usual one.

use std::{env, ffi::OsString, net::SocketAddr, path::PathBuf, process::Command, sync::OnceLock};

use super::{discovery, error::ServersError, wanted::Kind};
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

/// The variables that lead to a set of its own, beside this one, whose folder has this name behind its own and whose
/// ports are so much higher; and those that must not be set there, since they would lead elsewhere.
///
/// # Errors
/// [`ServersError`] if the environment's own offset is none.
pub fn beside(name: &str, above: u16) -> Result<Beside, ServersError> {
    let mut folder = folder().into_os_string();
    folder.push(format!("-{name}"));
    let offset = offset()?.saturating_add(above);
    let set = [(FOLDER, folder), (PORT_OFFSET, offset.to_string().into())];
    let unset = [Kind::Cql, Kind::Rabbitmq].map(discovery::variable);
    Ok(Beside { set, unset })
}

/// The environment of another set of servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beside {
    set: [(&'static str, OsString); 2],
    unset: [&'static str; 2],
}

impl Beside {
    /// Makes a program use that set.
    pub fn apply(&self, command: &mut Command) {
        command.envs(self.set.iter().map(|(name, value)| (name, value)));
        for name in self.unset {
            command.env_remove(name);
        }
    }
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
    fn a_set_beside_this_one_has_neither_its_folder_nor_its_ports_nor_given_servers() {
        let mut command = Command::new("true");
        beside("torture", 400).unwrap().apply(&mut command);
        let set: Vec<_> = command.get_envs().collect();
        let value = |name: &str| set.iter().find(|(set, _)| *set == name).and_then(|(_, value)| *value);
        let ours = folder().into_os_string().into_string().unwrap();
        assert_eq!(value(FOLDER).unwrap().to_str().unwrap(), format!("{ours}-torture"));
        assert_eq!(value(PORT_OFFSET).unwrap().to_str().unwrap(), (offset().unwrap() + 400).to_string());
        assert!(set.contains(&("MESH_RIG_CQL".as_ref(), None)), "{set:?}");
        assert!(set.contains(&("MESH_RIG_AMQP".as_ref(), None)), "{set:?}");
    }

    #[test]
    fn an_offset_leaves_every_port_a_port() {
        assert_eq!(read_offset(""), Ok(0));
        assert_eq!(read_offset("400"), Ok(400));
        for other in ["30001", "-1", "tea", "65536"] {
            assert_eq!(read_offset(other), Err(other.to_owned()));
        }
    }
}
