//! Who there is: a client, and three services of three replicas, each calling the next.

use std::fmt;

pub(crate) const SERVICES: [&str; 3] = ["front", "middle", "back"];
pub(crate) const REPLICAS: usize = 3;
pub(crate) const PORT: u16 = 9_000;

const NAMES: [&str; 9] =
    ["front-0", "front-1", "front-2", "middle-0", "middle-1", "middle-2", "back-0", "back-1", "back-2"];

/// A machine of the simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Host {
    Client,
    Server(Replica),
}

impl Host {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server(replica) => replica.name(),
        }
    }
}

/// One of nine servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Replica(usize);

impl Replica {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..NAMES.len()).map(Self)
    }

    /// Those of one service.
    pub(crate) fn of(service: usize) -> impl Iterator<Item = Self> {
        Self::all().filter(move |replica| replica.service() == service)
    }

    pub(crate) fn name(self) -> &'static str {
        NAMES[self.0]
    }

    pub(crate) fn index(self) -> usize {
        self.0
    }

    /// Its place in the chain.
    pub(crate) fn service(self) -> usize {
        self.0 / REPLICAS
    }
}

/// A machine's program, from its start to its end. The client has but one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Process {
    pub(crate) host: Host,
    pub(crate) life: u32,
}

impl Process {
    pub(crate) const CLIENT: Self = Self { host: Host::Client, life: 0 };

    /// The service that it calls.
    pub(crate) fn calls(self) -> usize {
        match self.host {
            Host::Client => 0,
            Host::Server(replica) => replica.service() + 1,
        }
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.life {
            0 => f.write_str(self.host.name()),
            life => write!(f, "{}+{life}", self.host.name()),
        }
    }
}
