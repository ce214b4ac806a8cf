//! The broker: where it is, and how it is started.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read as _, Write as _},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use super::config;
use crate::servers::{apt, commands::find, error::ServersError, folders, place, process::Server};

// None of these ports is that of an installed broker.
const AMQP_PORT: u16 = 5682;
const MANAGEMENT_PORT: u16 = 15682;
const PROMETHEUS_PORT: u16 = 16182;
const DISTRIBUTION_PORT: u16 = 25682;
const EPMD_PORT: u16 = 4469;
/// Debian's path of the script; that in /usr/sbin changes the user and the folder.
const PROGRAM: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const CONTROL: &str = "/usr/lib/rabbitmq/bin/rabbitmqctl";

/// Where it answers.
pub(in crate::servers) fn amqp() -> SocketAddr {
    place::loopback(AMQP_PORT)
}

/// Where its management interface answers, over HTTP.
pub(in crate::servers) fn management() -> SocketAddr {
    place::loopback(MANAGEMENT_PORT)
}

pub(super) fn prometheus() -> SocketAddr {
    place::loopback(PROMETHEUS_PORT)
}

pub(super) fn distribution_port() -> u16 {
    place::port(DISTRIBUTION_PORT)
}

pub(super) fn epmd_port() -> u16 {
    place::port(EPMD_PORT)
}

/// The broker itself, then the mapper of Erlang's ports. The broker would start a mapper that outlives it; ours is
/// there before.
pub(in crate::servers) fn servers() -> [Server; 2] {
    [Server::named("rabbitmq"), Server::named("rabbitmq-epmd")]
}

pub(in crate::servers) fn is_running() -> bool {
    servers()[0].is_running()
}

/// Starts what does not run of the two; does not wait until the broker answers.
pub(in crate::servers) fn start() -> Result<(), ServersError> {
    let program = find_or_install()?;
    let [broker, mapper] = servers();
    if !mapper.is_running() {
        let epmd =
            find("epmd").ok_or(ServersError::Missing { what: "epmd", advice: "install erlang-base" })?;
        mapper.launch(&[], &epmd, |command| {
            command.envs(config::epmd_environment());
        })?;
    }
    let folder = broker.folder();
    for name in ["mnesia", "log", "config"] {
        folders::make(&folder.join(name))?;
    }
    cookie(&folder.join(".erlang.cookie"))?;
    folders::write(&folder.join("rabbitmq-env.conf"), "")?;
    folders::write(&folder.join("advanced.config"), "[].\n")?;
    folders::write(&folder.join("enabled_plugins"), "[rabbitmq_management,rabbitmq_prometheus].\n")?;
    folders::write(&folder.join("rabbitmq.conf"), &config::conf())?;
    broker.launch(&[], &program, |command| {
        command.envs(config::environment(folder));
    })
}

/// The broker's own control program, which a subcommand has to be given.
pub(in crate::servers) fn control() -> Command {
    let [broker, _] = servers();
    let mut command = Command::new(CONTROL);
    command.current_dir(broker.folder()).envs(config::environment(broker.folder()));
    command
}

fn find_or_install() -> Result<PathBuf, ServersError> {
    let program = PathBuf::from(PROGRAM);
    if !program.is_file() {
        let (what, advice) =
            ("Debian's rabbitmq-server", "install it, or name a running broker in MESH_RIG_AMQP");
        apt::install(what, advice, &["rabbitmq-server"])?;
    }
    Ok(program)
}

/// The secret that Erlang's nodes know each other by: random, once, for our eyes only.
fn cookie(path: &Path) -> Result<(), ServersError> {
    if fs::metadata(path).is_ok_and(|cookie| cookie.len() > 0) {
        return Ok(());
    }
    let source = "/dev/urandom";
    let mut bytes = [0_u8; 16];
    File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(ServersError::file(source))?;
    let secret: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    let created = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    created.and_then(|mut file| file.write_all(secret.as_bytes())).map_err(ServersError::file(path))
}
