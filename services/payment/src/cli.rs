//! The command line.

use service_kit::process::Arguments;

/// Runs the payment service: payments and their ledger, over a store and a broker that other instances share.
///
/// The environment wins over the file of settings: PAYMENT_SERVICE_PAYMENT_LISTEN is `listen` of `[payment]`.
#[derive(Debug, clap::Parser)]
#[command(name = "payment-service", version)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) arguments: Arguments,
}
