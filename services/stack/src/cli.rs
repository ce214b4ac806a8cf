//! The command line.

use std::path::PathBuf;

/// Runs the user, payment and notification services in one process, on an embedded durable store, with a payment
/// provider that moves no money.
#[derive(Debug, clap::Parser)]
#[command(version)]
pub(crate) struct Cli {
    /// Where everything is kept: the database, and the mails as .eml files. Made if it is missing.
    /// [default: ./data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// Settings as TOML; the environment (STACK_USER_LISTEN for listen of [user]) wins over it.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Prints the settings in force as a commented file that --config takes, and exits.
    #[arg(long)]
    pub(crate) print_config: bool,
}
