//! Whom a channel calls, in gRPC's own notation (grpc/doc/naming.md).

use std::{fmt, net::SocketAddr, str::FromStr};

/// Whom a channel calls.
///
/// - `static:///127.0.0.1:50051,127.0.0.1:50052`: these addresses.
/// - `dns:///user.default.svc:50051`: all addresses of a name, asked again from time to time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target(pub(super) Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Static(Vec<SocketAddr>),
    Dns { host: String, port: u16 },
}

/// Why a text is no target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// No known scheme.
    #[error("{0:?} is no target: expected static:///IP:PORT,IP:PORT or dns:///HOST:PORT")]
    Scheme(String),
    /// An address of a static target is none.
    #[error("{0:?} is no address: a static target lists IP:PORT, separated by commas; names need dns:///")]
    Address(String),
    /// The same address stands twice.
    #[error("{0} stands twice in a static target")]
    Twice(SocketAddr),
    /// A DNS target without a name or a port.
    #[error("{0:?} is no name with a port: expected dns:///HOST:PORT")]
    Name(String),
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
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        if let Some(addresses) = text.strip_prefix("static:///") {
            return parse_static(addresses).map(Kind::Static).map(Self);
        }
        if let Some(name) = text.strip_prefix("dns:///") {
            return parse_dns(name).map(Self).ok_or_else(|| TargetError::Name(name.to_owned()));
        }
        Err(TargetError::Scheme(text.to_owned()))
    }
}

fn parse_static(addresses: &str) -> Result<Vec<SocketAddr>, TargetError> {
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

fn parse_dns(name: &str) -> Option<Kind> {
    let (host, port) = name.rsplit_once(':')?;
    let port = port.parse().ok()?;
    // The name becomes the `:authority` of every call, so it must be one.
    let authority: http::uri::Authority = name.parse().ok()?;
    let whole = !host.is_empty() && !host.contains('@') && authority.host() == host;
    whole.then(|| Kind::Dns { host: host.to_owned(), port })
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
            Kind::Dns { host, port } => write!(f, "dns:///{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for text in [
            "static:///127.0.0.1:1",
            "static:///127.0.0.1:1,[::1]:2",
            "dns:///user.default.svc:50051",
            "dns:///localhost:1",
        ] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let error = |text: &str| text.parse::<Target>().unwrap_err().to_string();
        assert_eq!(
            error("127.0.0.1:1"),
            r#""127.0.0.1:1" is no target: expected static:///IP:PORT,IP:PORT or dns:///HOST:PORT"#
        );
        assert_eq!(
            error("static:///localhost:1"),
            r#""localhost:1" is no address: a static target lists IP:PORT, separated by commas; names need dns:///"#
        );
        assert_eq!(error("static:///127.0.0.1:1,127.0.0.1:1"), "127.0.0.1:1 stands twice in a static target");
        for wrong in
            ["dns:///user", "dns:///:1", "dns:///user:", "dns:///user:99999", "dns:///a b:1", "dns:///a@b:1"]
        {
            assert!(matches!(wrong.parse::<Target>(), Err(TargetError::Name(_))), "{wrong}");
        }
        assert!(matches!("static:///".parse::<Target>(), Err(TargetError::Address(_))));
    }
}
