//! What can be broken.

use std::fmt;

use crate::proxy;

/// A process, or a server of several processes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// One replica of a service.
    Service {
        /// The service, such as `user`.
        name: String,
        /// Which replica, from 1.
        replica: u8,
    },
    /// A CQL node, from 1.
    Node(u8),
    /// The broker.
    Broker,
}

/// What services are connected to through a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// A CQL node, from 1.
    Node(u8),
    /// The broker.
    Broker,
}

/// Something that is wrong for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Killed as by `kill -9`, and down until the fault ends.
    Kill(Target),
    /// Stopped where it is (SIGSTOP), and going on when the fault ends.
    Pause(Target),
    /// A link is broken.
    Cut {
        /// Which.
        link: Link,
        /// How.
        fault: proxy::Fault,
    },
    /// The broker believes that its memory is used up, and blocks whoever publishes.
    MemoryAlarm,
    /// A binding is gone: what it led into a queue has one way less to it.
    LostBinding {
        /// Which of those that are there when it begins: the remainder by their number.
        pick: u64,
    },
    /// Every binding of a queue is gone: what is for it alone comes back to its sender.
    Unbound {
        /// The queue, by its name at the broker.
        queue: String,
    },
}

/// What is broken one thing at a time. Different lanes overlap: a node and the broker may be down at once, two nodes
/// of three, without which nothing can be written for as long as that lasts, are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Processes of services.
    Services,
    /// CQL nodes, and the links to them.
    Nodes,
    /// The broker, and the link to it.
    Broker,
}

impl Lane {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Services, Self::Nodes, Self::Broker];
}

impl Fault {
    /// What is done, in one word, as a history records it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Kill(_) => "kill",
            Self::Pause(_) => "pause",
            Self::Cut { fault, .. } => match fault {
                proxy::Fault::Refuse => "refuse",
                proxy::Fault::Reset => "reset",
                proxy::Fault::Blackhole(_) => "blackhole",
                proxy::Fault::Delay(_) => "delay",
                proxy::Fault::Cut { .. } => "cut",
            },
            Self::MemoryAlarm => "memory-alarm",
            Self::LostBinding { .. } => "lost-binding",
            Self::Unbound { .. } => "unbound",
        }
    }

    /// To what it is done, as a history records it.
    #[must_use]
    pub fn target(&self) -> String {
        match self {
            Self::Kill(target) | Self::Pause(target) => target.to_string(),
            Self::Cut { link, .. } => format!("link to {link}"),
            Self::MemoryAlarm | Self::LostBinding { .. } => Target::Broker.to_string(),
            Self::Unbound { queue } => queue.clone(),
        }
    }

    /// With what it does not happen at the same time.
    #[must_use]
    pub fn lane(&self) -> Lane {
        match self {
            Self::Kill(target) | Self::Pause(target) => match target {
                Target::Service { .. } => Lane::Services,
                Target::Node(_) => Lane::Nodes,
                Target::Broker => Lane::Broker,
            },
            Self::Cut { link: Link::Node(_), .. } => Lane::Nodes,
            Self::Cut { link: Link::Broker, .. }
            | Self::MemoryAlarm
            | Self::LostBinding { .. }
            | Self::Unbound { .. } => Lane::Broker,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service { name, replica } => write!(f, "{name}-{replica}"),
            Self::Node(number) => write!(f, "cql-{number}"),
            Self::Broker => f.write_str("broker"),
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(number) => Target::Node(*number).fmt(f),
            Self::Broker => Target::Broker.fmt(f),
        }
    }
}
