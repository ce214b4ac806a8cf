//! Who inflicts the faults of servers and links.

use std::{io, net::SocketAddr};

use super::fault::{Fault, Link, Target};
use crate::{
    management::{Binding, ManagementError},
    proxy::Proxy,
    servers::{self, Broker, Servers, ServersError, Victim, Wanted, memory_alarm},
};

/// Breaks servers and links, and makes them whole again.
///
/// The proxies are here: services have to connect to the nodes at [`Servers::cql`] and to the broker at
/// [`Hand::broker`].
#[derive(Debug)]
pub struct Hand {
    nodes: Vec<(Victim, Proxy)>,
    broker: (Victim, Proxy, Broker),
    vhost: String,
    /// Bindings that were deleted, by what they were picked with.
    lost: Vec<(u64, Binding)>,
}

/// A fault could not be inflicted or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NemesisError {
    /// A server.
    #[error("a server cannot be broken or mended")]
    Server(#[from] ServersError),
    /// A link.
    #[error("a link cannot be broken or mended")]
    Link(#[from] io::Error),
    /// A binding.
    #[error("a binding cannot be deleted or made")]
    Binding(#[from] ManagementError),
    /// What is to be broken is not there.
    #[error("there is no {0}")]
    Missing(String),
}

impl Hand {
    /// Puts a proxy before each node and before the broker. `servers` came of `wanted`, which is
    /// [proxied](Wanted::proxied); `vhost` is the one whose bindings get lost.
    ///
    /// # Errors
    /// [`NemesisError::Link`] if a port is taken, [`NemesisError::Missing`] without a broker.
    ///
    /// # Panics
    /// Outside of a tokio runtime with time and IO.
    pub async fn new(wanted: Wanted, servers: &Servers, vhost: &str) -> Result<Self, NemesisError> {
        let mut nodes = Vec::new();
        let mut broker = None;
        for victim in Victim::all(wanted) {
            let Some(number) = victim.node() else {
                broker = Some(victim);
                continue;
            };
            let Some(&outside) = servers.cql.get(usize::from(number) - 1) else {
                return Err(NemesisError::Missing(victim.name()));
            };
            let proxy = Proxy::listen(outside, victim.address()).await?;
            nodes.push((victim, proxy));
        }
        let victim = broker.ok_or_else(|| NemesisError::Missing("broker".to_owned()))?;
        let proxy = Proxy::listen(SocketAddr::from(([127, 0, 0, 1], 0)), victim.address()).await?;
        let broker = (victim, proxy, servers::broker()?);
        Ok(Self { nodes, broker, vhost: vhost.to_owned(), lost: Vec::new() })
    }

    /// Where services find the broker, with its user.
    #[must_use]
    pub fn broker(&self) -> Broker {
        let (_, proxy, broker) = &self.broker;
        Broker { amqp: proxy.address(), ..broker.clone() }
    }

    /// Inflicts a fault. Answers whether it was its business: that of a service is not.
    ///
    /// # Errors
    /// [`NemesisError`].
    pub async fn begin(&mut self, fault: &Fault) -> Result<bool, NemesisError> {
        match fault {
            Fault::Kill(Target::Service { .. }) | Fault::Pause(Target::Service { .. }) => return Ok(false),
            Fault::Kill(target) => self.victim(target)?.kill().await?,
            Fault::Pause(target) => self.victim(target)?.pause().await?,
            Fault::Cut { link, fault } => self.link(*link)?.set(*fault).await?,
            Fault::MemoryAlarm => memory_alarm(true).await?,
            Fault::LostBinding { pick } => self.lose_binding(*pick).await?,
        }
        Ok(true)
    }

    /// Ends a fault that was inflicted: what was killed is started, and answers when this returns.
    ///
    /// # Errors
    /// [`NemesisError`].
    pub async fn end(&mut self, fault: &Fault) -> Result<bool, NemesisError> {
        match fault {
            Fault::Kill(Target::Service { .. }) | Fault::Pause(Target::Service { .. }) => return Ok(false),
            Fault::Kill(target) => self.victim(target)?.start().await?,
            Fault::Pause(target) => self.victim(target)?.resume().await?,
            Fault::Cut { link, .. } => self.link(*link)?.heal().await?,
            Fault::MemoryAlarm => memory_alarm(false).await?,
            Fault::LostBinding { pick } => {
                while let Some(found) = self.lost.iter().position(|(other, _)| other == pick) {
                    // Only when it is there again is it forgotten.
                    self.management().create_binding(&self.lost[found].1).await?;
                    self.lost.remove(found);
                }
            }
        }
        Ok(true)
    }

    /// Makes everything whole, whatever was wrong, also what is no longer known.
    ///
    /// # Errors
    /// [`NemesisError`], of the first thing that could not be mended.
    pub async fn heal(&mut self) -> Result<(), NemesisError> {
        let nodes = self.nodes.iter().map(|(victim, proxy)| (victim, proxy));
        let (broker, proxy, _) = &self.broker;
        for (victim, proxy) in nodes.chain([(broker, proxy)]) {
            proxy.heal().await?;
            victim.resume().await?;
            victim.start().await?;
        }
        memory_alarm(false).await?;
        while let Some((_, binding)) = self.lost.last() {
            self.management().create_binding(binding).await?;
            self.lost.pop();
        }
        Ok(())
    }

    async fn lose_binding(&mut self, pick: u64) -> Result<(), NemesisError> {
        let management = self.management();
        let mut bindings = management.bindings(&self.vhost).await?;
        bindings.sort_by(|one, other| {
            one.destination.cmp(&other.destination).then(one.routing_key.cmp(&other.routing_key))
        });
        let missing = || NemesisError::Missing(format!("binding in {}", self.vhost));
        let place = usize::try_from(pick % bindings.len().max(1) as u64).unwrap_or_default();
        let binding = bindings.get(place).cloned().ok_or_else(missing)?;
        // Known before it is gone, so that it is mended also if the answer does not come.
        self.lost.push((pick, binding.clone()));
        Ok(management.delete_binding(&binding).await?)
    }

    fn management(&self) -> crate::management::Management {
        self.broker.2.management()
    }

    fn victim(&self, target: &Target) -> Result<&Victim, NemesisError> {
        let found = match target {
            Target::Node(number) => {
                self.nodes.iter().map(|(victim, _)| victim).find(|node| node.node() == Some(*number))
            }
            Target::Broker => Some(&self.broker.0),
            Target::Service { .. } => None,
        };
        found.ok_or_else(|| NemesisError::Missing(target.to_string()))
    }

    fn link(&self, link: Link) -> Result<&Proxy, NemesisError> {
        let found = match link {
            Link::Node(number) => {
                self.nodes.iter().find(|(node, _)| node.node() == Some(number)).map(|(_, proxy)| proxy)
            }
            Link::Broker => Some(&self.broker.1),
        };
        found.ok_or_else(|| NemesisError::Missing(link.to_string()))
    }
}
