//! The network of the operating system: TCP, sockets in the file system, and names by DNS.

use futures_util::future::BoxFuture;

use super::{
    address::Address,
    dial::{Dial, Opened, open, open_first},
    resolve::{Answer, Unresolved, dns},
    target::DnsName,
};
use crate::{
    network::{Connector as _, Tcp},
    wire::ClientSettings,
};

static TCP: Tcp = Tcp;

/// What a channel uses whose builder was given no other network.
#[derive(Clone, Copy, Debug)]
pub(super) struct System;

impl Dial for System {
    fn resolve<'a>(&'a self, name: &'a DnsName) -> BoxFuture<'a, Result<Answer, Unresolved>> {
        Box::pin(dns::ask(name))
    }

    fn open<'a>(
        &'a self,
        address: &'a Address,
        settings: &'a ClientSettings,
    ) -> BoxFuture<'a, Result<Opened, String>> {
        match address {
            Address::Ip(address) => Box::pin(open(TCP.connect(*address), settings)),
            Address::Several(addresses) => {
                Box::pin(open_first(addresses, |address| TCP.connect(address), settings))
            }
            #[cfg(unix)]
            Address::Unix(path) => Box::pin(open(tokio::net::UnixStream::connect(path), settings)),
            #[cfg(not(unix))]
            Address::Unix(_) => Box::pin(async { Err("this system has no unix sockets".to_owned()) }),
        }
    }
}
