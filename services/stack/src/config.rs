//! The settings of the stack: its own, and those of the services in it.

use std::path::{Path, PathBuf};

use mesh_telemetry::{LogConfig, LogFilter, LogFormat};
use notification::NotificationConfig;
use service_kit::{
    config::{Effective, Source, environment},
    embedded::EngineConfig,
};
use user::UserConfig;

/// What environment variables begin with.
const PREFIX: &str = "STACK";

/// The settings of the stack.
#[derive(Clone, Debug)]
pub(crate) struct StackConfig {
    /// Where everything is kept.
    pub(crate) data: PathBuf,
    /// What is logged, and how.
    pub(crate) log: LogConfig,
    /// The bounds of the store.
    pub(crate) engine: EngineConfig,
    /// The user service.
    pub(crate) user: UserConfig,
    /// The notification service.
    pub(crate) notification: NotificationConfig,
}

impl StackConfig {
    /// Reads the settings from `file`, the environment and the command line, the later one winning.
    pub(crate) fn load(file: Option<&Path>, data: Option<&Path>) -> anyhow::Result<(Self, Effective)> {
        let mut source = Source::load(file, environment(), PREFIX)?;
        let mut top = source.section("");
        let read = top.path("data", data.unwrap_or(Path::new("data")).to_owned(), "Where everything is kept");
        let data = data.map_or(read, Path::to_owned);
        let log = read_log(&mut source);
        let mut store = source.section("store");
        let cache_bytes =
            store.size("cache_size", 16 << 20, 1 << 20..=64 << 30, "Memory for pages of the database");
        let cache_bytes = usize::try_from(cache_bytes).unwrap_or(usize::MAX);
        let engine = EngineConfig { cache_bytes, ..EngineConfig::default() };
        let user = UserConfig::read(&mut source.section("user"));
        let notification = NotificationConfig::read(&mut source, "notification");
        if user.listen == notification.listen && user.listen.port() != 0 {
            source.section("notification").reject("listen", "expected another address than user.listen");
        }
        let effective = source.finish()?;
        Ok((Self { data, log, engine, user, notification }, effective))
    }
}

fn read_log(source: &mut Source) -> LogConfig {
    let mut section = source.section("log");
    let format = section.choice(
        "format",
        LogFormat::Human,
        &[("human", LogFormat::Human), ("json", LogFormat::Json)],
        "How log lines are written to standard error: human, or json with one object a line",
    );
    let filter = section.get_if(
        "filter",
        "info".to_owned(),
        |filter: &String| filter.parse::<LogFilter>().is_ok(),
        "levels like info or warn,mesh_rpc=debug",
        "What is logged",
    );
    LogConfig { format, filter }
}
