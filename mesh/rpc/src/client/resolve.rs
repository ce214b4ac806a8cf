//! Following a name: its addresses now, and whenever they may have changed.

use std::{sync::Arc, time::Duration};

use mesh_telemetry::chain;
use tokio::time::{Instant, sleep_until};

use super::{directory::Directory, target::Kind};

/// No name is asked for more often, however many connections are lost.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

/// Keeps the directory up to date until the channel is closed.
pub(super) async fn follow(directory: Arc<Directory>) {
    let wires = &directory.wires;
    let Kind::Dns { host, port } = &directory.target.0 else { return };
    // In a target, as in every authority, an IPv6 address stands in brackets; for a resolver it does not.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut failures = 0_u32;
    loop {
        let resolved = tokio::select! {
            biased;
            () = wires.closed.cancelled() => return,
            resolved = tokio::time::timeout(wires.config.connect_timeout, wires.dial.resolve(host, *port)) => resolved,
        };
        let cause = match resolved {
            Ok(Ok(addresses)) => {
                tracing::debug!(channel = %directory.target, addresses = ?addresses, "resolved");
                directory.update(&addresses);
                None
            }
            Ok(Err(error)) => Some(chain(&error).to_string()),
            Err(_) => Some(format!("no answer within {:?}", wires.config.connect_timeout)),
        };
        let asked = Instant::now();
        let next = match cause {
            None => {
                failures = 0;
                asked + wires.config.resolve_interval
            }
            Some(cause) => {
                failures = failures.saturating_add(1);
                tracing::debug!(channel = %directory.target, cause, failures, "cannot resolve");
                directory.unresolved(cause);
                asked + wires.backoff.after(failures)
            }
        };
        tokio::select! {
            biased;
            () = wires.closed.cancelled() => return,
            () = sleep_until(next) => {}
            () = wires.trouble.notified() => tokio::select! {
                biased;
                () = wires.closed.cancelled() => return,
                () = sleep_until(asked + SHORTEST_INTERVAL) => {}
            },
        }
    }
}
