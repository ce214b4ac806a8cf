//! The command line.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use mesh_rpc::Target;
use provider_sandbox::SandboxConfig;

/// A payment provider to develop and test against, with its own durable books and tokens that misbehave.
#[derive(Debug, clap::Parser)]
#[command(version)]
pub(crate) struct Cli {
    /// Where it is served.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:50054")]
    listen: SocketAddr,

    /// Where its books are kept. Made if it is missing.
    #[arg(long, value_name = "DIR", default_value = "provider-data")]
    pub(crate) data: PathBuf,

    /// Who is told what was settled later: IP:PORT, static:///IP:PORT or dns:///HOST:PORT. Nobody if absent.
    #[arg(long, value_name = "TARGET", value_parser = target)]
    webhook: Option<Target>,

    /// How late tok_slow answers, such as 250ms or 3s.
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = duration)]
    slow_by: Duration,
}

impl Cli {
    pub(crate) fn config(&self) -> SandboxConfig {
        SandboxConfig { listen: self.listen, webhook: self.webhook.clone(), slow_by: self.slow_by }
    }
}

fn target(text: &str) -> Result<Target, mesh_rpc::TargetError> {
    text.parse().map_or_else(|_| text.parse(), |address: SocketAddr| Ok(Target::fixed([address])))
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    let expected = "expected a whole number and ms or s, such as 250ms or 3s";
    let (number, unit) = text.split_at(text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).len());
    let number: u64 = number.parse().map_err(|_| expected)?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        _ => Err(expected),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn what_is_not_said_is_the_default() {
        assert_eq!(Cli::parse_from(["provider-sandbox"]).config(), SandboxConfig::default());
    }

    #[test]
    fn reads_addresses_targets_and_durations() {
        let read = |webhook, slow_by| {
            let line = ["provider-sandbox", "--webhook", webhook, "--slow-by", slow_by];
            Cli::try_parse_from(line).ok().map(|cli| (cli.webhook.unwrap().to_string(), cli.slow_by))
        };
        let expected = Some(("static:///127.0.0.1:1".to_owned(), Duration::from_millis(250)));
        assert_eq!(read("127.0.0.1:1", "250ms"), expected);
        assert_eq!(read("static:///127.0.0.1:1", "250ms"), expected);
        assert_eq!(read("dns:///payment:1", "3s"), Some(("dns:///payment:1".into(), Duration::from_secs(3))));
        for (webhook, slow_by) in [("payment", "3s"), ("127.0.0.1:1", "3"), ("127.0.0.1:1", "-1s")] {
            assert_eq!(read(webhook, slow_by), None, "{webhook} {slow_by}");
        }
    }
}
