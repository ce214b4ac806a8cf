//! Following a name: its endpoints now, and whenever they may have changed.

use mesh_telemetry::chain;
use tokio::time::{Instant, sleep_until, timeout};

use super::schedule::{SHORTEST, Schedule};
use crate::client::{address::Address, dial::literal, directory::Directory, target::DnsName};

/// Keeps the directory up to date until the channel is closed.
pub(super) async fn follow(directory: &Directory, name: &DnsName) {
    if let (Some(ip), Some(port)) = (literal(&name.host), name.port) {
        // It will never be another one.
        return directory.update(&[Address::Ip((ip, port).into())]);
    }
    let wires = &directory.wires;
    let patience = wires.config.connect_timeout;
    let mut schedule = Schedule::new(wires.config.resolve_interval, &wires.backoff, &wires.random);
    loop {
        let resolved = tokio::select! {
        biased;
                    () = wires.closed.cancelled() => return,
                    resolved = timeout(patience, wires.dial.resolve(name)) => resolved,
                };
        let asked = Instant::now();
        let answer = match resolved {
            Ok(answer) => answer.map_err(|error| chain(&error).to_string()),
            Err(_) => Err(format!("no answer within {patience:?}")),
        };
        let wait = match answer {
            Ok(answer) => {
                tracing::debug!(channel = %directory.target, endpoints = answer.endpoints.len(), ttl = ?answer.ttl, "resolved");
                directory.update(&answer.endpoints);
                schedule.answered(answer.ttl)
            }
            Err(cause) => {
                let wait = schedule.failed();
                tracing::debug!(channel = %directory.target, cause, wait_ms = wait.as_millis(), "cannot resolve");
                directory.unresolved(cause);
                wait
            }
        };
        tokio::select! {
        biased;
                    () = wires.closed.cancelled() => return,
                    () = sleep_until(asked + wait) => {}
                    () = wires.trouble.notified() => tokio::select! {
        biased;
                        () = wires.closed.cancelled() => return,
                        () = sleep_until(asked + SHORTEST) => {}
                    },
                }
    }
}

#[cfg(test)]
mod tests;
