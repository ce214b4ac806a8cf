//! The settings of a gRPC server's end.

use std::time::Duration;

use mesh_rpc::ServerConfig;

use crate::config::Section;

const MINUTE: Duration = Duration::from_secs(60);

pub(super) fn read(section: &mut Section<'_>) -> ServerConfig {
    let default = ServerConfig::default();
    let lame_duck = section.duration(
        "lame_duck",
        default.lame_duck,
        Duration::ZERO..=MINUTE,
        "How long calls are still accepted after a stop was asked for, so that load balancers can look away first",
    );
    ServerConfig { lame_duck, ..default }
}
