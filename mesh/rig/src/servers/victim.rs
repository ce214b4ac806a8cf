//! Hurting servers on purpose.

use std::{net::SocketAddr, process::Command, time::Duration};

use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

use super::{
    broker::broker,
    cassandra::{self, Node},
    commands::output,
    error::ServersError,
    probe,
    process::{POLL, Server, signal},
    rabbitmq,
    wanted::{Kind, Wanted},
};

/// How long a killed server may take to be gone.
const GONE: Duration = Duration::from_secs(20);
/// How long a server may take from its start to its first answer.
const FIRST_ANSWER: Duration = Duration::from_secs(240);
/// How long the broker may take to see that its memory is short, or is not.
const ALARM: Duration = Duration::from_secs(30);

/// A server of this machine that can be hurt: one that [`up`](super::up) has started from packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Victim(Which);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Which {
    Node(Node),
    Broker,
}

impl Victim {
    /// The CQL nodes of what is wanted, and its broker.
    pub fn all(wanted: Wanted) -> Vec<Self> {
        let node = |node: Node| if wanted.is_proxied() { node.behind_proxy() } else { node };
        let nodes = Node::cluster(wanted.cql_nodes()).map(|found| Self(Which::Node(node(found))));
        nodes.chain(wanted.rabbitmq().then_some(Self(Which::Broker))).collect()
    }

    /// The number of a CQL node, from 1; `None` for the broker.
    #[must_use]
    pub fn node(&self) -> Option<u8> {
        match self.0 {
            Which::Node(node) => Some(node.number()),
            Which::Broker => None,
        }
    }

    /// The name of its folder.
    #[must_use]
    pub fn name(&self) -> String {
        self.server().name()
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        match self.0 {
            Which::Node(node) => node.listens(),
            Which::Broker => rabbitmq::amqp(),
        }
    }

    /// Kills it, as `kill -9` does, and waits until it is gone. That it is gone already is fine.
    ///
    /// # Errors
    /// [`ServersError`].
    ///
    /// # Panics
    /// Outside of a tokio runtime with time.
    pub async fn kill(&self) -> Result<(), ServersError> {
        let end = Instant::now() + GONE;
        while self.send("KILL").await? {
            if Instant::now() >= end {
                return Err(ServersError::Undead { server: self.name(), limit: GONE });
            }
            sleep(POLL).await;
        }
        Ok(())
    }

    /// Stops its processes where they are (SIGSTOP): its connections stay, and nothing answers on them.
    ///
    /// # Errors
    /// [`ServersError::NotOurs`] if it does not run.
    pub async fn pause(&self) -> Result<(), ServersError> {
        if self.send("STOP").await? { Ok(()) } else { Err(ServersError::NotOurs { server: self.name() }) }
    }

    /// Lets its processes go on (SIGCONT). That there is none is fine.
    ///
    /// # Errors
    /// [`ServersError`].
    pub async fn resume(&self) -> Result<(), ServersError> {
        self.send("CONT").await.map(drop)
    }

    /// Starts it with the data that it has, unless it runs, and waits until it answers.
    ///
    /// # Errors
    /// [`ServersError`].
    ///
    /// # Panics
    /// Outside of a tokio runtime with time and IO.
    pub async fn start(&self) -> Result<(), ServersError> {
        let (victim, server) = (self.clone(), self.server());
        spawn_blocking(move || match victim.0 {
            _ if victim.server().is_running() => Ok(()),
            Which::Node(node) => cassandra::start(&[node]),
            Which::Broker => rabbitmq::start(),
        })
        .await??;
        let kind = if self.node().is_some() { Kind::Cql } else { Kind::Rabbitmq };
        let look = || probe::greets(kind, self.address());
        probe::until(&self.name(), Some(&server), FIRST_ANSWER, look).await
    }

    /// Sends a signal to all of its processes; answers whether there is any.
    async fn send(&self, name: &'static str) -> Result<bool, ServersError> {
        let server = self.server();
        let send = move || {
            let pids = server.pids();
            signal(name, &pids).map(|()| !pids.is_empty())
        };
        spawn_blocking(send).await?
    }

    fn server(&self) -> Server {
        match self.0 {
            Which::Node(node) => node.server(),
            Which::Broker => {
                let [broker, _] = rabbitmq::servers();
                broker
            }
        }
    }
}

/// Makes the broker believe that its memory is used up, so that it blocks whoever publishes; or lets it see again
/// that it is not. Waits until it does.
///
/// # Errors
/// [`ServersError`].
///
/// # Panics
/// Outside of a tokio runtime with time and IO.
pub async fn memory_alarm(is_on: bool) -> Result<(), ServersError> {
    if !spawn_blocking(rabbitmq::is_running).await? {
        return Err(ServersError::NotOurs { server: "the broker".to_owned() });
    }
    spawn_blocking(move || output(&mut watermark(is_on))).await??;
    let management = broker()?.management();
    let end = Instant::now() + ALARM;
    while management.has_memory_alarm().await.ok() != Some(is_on) {
        if Instant::now() >= end {
            let what = if is_on { "no memory alarm" } else { "no end of the memory alarm" };
            return Err(ServersError::NoEffect { server: "rabbitmq".to_owned(), what, limit: ALARM });
        }
        sleep(POLL).await;
    }
    Ok(())
}

fn watermark(is_on: bool) -> Command {
    let mut command = rabbitmq::control();
    command.arg("set_vm_memory_high_watermark");
    if is_on {
        // A share of the machine's memory: less than any broker has.
        command.arg("0.0001");
    } else {
        command.args(["absolute", rabbitmq::MEMORY_MAX]);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_wanted_can_be_hurt() {
        let victims = Victim::all(Wanted::new(&[], 3).proxied());
        let names: Vec<String> = victims.iter().map(Victim::name).collect();
        assert_eq!(names, ["cql-1-of-3-proxied", "cql-2-of-3-proxied", "cql-3-of-3-proxied", "rabbitmq"]);
        assert_eq!(victims.iter().map(Victim::node).collect::<Vec<_>>(), [Some(1), Some(2), Some(3), None]);
        assert_eq!(victims[1].address().ip().to_string(), "127.0.1.2");
    }
}
