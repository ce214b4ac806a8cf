//! Development only: the `cargo rig` command, the one door for developers and CI.
//!
//! What the project needs beside Rust is installed on first use, into a cache folder outside the tree.

mod check;
mod commands;
mod loom;
mod manifests;
mod test;
mod tools;
mod torture;
mod tour;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use mesh_rig::servers::{Kind, Wanted};

/// Tests, lints and checks of this workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo rig", bin_name = "cargo rig", arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs every test of the workspace, doc tests included. A run of no test at all is a failure.
    ///
    /// Starts the servers that the tests need, as `cargo rig up` does, unless all packages that are named do without:
    /// those that do not depend on mesh-rig. Stops what it has started, also when a test fails and when it is
    /// interrupted, and removes what tests have left on servers that stay.
    Test {
        /// Passed on to `cargo test`: `cargo rig test -p user -- commit`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        extra: Vec<String>,
    },
    /// Runs every interleaving of what the data plane shares between threads without a lock, with loom.
    Loom,
    /// Lints the contracts in proto/ with buf (STANDARD and COMMENTS). buf is built with Go if it is not installed.
    ProtoLint,
    /// Checks the dependencies: licenses, sources and banned crates. cargo-deny is built if it is not installed.
    ///
    /// Security advisories are left out: their database cannot be reached from every machine. Where it can be,
    /// `cargo deny check advisories` adds them.
    Deny,
    /// Puts the manifests in k8s/ together with kustomize and checks them against Kubernetes' schemas. Both tools are
    /// installed if they are not there: kustomize is built with Go, the checker comes into a Python environment.
    Manifests,
    /// Walks through README.md's grpcurl tour and compares what is printed with what README.md shows.
    ///
    /// Builds the stack first. Before the walk every relative link of README.md must lead somewhere, and every
    /// `cargo rig test` in its table of promises must name at least one test.
    ///
    /// Needs the ports of the stack to be free. Identifiers, times and tokens are compared by their shape, and an
    /// identifier must be the same wherever README.md shows the same one.
    Tour {
        /// Writes what was printed into README.md instead of comparing.
        #[arg(long)]
        bless: bool,
    },
    /// Starts real servers and waits until they answer: a CQL node and RabbitMQ.
    ///
    /// Servers named in MESH_RIG_CQL and MESH_RIG_AMQP (host:port) are used as they are. Else they come from Docker's
    /// images if its engine runs, else from Maven (Cassandra) and from Debian's packages. Their data lies under
    /// target/rig. They run until `cargo rig down`.
    Up {
        /// CQL nodes, on 127.0.0.1 and the addresses after it: 1, or 3 for a cluster.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=i64::from(Wanted::MOST_NODES)))]
        nodes: u8,
        /// cql, rabbitmq; both if none is named.
        kinds: Vec<Kind>,
    },
    /// Stops the servers that `cargo rig up` has started.
    Down {
        /// Removes their data too.
        #[arg(long)]
        wipe: bool,
    },
    /// Shows which servers run.
    Status,
    /// Tortures a cluster: three CQL nodes, the broker, two replicas of each service and a payment provider, all under
    /// load, while whatever there is gets killed, stopped, cut off and delayed. Then everything is healed and the
    /// history judged. Ends with 1 if anything is broken.
    ///
    /// Builds the services, without optimisation unless it is told otherwise, with the points in them at which tests
    /// make them wrong. The servers are a set of its own beside the usual one, with ports 400 above, and are taken down
    /// afterwards, also when it fails or is interrupted. A seed gives the same faults each time; what happens under
    /// them still happens in another order.
    Torture(torture::Arguments),
    /// Decides from a history whether anything was lost, doubled or invented, and prints the report.
    ///
    /// A history is what clients asked and were told, what was broken meanwhile and what was found at the end, one
    /// JSON object a line. Ends with 1 if anything is broken.
    Check {
        /// The history.
        file: PathBuf,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Test { extra } => test::run(&extra),
        Command::Loom => loom::run(),
        Command::ProtoLint => commands::proto_lint(),
        Command::Deny => commands::deny(),
        Command::Manifests => manifests::run(),
        Command::Tour { bless } => tour::run(bless),
        Command::Up { nodes, kinds } => commands::up(Wanted::new(&kinds, nodes)),
        Command::Down { wipe } => commands::down(wipe),
        Command::Status => commands::status(),
        Command::Torture(arguments) => torture::run(&arguments),
        Command::Check { file } => check::run(&file),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
