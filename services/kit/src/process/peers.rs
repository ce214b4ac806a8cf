//! Services that a service calls.

use std::net::SocketAddr;

use mesh_rpc::Target;

use crate::config::Section;

/// Reads whom to call; unset it is `port` on this machine.
pub fn peer(section: &mut Section<'_>, name: &str, port: u16, doc: &str) -> Target {
    let here = Target::fixed([SocketAddr::from(([127, 0, 0, 1], port))]);
    section.get(name, here, "a target like dns:///user.example:50051 or static:///127.0.0.1:50051", doc)
}
