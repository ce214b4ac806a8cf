//! The command line that all programs have.

use std::path::PathBuf;

/// What can be said on the command line of any program.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Arguments {
    /// Where everything is kept that is kept on this machine. Made if it is missing. [default: ./data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Settings as TOML; the environment wins over it. --print-config names each setting's variable.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Prints the settings in force as a commented file that --config takes, and exits.
    #[arg(long)]
    pub print_config: bool,

    /// Brings the store to the newest schema and exits. A start does so too; several at once are no harm.
    #[arg(long)]
    pub migrate_only: bool,
}
