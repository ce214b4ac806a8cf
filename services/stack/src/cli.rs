//! The command line.

use service_kit::process::Arguments;

/// Runs the user, payment and notification services in one process, with a payment provider that moves no money: on
/// an embedded durable store, or on a CQL cluster and a broker.
///
/// The environment wins over the file of settings: STACK_USER_LISTEN is `listen` of `[user]`.
#[derive(Debug, clap::Parser)]
#[command(version)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) arguments: Arguments,
}
