//! The settings of the payment service.

use std::{net::SocketAddr, time::Duration};

use mesh_rpc::Target;
use service_kit::config::Source;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// The settings of the payment service.
#[derive(Clone, Debug)]
pub struct PaymentConfig {
    /// Where the service listens.
    pub listen: SocketAddr,
    /// How long an authorization is held before it is released.
    pub authorization_ttl: Duration,
    /// How long the outcome of an operation is sought; then somebody must look.
    pub provider_budget: Duration,
    /// How often the books are proved.
    pub reconcile_every: Duration,
    /// Who moves the money; a sandbox beside the service if nobody is named.
    pub provider: Option<Target>,
}

impl PaymentConfig {
    /// Reads the settings from the section at `path`.
    pub fn read(source: &mut Source, path: &str) -> Self {
        let mut section = source.section(path);
        Self {
            listen: section.get(
                "listen",
                SocketAddr::from(([127, 0, 0, 1], 50052)),
                "an address like 127.0.0.1:50052",
                "Where the payment service listens",
            ),
            authorization_ttl: section.duration(
                "authorization_ttl",
                7 * DAY,
                MINUTE..=30 * DAY,
                "How long an authorization is held before it is released",
            ),
            provider_budget: section.duration(
                "provider_budget",
                DAY,
                MINUTE..=30 * DAY,
                "How long the outcome of an operation is sought before somebody must look",
            ),
            reconcile_every: section.duration(
                "reconcile_every",
                DAY,
                MINUTE..=7 * DAY,
                "How often the books are proved against themselves and against the provider's",
            ),
            provider: section.optional(
                "provider",
                "a target like dns:///provider.example:443",
                "Who moves the money; unset: a sandbox that moves none",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<PaymentConfig, String> {
        let env = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut source = Source::load(None, env, "STACK").unwrap();
        let config = PaymentConfig::read(&mut source, "payment");
        source.finish().map(|_| config).map_err(|mistakes| mistakes.to_string())
    }

    #[test]
    fn a_sandbox_moves_the_money_unless_somebody_is_named() {
        let config = read(&[]).unwrap();
        assert_eq!((config.provider, config.provider_budget), (None, DAY));
        let named = read(&[("STACK_PAYMENT_PROVIDER", "dns:///provider.example:443")]).unwrap().provider;
        assert_eq!(named, "dns:///provider.example:443".parse().ok());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let wrong = [
            ("STACK_PAYMENT_PROVIDER", "provider.example"),
            ("STACK_PAYMENT_AUTHORIZATION_TTL", "0s"),
            ("STACK_PAYMENT_PROVIDER_BUDGET", "1s"),
            ("STACK_PAYMENT_RECONCILE_EVERY", "never"),
        ];
        let mistakes = read(&wrong).unwrap_err();
        for key in ["provider", "authorization_ttl", "provider_budget", "reconcile_every"] {
            assert!(mistakes.contains(&format!("payment.{key}")), "{key}: {mistakes}");
        }
    }
}
