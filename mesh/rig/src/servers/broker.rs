//! Where the servers of tests are: given by the environment, else where `up` puts them.

use std::{env, net::SocketAddr};

use super::{cassandra::Node, discovery, error::ServersError, place, rabbitmq, wanted::Kind};
use crate::management::Management;

/// User and password at a broker that was given, with a colon between them; `guest:guest` if it is not set.
const LOGIN: &str = "MESH_RIG_AMQP_LOGIN";
/// Where the management API of a broker that was given answers.
pub(super) const MANAGEMENT: &str = "MESH_RIG_MANAGEMENT";
/// How far above its other port the management API is, unless it is told otherwise: RabbitMQ's own distance.
const MANAGEMENT_ABOVE: u16 = 10_000;

/// The nodes of CQL that tests talk to, `host:port` each: those in `MESH_RIG_CQL`, else the first one of `cargo rig up`.
///
/// # Errors
/// [`ServersError`] if what the environment names is no address.
pub fn contact_points() -> Result<Vec<String>, ServersError> {
    place::offset()?;
    let mut addresses = discovery::given(Kind::Cql)?;
    if addresses.is_empty() {
        addresses.extend(Node::cluster(1).map(Node::cql));
    }
    Ok(addresses.iter().map(SocketAddr::to_string).collect())
}

/// A user of the broker, who may administer it.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// A broker that tests talk to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Broker {
    /// Where AMQP 0-9-1 is spoken.
    pub amqp: SocketAddr,
    /// Where the management API answers, over HTTP.
    pub http: SocketAddr,
    /// The user.
    pub login: Login,
}

impl Broker {
    /// The broker's management API.
    #[must_use]
    pub fn management(&self) -> Management {
        Management::new(self.http, &self.login.user, &self.login.password)
    }
}

/// The broker that tests talk to: that in `MESH_RIG_AMQP` (with `MESH_RIG_MANAGEMENT`, else ten thousand ports above
/// it, and `MESH_RIG_AMQP_LOGIN`), else the one of `cargo rig up`.
///
/// # Errors
/// [`ServersError`] if what the environment names is no address.
pub fn broker() -> Result<Broker, ServersError> {
    place::offset()?;
    let login = login(&env::var(LOGIN).unwrap_or_default());
    let Some(&amqp) = discovery::given(Kind::Rabbitmq)?.first() else {
        return Ok(Broker { amqp: rabbitmq::amqp(), http: rabbitmq::management(), login });
    };
    let given = discovery::addresses(MANAGEMENT, &env::var(MANAGEMENT).unwrap_or_default())?;
    let http = given
        .first()
        .copied()
        .unwrap_or_else(|| SocketAddr::new(amqp.ip(), amqp.port().saturating_add(MANAGEMENT_ABOVE)));
    Ok(Broker { amqp, http, login })
}

fn login(given: &str) -> Login {
    let (user, password) = given.split_once(':').unwrap_or(("guest", "guest"));
    Login { user: user.to_owned(), password: password.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_two_words_and_its_password_is_not_shown() {
        let given = login("ada:s:cret");
        assert_eq!((given.user.as_str(), given.password.as_str()), ("ada", "s:cret"));
        assert_eq!(format!("{given:?}"), "Login { user: \"ada\", .. }");
        assert_eq!(login("").user, "guest");
    }
}
