//! The configuration of the broker.

use std::path::Path;

use super::broker::{amqp, distribution_port, epmd_port, management, prometheus};

/// The memory with which it stops taking messages in.
pub(in crate::servers) const MEMORY_MAX: &str = "1GB";

/// `rabbitmq.conf`. The user is the broker's usual guest, who may connect from this machine only.
pub(super) fn conf() -> String {
    let (amqp, management, prometheus) = (amqp(), management(), prometheus());
    format!(
        "listeners.tcp.1 = {amqp}\n\
         management.tcp.ip = {}\n\
         management.tcp.port = {}\n\
         prometheus.tcp.ip = {}\n\
         prometheus.tcp.port = {}\n\
         vm_memory_high_watermark.absolute = {MEMORY_MAX}\n\
         disk_free_limit.absolute = 200MB\n\
         raft.wal_max_size_bytes = 64000000\n\
         log.console = true\n\
         log.console.level = info\n\
         log.file = false\n",
        management.ip(),
        management.port(),
        prometheus.ip(),
        prometheus.port(),
    )
}

/// The environment of the broker and of its tools: everything lies in `folder`, everything listens on loopback.
pub(super) fn environment(folder: &Path) -> Vec<(&'static str, String)> {
    let within = |name: &str| folder.join(name).display().to_string();
    let mut environment = epmd_environment();
    environment.extend([
        // The Erlang cookie is looked for here.
        ("HOME", folder.display().to_string()),
        ("LANG", "C.UTF-8".to_owned()),
        ("RABBITMQ_NODENAME", "mesh-rig@localhost".to_owned()),
        ("RABBITMQ_NODE_IP_ADDRESS", amqp().ip().to_string()),
        ("RABBITMQ_NODE_PORT", amqp().port().to_string()),
        ("RABBITMQ_DIST_PORT", distribution_port().to_string()),
        ("RABBITMQ_MNESIA_BASE", within("mnesia")),
        ("RABBITMQ_LOG_BASE", within("log")),
        ("RABBITMQ_PID_FILE", within("rabbitmq.pid")),
        ("RABBITMQ_CONFIG_FILE", within("rabbitmq.conf")),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", within("enabled_plugins")),
        ("RABBITMQ_GENERATED_CONFIG_DIR", within("config")),
        ("RABBITMQ_ADVANCED_CONFIG_FILE", within("advanced.config")),
        ("RABBITMQ_CONF_ENV_FILE", within("rabbitmq-env.conf")),
        ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}".to_owned()),
    ]);
    environment
}

/// The environment of the port mapper: not the machine's own one.
pub(super) fn epmd_environment() -> Vec<(&'static str, String)> {
    vec![("ERL_EPMD_PORT", epmd_port().to_string()), ("ERL_EPMD_ADDRESS", amqp().ip().to_string())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_broker_listens_on_loopback_only() {
        let conf = conf();
        for line in [
            "listeners.tcp.1 = 127.0.0.1:5682",
            "management.tcp.ip = 127.0.0.1",
            "prometheus.tcp.ip = 127.0.0.1",
        ] {
            assert!(conf.lines().any(|found| found == line), "{line} is not in\n{conf}");
        }
    }

    #[test]
    fn everything_that_the_broker_writes_lies_in_its_folder() {
        let environment = environment(Path::new("/rig/amqp"));
        let paths = environment.iter().filter(|(_, value)| value.starts_with('/'));
        assert_eq!(paths.clone().count(), 9);
        for (name, path) in paths {
            assert!(path.starts_with("/rig/amqp"), "{name}={path}");
        }
    }
}
