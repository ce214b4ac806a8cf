//! Where servers of one kind come from.

use std::{
    env,
    net::{SocketAddr, ToSocketAddrs as _},
};

use super::{error::ServersError, wanted::Kind};

/// Where the servers of one kind come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Given in the environment, and none of our business.
    Given(Vec<SocketAddr>),
    /// Docker's images.
    Docker,
    /// Cassandra's jars, Debian's packages.
    Packages,
}

/// The variable that gives the addresses of a kind.
pub(super) fn variable(kind: Kind) -> &'static str {
    match kind {
        Kind::Cql => "MESH_RIG_CQL",
        Kind::Rabbitmq => "MESH_RIG_AMQP",
    }
}

/// The addresses that the environment gives for a kind.
pub(super) fn given(kind: Kind) -> Result<Vec<SocketAddr>, ServersError> {
    let variable = variable(kind);
    addresses(variable, &env::var(variable).unwrap_or_default())
}

/// The order of discovery. What runs from packages already is kept, whatever else there is by now.
pub(super) fn choose(given: Vec<SocketAddr>, runs_here: bool, has_docker: impl FnOnce() -> bool) -> Source {
    if !given.is_empty() {
        Source::Given(given)
    } else if !runs_here && has_docker() {
        Source::Docker
    } else {
        Source::Packages
    }
}

/// The addresses in a list with commas; a name stands for the first address that it resolves to.
pub(super) fn addresses(variable: &'static str, list: &str) -> Result<Vec<SocketAddr>, ServersError> {
    let words = list.split(',').map(str::trim).filter(|word| !word.is_empty());
    words
        .map(|word| {
            let no_address = |source| ServersError::NoAddress { variable, given: word.to_owned(), source };
            let mut found = word.to_socket_addrs().map_err(|error| no_address(Some(error)))?;
            found.next().ok_or_else(|| no_address(None))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one() -> Vec<SocketAddr> {
        vec![SocketAddr::from(([10, 0, 0, 1], 9042))]
    }

    #[test]
    fn an_address_in_the_environment_comes_first_and_docker_is_not_even_asked() {
        let asked = || -> bool { panic!("docker was asked") };
        assert_eq!(choose(one(), true, asked), Source::Given(one()));
        assert_eq!(choose(one(), false, asked), Source::Given(one()));
    }

    #[test]
    fn docker_comes_before_packages_unless_they_run_already() {
        assert_eq!(choose(vec![], false, || true), Source::Docker);
        assert_eq!(choose(vec![], false, || false), Source::Packages);
        assert_eq!(choose(vec![], true, || true), Source::Packages);
    }

    #[test]
    fn addresses_are_separated_by_commas() {
        let read = |list| addresses("X", list).unwrap();
        assert_eq!(read(" 10.0.0.1:9042 ,"), one());
        assert_eq!(read("127.0.0.1:1,[::1]:2").len(), 2);
        assert!(read("").is_empty());
    }

    #[test]
    fn what_is_no_address_is_named() {
        let error = addresses("MESH_RIG_CQL", "10.0.0.1:9042,here").unwrap_err();
        assert_eq!(error.to_string(), "MESH_RIG_CQL names no address: \"here\"");
    }
}
