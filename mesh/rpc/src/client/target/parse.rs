//! Reads targets.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use super::{DnsName, Kind, ServicePort, TargetError};

const DNS_PORT: u16 = 53;

/// Names of Kubernetes are labels or domains of DNS, and no longer than those.
const LONGEST_NAME: usize = 253;

pub(super) fn target(text: &str) -> Result<Kind, TargetError> {
    if let Some(addresses) = text.strip_prefix("static:///") {
        return fixed(addresses).map(Kind::Static);
    }
    if let Some(rest) = text.strip_prefix("dns://") {
        return dns(rest).map(Kind::Dns);
    }
    if let Some(service) = text.strip_prefix("k8s:///") {
        let service = k8s(service).ok_or_else(|| TargetError::Service(service.to_owned()))?;
        if cfg!(feature = "k8s") {
            return Ok(Kind::K8s(service));
        }
        return Err(TargetError::NoKubernetes(text.to_owned()));
    }
    if let Some(path) = text.strip_prefix("file://") {
        return absolute(path).map(Kind::File);
    }
    if let Some(path) = text.strip_prefix("unix://") {
        return absolute(path).map(Kind::Unix);
    }
    Err(TargetError::Scheme(text.to_owned()))
}

fn fixed(addresses: &str) -> Result<Vec<SocketAddr>, TargetError> {
    let mut parsed = Vec::new();
    for address in addresses.split(',') {
        let address = address.trim();
        let address = address.parse().map_err(|_| TargetError::Address(address.to_owned()))?;
        if parsed.contains(&address) {
            return Err(TargetError::Twice(address));
        }
        parsed.push(address);
    }
    Ok(parsed)
}

fn dns(rest: &str) -> Result<DnsName, TargetError> {
    let (server, name) = rest.split_once('/').ok_or_else(|| TargetError::Name(rest.to_owned()))?;
    let server = if server.is_empty() {
        None
    } else {
        Some(name_server(server).ok_or_else(|| TargetError::NameServer(server.to_owned()))?)
    };
    let (host, port) = host(name).ok_or_else(|| TargetError::Name(name.to_owned()))?;
    Ok(DnsName { server, host, port })
}

fn name_server(text: &str) -> Option<SocketAddr> {
    let ip = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let with_default_port = |ip: IpAddr| SocketAddr::new(ip, DNS_PORT);
    text.parse().ok().or_else(|| ip.parse().ok().map(with_default_port))
}

fn host(name: &str) -> Option<(String, Option<u16>)> {
    // The name becomes the `:authority` of every call, so it must be one.
    let authority: http::uri::Authority = name.parse().ok()?;
    if is_service(name) {
        return Some((name.to_owned(), None));
    }
    let (host, port) = name.rsplit_once(':')?;
    let port = port.parse().ok()?;
    let whole = !host.is_empty() && !host.contains('@') && authority.host() == host;
    whole.then(|| (host.to_owned(), Some(port)))
}

/// `_service._protocol.domain`, the form of names that have SRV records (RFC 2782).
fn is_service(name: &str) -> bool {
    let mut labels = name.splitn(3, '.');
    let is_label = |label: Option<&str>| label.is_some_and(|label| label.len() > 1 && label.starts_with('_'));
    let domain = |rest: Option<&str>| rest.is_some_and(|rest| !rest.is_empty() && !rest.contains([':', '@']));
    is_label(labels.next()) && is_label(labels.next()) && domain(labels.next())
}

fn k8s(text: &str) -> Option<ServicePort> {
    let (namespace, rest) = text.split_once('/')?;
    let (service, port) = rest.split_once(':')?;
    let parts = [namespace, service, port];
    parts.into_iter().all(is_kubernetes_name).then(|| ServicePort {
        namespace: namespace.to_owned(),
        service: service.to_owned(),
        port: port.to_owned(),
    })
}

/// What may stand in a path of the API server as it is.
fn is_kubernetes_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(is_plain) && !name.starts_with('-')
}

fn absolute(path: &str) -> Result<PathBuf, TargetError> {
    let whole = path.len() > 1 && path.starts_with('/') && !path.contains('\0');
    if whole { Ok(PathBuf::from(path)) } else { Err(TargetError::Path(path.to_owned())) }
}
