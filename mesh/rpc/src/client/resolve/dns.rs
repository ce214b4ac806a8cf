//! Names by DNS: a stub resolver (`hickory-resolver`) instead of the system's `getaddrinfo`, which says nothing of
//! TTLs, knows no SRV records, and takes a thread for every question.
//!
//! It asks whom `/etc/resolv.conf` names, with its search list and options, after `/etc/hosts`; both are read anew for
//! each question, and there are few. It does not go by `/etc/nsswitch.conf`. `localhost` is the loopback, whatever name
//! servers say (RFC 6761).
//!
//! Each address of a name is an endpoint of its own: DNS does not say which of them lead to one server. Only a name
//! with one address of each family is taken for one dual-stack host. What an SRV record points to is one host, with all
//! addresses that it has. Of SRV records those with the lowest priority are used (RFC 2782), weights are not yet.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use hickory_resolver::{
    Hosts, TokioResolver,
    config::{
        ConnectionConfig, LookupIpStrategy, NameServerConfig, ProtocolConfig, ResolverConfig, ResolverOpts,
    },
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::{
        op::ResponseCode,
        rr::{RData, rdata::SRV},
    },
};

use super::{Answer, Unresolved};
use crate::client::{address::Address, target::DnsName};

/// How many hosts of SRV records are asked for at once, and how many in all.
const HOSTS_AT_ONCE: usize = 16;
const MOST_HOSTS: usize = 1_000;

/// The endpoints of `name`.
///
/// # Errors
/// [`Unresolved`].
pub(in crate::client) async fn ask(name: &DnsName) -> Result<Answer, Unresolved> {
    let resolver = match name.server {
        None => tokio::task::spawn_blocking(of_system).await.map_err(io::Error::other)?,
        Some(server) => of_server(server),
    }?;
    match name.port {
        Some(port) => {
            let (addresses, ttl) = addresses(&resolver, &name.host, port).await?;
            Ok(Answer { endpoints: endpoints(addresses), ttl })
        }
        None => services(&resolver, &name.host).await,
    }
}

/// Reads files.
fn of_system() -> Result<TokioResolver, Unresolved> {
    // Without a file that names servers there are the names of the hosts file, and `localhost`.
    let builder = TokioResolver::builder_tokio().unwrap_or_else(|error| {
        tracing::debug!(%error, "the system names no name server");
        let config = ResolverConfig::from_parts(None, Vec::new(), Vec::new());
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
    });
    build(builder)
}

fn of_server(server: SocketAddr) -> Result<TokioResolver, Unresolved> {
    let connections = [ProtocolConfig::Udp, ProtocolConfig::Tcp].map(|protocol| {
        let mut connection = ConnectionConfig::new(protocol);
        connection.port = server.port();
        connection
    });
    let server = NameServerConfig::new(server.ip(), true, connections.to_vec());
    let config = ResolverConfig::from_name_servers(vec![server]);
    let mut resolver = build(TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()))?;
    // What is asked of one server is not answered by a file.
    resolver.set_hosts(Hosts::default().into());
    Ok(resolver)
}

fn build(
    mut builder: hickory_resolver::ResolverBuilder<TokioRuntimeProvider>,
) -> Result<TokioResolver, Unresolved> {
    let options: &mut ResolverOpts = builder.options_mut();
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    // Whoever asks again wants to know what is true now.
    options.cache_size = 0;
    builder.build().map_err(|error| unresolved(&error, "A or AAAA"))
}

/// The addresses of a host, in order, and for how long they hold.
async fn addresses(
    resolver: &TokioResolver,
    host: &str,
    port: u16,
) -> Result<(Vec<SocketAddr>, Option<Duration>), Unresolved> {
    let found = resolver.lookup_ip(host).await.map_err(|error| unresolved(&error, "A or AAAA"))?;
    let mut addresses: Vec<_> = found.iter().map(|ip: IpAddr| SocketAddr::new(ip, port)).collect();
    // Name servers turn them round and round.
    addresses.sort_unstable();
    addresses.dedup();
    let ttl = found.as_lookup().answers().iter().map(|record| record.ttl).min();
    Ok((addresses, ttl.map(|seconds| Duration::from_secs(seconds.into()))))
}

/// One endpoint for each address, unless they are the two of a dual-stack host.
fn endpoints(addresses: Vec<SocketAddr>) -> Vec<Address> {
    match addresses[..] {
        [one, other] if one.is_ipv4() != other.is_ipv4() => {
            Address::of_one_server(addresses).into_iter().collect()
        }
        _ => addresses.into_iter().map(Address::Ip).collect(),
    }
}

/// The hosts that the SRV records of `name` point to.
async fn services(resolver: &TokioResolver, name: &str) -> Result<Answer, Unresolved> {
    let found = resolver.srv_lookup(name).await.map_err(|error| unresolved(&error, "SRV"))?;
    let mut ttl = found.answers().iter().map(|record| record.ttl).min();
    let records = found.answers().iter().filter_map(|record| match &record.data {
        RData::SRV(service) => Some(service),
        _ => None,
    });
    let hosts = foremost(records.collect())?;
    let hosts: Vec<_> = hosts.iter().map(|service| (service.target.to_utf8(), service.port)).collect();
    let asked = hosts.into_iter().map(|(host, port)| async move { addresses(resolver, &host, port).await });
    let mut answers = stream::iter(asked).buffer_unordered(HOSTS_AT_ONCE);
    let (mut endpoints, mut failure) = (Vec::new(), None);
    while let Some(answer) = answers.next().await {
        match answer {
            Ok((addresses, of_host)) => {
                ttl = ttl.into_iter().chain(of_host.and_then(|ttl| u32::try_from(ttl.as_secs()).ok())).min();
                endpoints.extend(Address::of_one_server(addresses));
            }
            Err(error) => failure = Some(error),
        }
    }
    match failure {
        // A host that is not there is no endpoint; but without any, that is why.
        Some(error) if endpoints.is_empty() => Err(error),
        _ => {
            endpoints.sort_unstable_by_key(Address::key);
            Ok(Answer { endpoints, ttl: ttl.map(|seconds| Duration::from_secs(seconds.into())) })
        }
    }
}

/// Those with the lowest priority.
fn foremost(mut records: Vec<&SRV>) -> Result<Vec<&SRV>, Unresolved> {
    // "A Target of "." means that the service is decidedly not available at this domain."
    records.retain(|service| !service.target.is_root());
    let Some(first) = records.iter().map(|service| service.priority).min() else {
        return Err(Unresolved::NoSuchName);
    };
    records.retain(|service| service.priority == first);
    records.truncate(MOST_HOSTS);
    Ok(records)
}

fn unresolved(error: &NetError, records: &'static str) -> Unresolved {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(found)) => match found.response_code {
            ResponseCode::NXDomain => Unresolved::NoSuchName,
            ResponseCode::NoError => Unresolved::NoRecords(records),
            code => Unresolved::ServerFailed(code.to_string()),
        },
        NetError::Dns(DnsError::ResponseCode(code)) => Unresolved::ServerFailed(code.to_string()),
        error => Unresolved::NoAnswer(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
