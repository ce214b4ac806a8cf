//! What is asked for.

use std::{fmt, str::FromStr};

/// A kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A store that speaks CQL.
    Cql,
    /// The broker.
    Rabbitmq,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Cql, Self::Rabbitmq];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cql => "cql",
            Self::Rabbitmq => "rabbitmq",
        })
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|kind| kind.to_string() == name);
        found.ok_or_else(|| format!("{name} is neither cql nor rabbitmq"))
    }
}

/// Which servers are to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    cql_nodes: u8,
    rabbitmq: bool,
    is_proxied: bool,
}

impl Wanted {
    /// Most CQL nodes: 127.0.0.1 to 127.0.0.3.
    pub const MOST_NODES: u8 = 3;

    /// One CQL node and the broker.
    pub const ALL: Self = Self { cql_nodes: 1, rabbitmq: true, is_proxied: false };

    /// These kinds, all of them if none is named, with this many CQL nodes: at least one, at most
    /// [`MOST_NODES`](Self::MOST_NODES).
    pub fn new(kinds: &[Kind], nodes: u8) -> Self {
        let is_wanted = |kind| kinds.is_empty() || kinds.contains(&kind);
        let nodes = nodes.clamp(1, Self::MOST_NODES);
        Self {
            cql_nodes: if is_wanted(Kind::Cql) { nodes } else { 0 },
            rabbitmq: is_wanted(Kind::Rabbitmq),
            is_proxied: false,
        }
    }

    /// The same, but CQL node N listens on 127.0.1.N and tells drivers to connect to 127.0.0.N, where whoever asks for
    /// this puts a [proxy](crate::proxy) before it. Such servers are there to be [hurt](super::Victim): they come from
    /// packages, never from Docker.
    #[must_use]
    pub fn proxied(self) -> Self {
        Self { is_proxied: true, ..self }
    }

    pub(super) fn is_proxied(self) -> bool {
        self.is_proxied
    }

    /// CQL nodes; 0 if CQL is not wanted.
    pub(super) fn cql_nodes(self) -> u8 {
        self.cql_nodes
    }

    pub(super) fn rabbitmq(self) -> bool {
        self.rabbitmq
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_kind_means_every_kind() {
        assert_eq!(Wanted::new(&[], 1), Wanted::ALL);
        assert_eq!(Wanted::new(&[Kind::Rabbitmq], 3), Wanted { cql_nodes: 0, ..Wanted::ALL });
        assert_eq!(Wanted::new(&[Kind::Cql], 9), Wanted { cql_nodes: 3, rabbitmq: false, ..Wanted::ALL });
        assert_eq!(Wanted::new(&[Kind::Cql], 0), Wanted { rabbitmq: false, ..Wanted::ALL });
    }

    #[test]
    fn a_kind_is_read_as_it_is_written() {
        for kind in Kind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        "scylla".parse::<Kind>().unwrap_err();
    }
}
