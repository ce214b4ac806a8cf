//! Why servers could not be had.

use std::{io, net::SocketAddr, path::PathBuf, process::ExitStatus, time::Duration};

/// Why a server could not be started, found or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServersError {
    /// A file or folder could not be read or written.
    #[error("cannot use {}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A program could not be run at all.
    #[error("cannot run {program}")]
    Run {
        /// The program.
        program: String,
        /// Why not.
        source: io::Error,
    },
    /// A program that was to do something for us failed.
    #[error("{program} ended with {status}{printed}")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// What it printed, one indented line after another; empty if that was shown already.
        printed: String,
    },
    /// Something that is needed is not installed and cannot be installed from here.
    #[error("{what} is missing: {advice}")]
    Missing {
        /// What is missing.
        what: &'static str,
        /// What to do about it.
        advice: &'static str,
    },
    /// What the environment names is no address.
    #[error("{variable} names no address: {given:?}")]
    NoAddress {
        /// The variable.
        variable: &'static str,
        /// The part of it that is no address.
        given: String,
        /// Why not, if it had the form of one.
        source: Option<io::Error>,
    },
    /// What the environment gives as an offset of ports is none.
    #[error("{variable} is no number from 0 to {most}: {given:?}")]
    NoOffset {
        /// The variable.
        variable: &'static str,
        /// Its value.
        given: String,
        /// The highest one.
        most: u16,
    },
    /// Fewer CQL nodes are given or running than are wanted.
    #[error("{found} CQL node(s) {origin}, {wanted} are wanted{advice}")]
    TooFewNodes {
        /// How many there are.
        found: usize,
        /// Where they come from.
        origin: &'static str,
        /// How many are wanted.
        wanted: u8,
        /// What to do about it.
        advice: &'static str,
    },
    /// The CQL nodes that run are, or are not, behind proxies, other than wanted.
    #[error("the CQL nodes that run are {}behind proxies{advice}", if *is_proxied { "" } else { "not " })]
    Proxied {
        /// Whether those that run are.
        is_proxied: bool,
        /// What to do about it.
        advice: &'static str,
    },
    /// A server was to be hurt that does not run as a process of ours.
    #[error("{server} is no process of ours")]
    NotOurs {
        /// The server.
        server: String,
    },
    /// What was to be done to a server had no effect in time.
    #[error("{server}: {what} within {} s", limit.as_secs())]
    NoEffect {
        /// The server.
        server: String,
        /// What did not happen.
        what: &'static str,
        /// How long was waited.
        limit: Duration,
    },
    /// Another program listens where a server of ours should.
    #[error("another program listens on {0}")]
    Taken(SocketAddr),
    /// The server ended instead of answering.
    #[error("{server} ended before it answered{logged}")]
    Died {
        /// The server.
        server: String,
        /// The end of its log.
        logged: String,
    },
    /// The server did not answer in time.
    #[error("{server} did not answer within {} s{logged}", limit.as_secs())]
    Silent {
        /// The server.
        server: String,
        /// How long was waited.
        limit: Duration,
        /// The end of its log.
        logged: String,
    },
    /// A server did not end although it was killed.
    #[error("{server} did not end within {} s after it was killed", limit.as_secs())]
    Undead {
        /// The server.
        server: String,
        /// How long was waited.
        limit: Duration,
    },
    /// Work beside the runtime did not come to its end.
    #[error("a part of the work was given up")]
    GivenUp(#[from] tokio::task::JoinError),
}

impl ServersError {
    /// For `map_err`: this file could not be used.
    pub(super) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
