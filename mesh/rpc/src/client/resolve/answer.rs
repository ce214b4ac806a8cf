//! What becomes of a question for a name.

use std::{io, time::Duration};

use crate::client::address::Address;

/// The endpoints that a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::client) struct Answer {
    pub(in crate::client) endpoints: Vec<Address>,
    /// For how long that holds, if anybody says.
    pub(in crate::client) ttl: Option<Duration>,
}

/// Why nobody knows the endpoints of a name.
#[derive(Debug, thiserror::Error)]
pub(in crate::client) enum Unresolved {
    /// NXDOMAIN, or SRV records that say that there is no such service.
    #[error("the name does not exist")]
    NoSuchName,
    /// NODATA: the name exists.
    #[error("the name has no {0} records")]
    NoRecords(&'static str),
    /// SERVFAIL, REFUSED and others: nothing is known of the name.
    #[error("the name server cannot tell: {0}")]
    ServerFailed(String),
    #[error("no name server answers: {0}")]
    NoAnswer(String),
    #[error("this network has no name servers, and so neither SRV records nor name servers to choose")]
    NoNameServers,
    #[error(transparent)]
    Network(#[from] io::Error),
}
