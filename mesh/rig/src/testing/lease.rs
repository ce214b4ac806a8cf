//! What a test holds.

use super::clerk::Clerk;
use crate::servers::Login;

/// A keyspace whose tables are empty, for one test. Dropping it gives it back, so what writes to it has to have ended
/// by then. Keyspaces that a program makes whose names begin with this name and an underscore belong to it, and are
/// emptied and dropped together with it.
#[derive(Debug)]
pub struct Keyspace {
    name: String,
    contact_points: Vec<String>,
    is_fresh: bool,
}

impl Keyspace {
    /// The nodes to begin with, `host:port` each.
    #[must_use]
    pub fn contact_points(&self) -> Vec<String> {
        self.contact_points.clone()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Keyspace {
    fn drop(&mut self) {
        Clerk::of_this_process().take_back(std::mem::take(&mut self.name), self.is_fresh);
    }
}

/// A keyspace whose tables are empty. Those that a test of this process has made before, with its migrations, may be
/// there already: making tables is slow, emptying them is less so.
///
/// # Panics
/// When no CQL node answers.
pub async fn keyspace() -> Keyspace {
    lease(false).await
}

/// A keyspace without any table, which is dropped afterwards: for tests about the schema.
///
/// # Panics
/// When no CQL node answers.
pub async fn fresh_keyspace() -> Keyspace {
    lease(true).await
}

async fn lease(is_fresh: bool) -> Keyspace {
    match Clerk::of_this_process().keyspace(is_fresh).await {
        Ok((name, contact_points)) => Keyspace { name, contact_points, is_fresh },
        Err(error) => panic!("{error}: run the tests through `cargo rig test`"),
    }
}

/// A virtual host of the broker, empty, for one test. Dropping it deletes it with all that is in it, and closes its
/// connections.
#[derive(Debug)]
pub struct Vhost {
    name: String,
    broker: crate::servers::Broker,
}

impl Vhost {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where to connect, with user and password: `amqp://user:password@host:port/vhost`.
    #[must_use]
    pub fn uri(&self) -> String {
        let Login { user, password } = &self.broker.login;
        format!("amqp://{user}:{password}@{}/{}", self.broker.amqp, self.name)
    }

    /// The broker's management API.
    #[must_use]
    pub fn management(&self) -> crate::management::Management {
        self.broker.management()
    }
}

impl Drop for Vhost {
    fn drop(&mut self) {
        Clerk::of_this_process().delete(std::mem::take(&mut self.name));
    }
}

/// A virtual host of its own, on which the user may do everything.
///
/// # Panics
/// When the broker or its management API does not answer.
pub async fn vhost() -> Vhost {
    match Clerk::of_this_process().vhost().await {
        Ok((name, broker)) => Vhost { name, broker },
        Err(error) => panic!("{error}: run the tests through `cargo rig test`"),
    }
}
