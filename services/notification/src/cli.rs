//! The command line.

use service_kit::process::Arguments;

/// Runs the notification service: mails and their history, over a store and a broker that other instances share.
///
/// The environment wins over the file of settings: NOTIFICATION_SERVICE_NOTIFICATION_LISTEN is `listen` of
/// `[notification]`.
#[derive(Debug, clap::Parser)]
#[command(name = "notification-service", version)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) arguments: Arguments,
}
