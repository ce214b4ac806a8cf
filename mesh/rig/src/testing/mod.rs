//! What tests of other crates get from the real servers: a keyspace, a virtual host.
//!
//! The servers are those that `cargo rig test` starts and names in the environment (`MESH_RIG_CQL`,
//! `MESH_RIG_AMQP`), else those of `cargo rig up`. One that does not answer makes the test fail: a test is never
//! skipped.
//!
//! Names are `test_<process>_<number>`. A process that ends leaves some behind; `cargo rig test` drops those whose
//! process is gone, before and after its run. So servers that are given by their address must not be shared by
//! several machines.

mod clerk;
mod cql;
mod keyspaces;
mod lease;
mod leftovers;
mod names;
mod vhosts;

pub use lease::{Keyspace, Vhost, fresh_keyspace, keyspace, vhost};
pub use leftovers::{Swept, sweep};
