//! What a side of the mesh tells while it is measured: all that a service of this repository tells, its log, its
//! numbers on an admin port, and its numbers and spans to a collector.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use mesh_telemetry::{
    LogConfig, LogGuard, Telemetry,
    admin::Admin,
    export::{Endpoint, ExportConfig, Exporter, Resource, Tcp},
};
use tokio::net::TcpListener;

/// Tells, until it is dropped.
#[derive(Debug)]
pub(crate) struct Telling {
    _log: LogGuard,
}

impl Telling {
    /// Begins to tell a collector, or all but that.
    pub(crate) async fn begin(collector: Option<SocketAddr>) -> anyhow::Result<Self> {
        let log = mesh_telemetry::init(&LogConfig::default()).context("cannot log")?;
        let (telemetry, resource) = (Telemetry::of_process(), Resource::of_service("calls", "1"));
        let admin = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let numbers = Admin::new(telemetry.clone(), resource.clone());
        tokio::spawn(numbers.serve(admin, std::future::pending()));
        if let Some(at) = collector {
            let endpoint: Endpoint = format!("http://{at}").parse()?;
            let exporter = Exporter::new(telemetry.clone(), Tcp, ExportConfig::new(endpoint, resource));
            tokio::spawn(exporter.run(std::future::pending()));
        }
        Ok(Self { _log: log })
    }
}
