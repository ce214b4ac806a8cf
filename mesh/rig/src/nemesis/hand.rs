//! Who inflicts the faults of servers and links.

use std::{
    io,
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::fault::{Fault, Link, Target};
use crate::{
    management::{Binding, ManagementError},
    proxy::Proxy,
    servers::{self, Broker, Servers, ServersError, Victim, Wanted, memory_alarm},
};

/// Breaks servers and links, and makes them whole again; several at once, if they are different ones.
///
/// The proxies are here: services have to connect to the nodes at [`Servers::cql`] and to the broker at
/// [`Hand::broker`].
#[derive(Debug)]
pub struct Hand {
    nodes: Vec<(Victim, Proxy)>,
    broker: (Victim, Proxy, Broker),
    vhost: String,
    /// Bindings that were deleted, and by which fault.
    lost: Mutex<Vec<(Fault, Binding)>>,
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
        Ok(Self { nodes, broker, vhost: vhost.to_owned(), lost: Mutex::default() })
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
    pub async fn begin(&self, fault: &Fault) -> Result<bool, NemesisError> {
        match fault {
            Fault::Kill(Target::Service { .. }) | Fault::Pause(Target::Service { .. }) => return Ok(false),
            Fault::Kill(target) => self.victim(target)?.kill().await?,
            Fault::Pause(target) => self.victim(target)?.pause().await?,
            Fault::Cut { link, fault } => self.link(*link)?.set(*fault).await?,
            Fault::MemoryAlarm => memory_alarm(true).await?,
            Fault::LostBinding { .. } | Fault::Unbound { .. } => self.lose_bindings(fault).await?,
        }
        Ok(true)
    }

    /// Ends a fault that was inflicted: what was killed is started, and answers when this returns.
    ///
    /// # Errors
    /// [`NemesisError`].
    pub async fn end(&self, fault: &Fault) -> Result<bool, NemesisError> {
        match fault {
            Fault::Kill(Target::Service { .. }) | Fault::Pause(Target::Service { .. }) => return Ok(false),
            Fault::Kill(target) => self.victim(target)?.start().await?,
            Fault::Pause(target) => self.victim(target)?.resume().await?,
            Fault::Cut { link, .. } => self.link(*link)?.heal().await?,
            Fault::MemoryAlarm => memory_alarm(false).await?,
            Fault::LostBinding { .. } | Fault::Unbound { .. } => self.bind_again(|by| by == fault).await?,
        }
        Ok(true)
    }

    /// Makes everything whole, whatever was wrong, also what is no longer known.
    ///
    /// # Errors
    /// [`NemesisError`], of the first thing that could not be mended.
    pub async fn heal(&self) -> Result<(), NemesisError> {
        let nodes = self.nodes.iter().map(|(victim, proxy)| (victim, proxy));
        let (broker, proxy, _) = &self.broker;
        for (victim, proxy) in nodes.chain([(broker, proxy)]) {
            proxy.heal().await?;
            victim.resume().await?;
            victim.start().await?;
        }
        memory_alarm(false).await?;
        self.bind_again(|_| true).await
    }

    async fn lose_bindings(&self, fault: &Fault) -> Result<(), NemesisError> {
        let management = self.management();
        let lasting = management.durable_queues(&self.vhost).await?;
        let mut bindings = management.bindings(&self.vhost).await?;
        // The queue of a single connection is nobody else's to unbind.
        bindings.retain(|binding| lasting.contains(&binding.destination));
        bindings.sort_by(|one, other| {
            one.destination.cmp(&other.destination).then(one.routing_key.cmp(&other.routing_key))
        });
        match fault {
            Fault::LostBinding { pick } if !bindings.is_empty() => {
                let place = usize::try_from(pick % bindings.len() as u64).unwrap_or_default();
                bindings = vec![bindings.swap_remove(place)];
            }
            Fault::Unbound { queue } => bindings.retain(|binding| binding.destination == *queue),
            _ => {}
        }
        if bindings.is_empty() {
            return Err(NemesisError::Missing(format!("binding in {}", self.vhost)));
        }
        // Known before they are gone, so that they are mended also if an answer does not come.
        self.lost().extend(bindings.iter().map(|binding| (fault.clone(), binding.clone())));
        for binding in &bindings {
            management.delete_binding(binding).await?;
        }
        Ok(())
    }

    /// Makes lost bindings again.
    async fn bind_again(&self, is_meant: impl Fn(&Fault) -> bool) -> Result<(), NemesisError> {
        loop {
            let next = self.lost().iter().find(|(by, _)| is_meant(by)).cloned();
            let Some(next) = next else { return Ok(()) };
            // Only when it is there again is it forgotten.
            self.management().create_binding(&next.1).await?;
            self.lost().retain(|lost| *lost != next);
        }
    }

    fn lost(&self) -> MutexGuard<'_, Vec<(Fault, Binding)>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
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
