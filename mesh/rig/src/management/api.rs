//! What the API is asked for.

use std::{io, net::SocketAddr, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::http::{Response, ask};

/// How often a read is sent that is answered with 500, and how long apart.
const READ_ATTEMPTS: u32 = 10;
const READ_AGAIN: Duration = Duration::from_millis(100);

/// The management API of one broker, as one user.
#[derive(Clone)]
pub struct Management {
    address: SocketAddr,
    user: String,
    authorization: String,
}

impl std::fmt::Debug for Management {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Management").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Why the API could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManagementError {
    /// No whole answer came. It may have been done.
    #[error("{method} {path} was not answered")]
    Unanswered {
        /// The method.
        method: &'static str,
        /// The path.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// It was refused.
    #[error("{method} {path} was answered with {status}: {body}")]
    Refused {
        /// The method.
        method: &'static str,
        /// The path.
        path: String,
        /// The status of HTTP.
        status: u16,
        /// What the broker says about it.
        body: String,
    },
    /// The answer is not what it should be.
    #[error("the answer to {path} cannot be read")]
    Unreadable {
        /// The path.
        path: String,
        /// Why not.
        source: serde_json::Error,
    },
}

/// What leads messages from an exchange into a queue or into another exchange.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Binding {
    /// The exchange that messages come from; empty for the default one, whose bindings cannot be deleted.
    pub source: String,
    /// The virtual host.
    pub vhost: String,
    /// The queue or exchange that they go to.
    pub destination: String,
    /// `queue` or `exchange`.
    pub destination_type: String,
    /// Which messages.
    pub routing_key: String,
    /// More conditions.
    pub arguments: serde_json::Map<String, Value>,
    /// What names it between these two.
    pub properties_key: String,
}

impl Management {
    /// The API at this address; nothing is sent yet.
    #[must_use]
    pub fn new(address: SocketAddr, user: &str, password: &str) -> Self {
        let authorization = format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")));
        Self { address, user: user.to_owned(), authorization }
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes a virtual host unless it is there, on which this user may do everything.
    ///
    /// # Errors
    /// [`ManagementError`].
    pub async fn create_vhost(&self, name: &str) -> Result<(), ManagementError> {
        let (vhost, user) = (encoded(name), encoded(&self.user));
        self.send("PUT", &format!("/api/vhosts/{vhost}"), &Value::Null).await?;
        let all = json!({ "configure": ".*", "write": ".*", "read": ".*" });
        self.send("PUT", &format!("/api/permissions/{vhost}/{user}"), &all).await.map(drop)
    }

    /// Deletes a virtual host with everything in it. That there is none is fine.
    ///
    /// # Errors
    /// [`ManagementError`].
    pub async fn delete_vhost(&self, name: &str) -> Result<(), ManagementError> {
        missing_is_fine(self.send("DELETE", &format!("/api/vhosts/{}", encoded(name)), &Value::Null).await)
    }

    /// The names of all virtual hosts.
    ///
    /// # Errors
    /// [`ManagementError`].
    pub async fn vhosts(&self) -> Result<Vec<String>, ManagementError> {
        #[derive(Deserialize)]
        struct Vhost {
            name: String,
        }
        let found: Vec<Vhost> = self.get("/api/vhosts?columns=name").await?;
        Ok(found.into_iter().map(|vhost| vhost.name).collect())
    }

    /// Whether any node has too little memory, so that nobody can publish.
    ///
    /// # Errors
    /// [`ManagementError`].
    pub async fn has_memory_alarm(&self) -> Result<bool, ManagementError> {
        #[derive(Deserialize)]
        struct Node {
            #[serde(default)]
            mem_alarm: bool,
        }
        let nodes: Vec<Node> = self.get("/api/nodes?columns=mem_alarm").await?;
        Ok(nodes.iter().any(|node| node.mem_alarm))
    }

    /// Every binding of a virtual host, except for those of the default exchange.
    ///
    /// # Errors
    /// [`ManagementError`].
    pub async fn bindings(&self, vhost: &str) -> Result<Vec<Binding>, ManagementError> {
        let mut found: Vec<Binding> = self.get(&format!("/api/bindings/{}", encoded(vhost))).await?;
        found.retain(|binding| !binding.source.is_empty());
        Ok(found)
    }

    /// The names of a virtual host's queues that survive their connections.
    ///
    /// # Errors
    /// [`ManagementError`].
    pub async fn durable_queues(&self, vhost: &str) -> Result<Vec<String>, ManagementError> {
        #[derive(Deserialize)]
        struct Queue {
            name: String,
            durable: bool,
        }
        let path = format!("/api/queues/{}?columns=name,durable", encoded(vhost));
        let found: Vec<Queue> = self.get(&path).await?;
        Ok(found.into_iter().filter(|queue| queue.durable).map(|queue| queue.name).collect())
    }

    /// Deletes a binding: what it led into a queue is returned to its sender, or lost. That there is none is fine.
    ///
    /// # Errors
    /// [`ManagementError`].
    pub async fn delete_binding(&self, binding: &Binding) -> Result<(), ManagementError> {
        let path = format!("{}/{}", between(binding), encoded(&binding.properties_key));
        missing_is_fine(self.send("DELETE", &path, &Value::Null).await)
    }

    /// Makes a binding as it was. That it is there is fine.
    ///
    /// # Errors
    /// [`ManagementError`].
    pub async fn create_binding(&self, binding: &Binding) -> Result<(), ManagementError> {
        let body = json!({ "routing_key": binding.routing_key, "arguments": binding.arguments });
        self.send("POST", &between(binding), &body).await.map(drop)
    }

    /// Reads something that this type has no method for: a path that begins with `/api/`, with its names
    /// percent-encoded.
    ///
    /// # Errors
    /// [`ManagementError`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ManagementError> {
        let mut attempt = 1;
        let body = loop {
            match self.send("GET", path, &Value::Null).await {
                Ok(Response { body, .. }) => break body,
                // A list is answered so while something in it is being deleted.
                Err(ManagementError::Refused { status: 500, .. }) if attempt < READ_ATTEMPTS => {
                    attempt += 1;
                    sleep(READ_AGAIN).await;
                }
                Err(error) => return Err(error),
            }
        };
        let unreadable = |source| ManagementError::Unreadable { path: path.to_owned(), source };
        serde_json::from_slice(&body).map_err(unreadable)
    }

    /// Does something that this type has no method for; a body that is null is not sent.
    ///
    /// # Errors
    /// [`ManagementError`].
    pub async fn change(
        &self,
        method: &'static str,
        path: &str,
        body: &Value,
    ) -> Result<(), ManagementError> {
        self.send(method, path, body).await.map(drop)
    }

    async fn send(
        &self,
        method: &'static str,
        path: &str,
        body: &Value,
    ) -> Result<Response, ManagementError> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = ask(self.address, &self.authorization, method, path, body.as_bytes()).await;
        let path = path.to_owned();
        let answer =
            answer.map_err(|source| ManagementError::Unanswered { method, path: path.clone(), source })?;
        if (200..300).contains(&answer.status) {
            return Ok(answer);
        }
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        Err(ManagementError::Refused { method, path, status: answer.status, body })
    }
}

fn missing_is_fine(sent: Result<Response, ManagementError>) -> Result<(), ManagementError> {
    match sent {
        Ok(_) | Err(ManagementError::Refused { status: 404, .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The path of the bindings between two.
fn between(binding: &Binding) -> String {
    let kind = if binding.destination_type == "exchange" { 'e' } else { 'q' };
    let [vhost, source, destination] =
        [&binding.vhost, &binding.source, &binding.destination].map(|name| encoded(name));
    format!("/api/bindings/{vhost}/e/{source}/{kind}/{destination}")
}

/// A name as a part of a path.
fn encoded(name: &str) -> String {
    let mut path = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_part_of_a_path() {
        assert_eq!(encoded("q.user-created~1_"), "q.user-created~1_");
        assert_eq!(encoded("/ ü#%"), "%2F%20%C3%BC%23%25");
    }

    #[test]
    fn the_password_is_not_shown() {
        let management = Management::new(SocketAddr::from(([127, 0, 0, 1], 15672)), "ada", "secret");
        assert_eq!(format!("{management:?}"), "Management { address: 127.0.0.1:15672, .. }");
        assert_eq!(management.authorization, "Basic YWRhOnNlY3JldA==");
    }
}
