//! Keyspaces and virtual hosts, on the real servers.

mod keyspaces;
mod vhosts;
