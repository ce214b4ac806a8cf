//! Where the cluster is, and what of it is ours.

use crate::config::{Secret, Section};

/// Where the cluster is, and what of it is ours.
///
/// Connections are not encrypted: the driver's TLS comes with a build of aws-lc, which this tree does without. Where
/// the network between a service and its nodes is not trusted, encrypt it below (WireGuard, or a CNI that does).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CqlConfig {
    /// Nodes to begin with, `host:port` each; the others are found through them.
    pub contact_points: Vec<String>,
    /// The keyspace; made if it is missing. Each service has one of its own.
    pub keyspace: String,
    /// The data center whose nodes are asked, and whose quorum decides. `None`: whichever nodes there are, which
    /// suits a cluster with one data center only.
    pub datacenter: Option<String>,
    /// The rack whose nodes are asked first. Needs `datacenter`.
    pub rack: Option<String>,
    /// Copies of each row in a keyspace that is made here; one that exists is left as it is.
    pub replication_factor: u8,
    /// The name to log in with.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// Among whom conditional writes are decided.
    pub serial: SerialScope,
}

/// Among whom conditional writes are decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SerialScope {
    /// All replicas (`SERIAL`): right also when two data centers write.
    #[default]
    Global,
    /// The replicas of one data center (`LOCAL_SERIAL`): faster across regions, and wrong unless only one of them
    /// ever writes.
    Local,
}

impl CqlConfig {
    /// A cluster without a password, one copy of each row: for tests.
    #[must_use]
    pub fn plain(contact_points: Vec<String>, keyspace: &str) -> Self {
        Self {
            contact_points,
            keyspace: keyspace.to_owned(),
            datacenter: None,
            rack: None,
            replication_factor: 1,
            user: None,
            password: None,
            serial: SerialScope::Global,
        }
    }

    /// Reads the settings from a section; `keyspace` is the default name of the service's keyspace.
    pub fn read(section: &mut Section<'_>, keyspace: &str) -> Self {
        let contact_points = section.get_if(
            "contact_points",
            "127.0.0.1:9042".to_owned(),
            |list: &String| !words(list).is_empty(),
            "addresses like 10.0.0.1:9042,10.0.0.2:9042",
            "Nodes of the cluster to begin with",
        );
        let keyspace = section.get_if(
            "keyspace",
            keyspace.to_owned(),
            |name: &String| is_name(name),
            "at most 48 letters, digits and underscores",
            "The keyspace; made if it is missing",
        );
        let datacenter = section.optional("datacenter", "a name", "The data center whose nodes are asked");
        let rack = section.optional("rack", "a name", "The rack whose nodes are asked first");
        if rack.is_some() && datacenter.is_none() {
            section.reject("rack", "expected a datacenter with it");
        }
        let replication_factor = section.integer(
            "replication_factor",
            3_u8,
            1..=9,
            "Copies of each row in a keyspace that is made here",
        );
        let user = section.optional("user", "a name", "The name to log in with");
        let password = section.secret("password", "The password of that name");
        if user.is_some() != password.is_some() {
            section.reject("user", "expected user and password together, or neither");
        }
        let serial = section.choice(
            "serial",
            SerialScope::Global,
            &[("global", SerialScope::Global), ("local", SerialScope::Local)],
            "Among whom conditional writes are decided: all replicas, or those of one data center",
        );
        Self {
            contact_points: words(&contact_points),
            keyspace,
            datacenter,
            rack,
            replication_factor,
            user,
            password,
            serial,
        }
    }
}

fn words(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Whether a keyspace can have this name without quotes; what passes cannot break out of a statement.
pub(super) fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.len() <= 48 && bytes.next().is_some_and(|byte| byte.is_ascii_lowercase()) && bytes.all(is_word)
}
