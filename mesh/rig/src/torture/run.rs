//! The command.

use std::{
    path::PathBuf,
    process::{Command, ExitCode},
};

use anyhow::Context as _;
use mesh_rig::{
    servers::{Beside, beside},
    workspace,
};

use super::child::{Child, End};
use crate::test::Interrupt;

/// What is run, by package.
const PACKAGES: [&str; 5] = ["load", "user", "payment", "notification", "provider-sandbox"];
/// The features with which it is run, so that what is tortured with a bug and without one is the same.
const FEATURES: &str = "user/crash-points,payment/crash-points,notification/crash-points";
/// The name of the set of servers, and how far above the usual ones its ports are.
const SET: (&str, u16) = ("torture", 400);

/// What can be said about a torture.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub(crate) struct Arguments {
    /// How long there is load and faults. Until all is quiet then, and judged, takes some minutes more.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=600))]
    minutes: u32,
    /// From which the faults and the clients' choices are drawn; another one each time if it is not given.
    #[arg(long)]
    seed: Option<u64>,
    /// Clients at once.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    clients: u32,
    /// Where the history and the logs of the programs are kept: a new folder. If it is not given, a temporary one, which
    /// stays when something is broken.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Makes the services wrong in this way, such as bug.ack-before-effect, and draws faults under which that shows.
    /// Then the end is to be: something is broken.
    #[arg(long)]
    bug: Option<String>,
    /// Tortures an optimised build.
    #[arg(long)]
    release: bool,
}

/// Builds, tortures, and takes the servers down that are left.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let servers = beside(SET.0, SET.1)?;
    let mut build = workspace::cargo();
    build.arg("build").args(PACKAGES.iter().flat_map(|package| ["--package", package]));
    build.args(["--features", FEATURES]).args(arguments.release.then_some("--release"));
    if workspace::run(&mut build)? != ExitCode::SUCCESS {
        return Ok(ExitCode::FAILURE);
    }
    let interrupt = Interrupt::expect()?;
    let profile = if arguments.release { "release" } else { "debug" };
    let mut load = Command::new(workspace::target().join(profile).join("load"));
    load.args(words(arguments));
    servers.apply(&mut load);
    let outcome = Child::start(load)?.wait(&interrupt)?;
    if outcome == End::CutShort {
        // It could not take its servers down itself, or some were just starting when it did.
        down(&servers)?;
    }
    Ok(if outcome == End::Content { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What `load` is called with.
fn words(arguments: &Arguments) -> Vec<String> {
    let Arguments { minutes, seed, clients, folder, bug, release: _ } = arguments;
    let mut words = vec!["cluster".to_owned(), "--wipe".to_owned()];
    let folder = folder.as_ref().map(|folder| folder.display().to_string());
    let all = [
        ("--minutes", Some(minutes.to_string())),
        ("--seed", seed.map(|seed| seed.to_string())),
        ("--clients", Some(clients.to_string())),
        ("--folder", folder),
        ("--bug", bug.clone()),
    ];
    for (name, value) in all {
        words.extend(value.into_iter().flat_map(|value| [name.to_owned(), value]));
    }
    words
}

fn down(servers: &Beside) -> anyhow::Result<()> {
    let mut rig = Command::new(std::env::current_exe().context("cannot find this program")?);
    rig.arg("down");
    servers.apply(&mut rig);
    workspace::run(&mut rig).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_is_told_what_this_command_was_told() {
        let mut arguments =
            Arguments { minutes: 5, seed: None, clients: 16, folder: None, bug: None, release: true };
        assert_eq!(words(&arguments).join(" "), "cluster --wipe --minutes 5 --clients 16");
        arguments.seed = Some(7);
        arguments.folder = Some(PathBuf::from("kept here"));
        arguments.bug = Some("bug.skip-fence".to_owned());
        let said = words(&arguments);
        assert_eq!(said[4..6], ["--seed", "7"]);
        assert_eq!(said[8..], ["--folder", "kept here", "--bug", "bug.skip-fence"]);
    }
}
