//! The settings of the stack: its own, and those of the services in it.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use mesh_telemetry::{LogConfig, LogFilter, LogFormat};
use notification::NotificationConfig;
use payment::PaymentConfig;
use provider_sandbox::SandboxConfig;
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
    /// The payment service.
    pub(crate) payment: PaymentConfig,
    /// The provider that moves no money; nothing if the payment service has another one.
    pub(crate) sandbox: Option<SandboxConfig>,
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
        let payment = PaymentConfig::read(&mut source, "payment");
        let sandbox = read_sandbox(&mut source);
        let sandbox = payment.provider.is_none().then_some(sandbox);
        let notification = NotificationConfig::read(&mut source, "notification");
        let mut addresses = vec![("user", user.listen), ("payment", payment.listen)];
        addresses.extend(sandbox.as_ref().map(|sandbox| ("sandbox", sandbox.listen)));
        addresses.push(("notification", notification.listen));
        reject_shared(&mut source, &addresses);
        let effective = source.finish()?;
        Ok((Self { data, log, engine, user, payment, sandbox, notification }, effective))
    }
}

/// Two services cannot listen at one address; port 0 is another one each time.
fn reject_shared(source: &mut Source, addresses: &[(&str, SocketAddr)]) {
    for (at, (service, address)) in addresses.iter().enumerate() {
        let shared = addresses[..at].iter().find(|(_, other)| other == address && address.port() != 0);
        if let Some((other, _)) = shared {
            source
                .section(service)
                .reject("listen", &format!("expected another address than {other}.listen"));
        }
    }
}

fn read_sandbox(source: &mut Source) -> SandboxConfig {
    let default = SandboxConfig::default();
    let mut section = source.section("sandbox");
    let listen = section.get(
        "listen",
        default.listen,
        "an address like 127.0.0.1:50054",
        "Where the provider that moves no money listens; it is there unless payment.provider names another",
    );
    let slow_by = section.duration(
        "slow_by",
        default.slow_by,
        Duration::from_millis(1)..=Duration::from_secs(60),
        "How late it answers what is paid with tok_slow",
    );
    SandboxConfig { listen, slow_by, ..default }
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
