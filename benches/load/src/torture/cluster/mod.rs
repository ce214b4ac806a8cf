//! The torture of a cluster: three CQL nodes, a broker, two replicas of each service and the payment provider, all in
//! processes of their own.
//!
//! Everything goes through proxies, so that links can be broken too. What is broken when is drawn from the seed by
//! [`mesh_rig::nemesis`]; servers and links are its hand's business, programs are ours.

mod bug;
mod command;
mod fleet;
mod interrupt;
mod look;
mod member;
mod nemesis;
mod run;
mod servers;

pub use command::{Arguments, command};
