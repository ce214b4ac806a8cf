//! The command line.

use service_kit::process::Arguments;

/// Runs the user service: users, profiles and sessions, over a store and a broker that other instances share.
///
/// The environment wins over the file of settings: USER_SERVICE_USER_LISTEN is `listen` of `[user]`.
#[derive(Debug, clap::Parser)]
#[command(name = "user-service", version)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) arguments: Arguments,
}
