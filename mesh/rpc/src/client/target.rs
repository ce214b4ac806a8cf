//! Whom a channel calls, in gRPC's own notation (grpc/doc/naming.md).

mod parse;

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

/// Whom a channel calls.
///
/// - `static:///127.0.0.1:50051,127.0.0.1:50052`: these addresses.
/// - `dns:///user.default.svc:50051`: all addresses of a name, asked for again when they may have changed.
///   `dns://10.0.0.2/user.default.svc:50051` asks a name server of its own.
/// - `dns:///_grpc._tcp.user.default.svc`: without a port, the hosts and ports that its SRV records name.
/// - `k8s:///default/user:grpc`: the pods of a Kubernetes service, by the name or the number of a port, as the API
///   server tells (with the feature `k8s`).
/// - `file:///etc/mesh/users`: the addresses that a file lists, IP:PORT, one a line; read again when it has changed.
/// - `unix:///run/user.sock`: a socket in the file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target(pub(super) Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Static(Vec<SocketAddr>),
    Dns(DnsName),
    K8s(ServicePort),
    File(PathBuf),
    Unix(PathBuf),
}

/// A name, and how it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DnsName {
    /// Who is asked; `None`: whom the system asks.
    pub(super) server: Option<SocketAddr>,
    pub(super) host: String,
    /// `None`: its SRV records say.
    pub(super) port: Option<u16>,
}

/// A port of a service in Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServicePort {
    pub(super) namespace: String,
    pub(super) service: String,
    /// Its name, or its number.
    pub(super) port: String,
}

/// Why a text is no target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// No known scheme.
    #[error(
        "{0:?} is no target: expected static:///IP:PORT,IP:PORT, dns:///HOST:PORT, dns:///_SERVICE._PROTOCOL.NAME, \
         k8s:///NAMESPACE/SERVICE:PORT, file:///PATH or unix:///PATH"
    )]
    Scheme(String),
    /// An address of a static target is none.
    #[error("{0:?} is no address: a static target lists IP:PORT, separated by commas; names need dns:///")]
    Address(String),
    /// The same address stands twice.
    #[error("{0} stands twice in a static target")]
    Twice(SocketAddr),
    /// A DNS target without a name or a port.
    #[error("{0:?} is no name with a port: expected HOST:PORT, or _SERVICE._PROTOCOL.NAME for SRV records")]
    Name(String),
    /// A DNS target whose name server is none.
    #[error("{0:?} is no name server: expected dns://IP/HOST:PORT or dns://IP:PORT/HOST:PORT")]
    NameServer(String),
    /// A Kubernetes target that is none.
    #[error(
        "{0:?} is no port of a service: expected k8s:///NAMESPACE/SERVICE:PORT, a port by its name or number"
    )]
    Service(String),
    /// A Kubernetes target in a build without Kubernetes.
    #[error("{0:?} needs the feature `k8s`, without which this program was built")]
    NoKubernetes(String),
    /// A path that is none.
    #[error("{0:?} is no path of a file: expected it after three slashes, as in file:///etc/mesh/users")]
    Path(String),
}

impl Target {
    /// The target of fixed addresses. It has no endpoint, and every call fails, when there are none.
    pub fn fixed(addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        let mut distinct = Vec::new();
        for address in addresses {
            if !distinct.contains(&address) {
                distinct.push(address);
            }
        }
        Self(Kind::Static(distinct))
    }

    /// The name that was asked for, if there is one, as the `:authority` of calls: certificates and virtual hosts go
    /// by it.
    pub(super) fn authority(&self) -> Option<String> {
        match &self.0 {
            Kind::Static(_) | Kind::File(_) => None,
            Kind::Dns(DnsName { host, port: Some(port), .. }) => Some(format!("{host}:{port}")),
            Kind::Dns(DnsName { host, port: None, .. }) => {
                // The domain of `_service._protocol.domain`.
                Some(host.splitn(3, '.').last().unwrap_or(host).to_owned())
            }
            Kind::K8s(ServicePort { namespace, service, .. }) => Some(format!("{service}.{namespace}.svc")),
            // As in gRPC (grpc/doc/naming.md says nothing; all implementations do it).
            Kind::Unix(_) => Some("localhost".to_owned()),
        }
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        parse::target(text).map(Self)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Static(addresses) => {
                f.write_str("static:///")?;
                for (index, address) in addresses.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(f, "{comma}{address}")?;
                }
                Ok(())
            }
            Kind::Dns(DnsName { server, host, port }) => {
                f.write_str("dns://")?;
                server.iter().try_for_each(|server| server.fmt(f))?;
                write!(f, "/{host}")?;
                port.iter().try_for_each(|port| write!(f, ":{port}"))
            }
            Kind::K8s(ServicePort { namespace, service, port }) => {
                write!(f, "k8s:///{namespace}/{service}:{port}")
            }
            Kind::File(path) => write!(f, "file://{}", path.display()),
            Kind::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests;
