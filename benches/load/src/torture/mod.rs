//! Torture: clients that do everything at once, programs that are killed meanwhile, and a history of it that is
//! judged.
//!
//! Programs run as processes of their own on ports that stay the same ([`Programs`]); clients draw their calls from
//! a seed and from what everybody knows, try them until the outcome is known, and write down what they asked and were
//! told. Mails arrive at a server beside them ([`mesh_rig::smtp`]). At the end everything is read through the public API,
//! profiles from the disk, and judged by [`mesh_rig::checker`]. [`run`] is the random torture, [`tell`] a short fixed
//! one for crash points.

mod api;
mod choice;
mod client;
mod cluster;
mod command;
mod convert;
mod doubt;
mod freshness;
mod ground;
mod hosted;
mod journal;
mod life;
mod mails;
mod mix;
mod nemesis;
mod observe;
mod outcome;
mod pages;
mod platform;
mod play;
mod pools;
mod ports;
mod process;
mod quiesce;
mod run;
mod scenario;
mod stage;

pub use cluster::{Arguments as ClusterArguments, command as cluster};
pub use command::{Arguments, command};
pub use ground::{Ground, Keyspaces, Servers};
pub use journal::Tally;
pub use platform::{Environment, Programs, Provider};
pub use play::{Caller, Play};
pub use run::{Config, run, run_showing};
pub use scenario::{STORY, Step, tell};
pub use stage::{Report, Setting};
