//! What a program tells of itself beside its log: numbers on an admin port, numbers and spans to a collector.

use std::{fmt, net::SocketAddr, str::FromStr, time::Duration};

use mesh_telemetry::{
    Telemetry,
    admin::Admin,
    export::{Endpoint, ExportConfig, Exporter, Resource, Tcp},
    spans::Sampler,
};
use tokio_util::sync::CancellationToken;

use super::{ListenError, Part, PartName, listen};
use crate::config::Section;

/// The settings of telemetry.
#[derive(Clone, Debug)]
pub struct TelemetryConfig {
    /// Where Prometheus reads the numbers.
    pub admin: AdminAddress,
    /// Who takes numbers and spans.
    pub otlp: Option<Endpoint>,
    /// Which share of the traces that begin here is recorded.
    pub sample_ratio: f64,
    /// Between two reports of numbers.
    pub interval: Duration,
    /// What more there is to say of this process.
    pub resource: Resource,
}

/// Where the admin port is, if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminAddress {
    /// There is none.
    Off,
    /// There.
    At(SocketAddr),
}

/// Neither an address nor `off`.
#[derive(Debug, thiserror::Error)]
#[error("expected an address, or off")]
pub struct InvalidAdminAddress;

impl FromStr for AdminAddress {
    type Err = InvalidAdminAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAdminAddress> {
        match text {
            "off" => Ok(Self::Off),
            address => address.parse().map(Self::At).map_err(|_| InvalidAdminAddress),
        }
    }
}

impl fmt::Display for AdminAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::At(address) => address.fmt(f),
        }
    }
}

impl TelemetryConfig {
    pub(super) fn read(section: &mut Section<'_>, admin: AdminAddress) -> Self {
        let admin = section.get(
            "admin",
            admin,
            "an address like 127.0.0.1:9464, or off",
            "Where Prometheus reads the numbers, at /metrics",
        );
        let otlp = section.optional(
            "otlp",
            "a collector like http://127.0.0.1:4318",
            "Who takes numbers and spans, by OTLP over HTTP",
        );
        let sample_ratio = section.get_if(
            "sample_ratio",
            Sampler::DEFAULT_RATIO,
            |ratio| (0.0..=1.0).contains(ratio),
            "a share from 0 to 1, like 0.01",
            "Which share of the traces that begin here is recorded; of those that begin elsewhere the caller decides",
        );
        let second = Duration::from_secs(1);
        let interval = section.duration(
            "interval",
            15 * second,
            second..=3_600 * second,
            "How often the collector is told the numbers",
        );
        let resource = section.get(
            "resource",
            Resource::default(),
            "attributes like deployment.environment.name=test,host.name=a",
            "What more is told of this process with everything",
        );
        Self { admin, otlp, sample_ratio, interval, resource }
    }
}

/// Telling, until it is ended.
#[derive(Debug)]
pub struct Telling {
    /// Where the numbers are.
    pub admin: Option<SocketAddr>,
    parts: Vec<Part>,
}

impl Telling {
    /// Begins to tell what [`Telemetry::of_process`] has, as `instance` of `program`.
    ///
    /// # Errors
    /// When the admin port is taken.
    pub async fn start(config: &TelemetryConfig, program: &str, instance: &str) -> Result<Self, ListenError> {
        let telemetry = Telemetry::of_process();
        // The bounds were checked where it was read.
        let _ = telemetry.sampler().set(config.sample_ratio);
        let resource = Resource::of_service(program, instance).with(config.resource.clone());
        // Whoever serves calls goes on without telemetry.
        let part = |name| PartName { name, broken: CancellationToken::new() };
        let mut telling = Self { admin: None, parts: Vec::new() };
        if let AdminAddress::At(address) = config.admin {
            let listener = listen("telemetry.admin", address).await?;
            telling.admin = listener.local_addr().ok();
            let admin = Admin::new(telemetry.clone(), resource.clone());
            telling.parts.push(Part::spawn(part("admin port"), async move |stop: CancellationToken| {
                admin.serve(listener, stop.cancelled()).await;
            }));
        }
        if let Some(endpoint) = &config.otlp {
            let config =
                ExportConfig { interval: config.interval, ..ExportConfig::new(endpoint.clone(), resource) };
            let exporter = Exporter::new(telemetry.clone(), Tcp, config);
            telling.parts.push(Part::spawn(part("exporter"), async move |stop: CancellationToken| {
                exporter.run(stop.cancelled()).await;
            }));
        }
        if let Some(address) = telling.admin {
            tracing::info!(%address, "telemetry at /metrics");
        }
        Ok(telling)
    }

    /// Tells what is left, for some seconds at most.
    pub async fn end(self) {
        super::end_all(self.parts).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_admin_port_is_somewhere_or_off() {
        for text in ["off", "127.0.0.1:9464", "[::1]:0"] {
            assert_eq!(text.parse::<AdminAddress>().unwrap().to_string(), text);
        }
        assert!("on".parse::<AdminAddress>().is_err());
    }
}
