//! Where a collector is.

use std::{fmt, str::FromStr};

use http::uri::{Authority, PathAndQuery, Uri};

/// Where a collector is: `http://127.0.0.1:4318`, perhaps with a path below which it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    authority: Authority,
    /// Without a slash at its end.
    path: String,
}

/// A text that names no collector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no collector: expected http://HOST:PORT")]
pub struct InvalidEndpoint(String);

impl Endpoint {
    /// Host and port, for a connection.
    pub(super) fn address(&self) -> (&str, u16) {
        let host = self.authority.host();
        // As an address IPv6 has no brackets.
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        (host, self.authority.port_u16().unwrap_or(80))
    }

    /// What the header `host` says.
    pub(super) fn host(&self) -> &str {
        self.authority.as_str()
    }

    /// The path of a kind of report: `/v1/traces`.
    pub(super) fn path(&self, report: &str) -> String {
        format!("{}{report}", self.path)
    }
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        let invalid = || InvalidEndpoint(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| invalid())?;
        let parts = uri.into_parts();
        if parts.scheme.as_ref().map(http::uri::Scheme::as_str) != Some("http") {
            return Err(invalid());
        }
        let authority = parts.authority.filter(|authority| !authority.as_str().contains('@'));
        let path = parts.path_and_query.as_ref().map_or("", PathAndQuery::as_str);
        if path.contains('?') {
            return Err(invalid());
        }
        let path = path.trim_end_matches('/').to_owned();
        Ok(Self { authority: authority.ok_or_else(invalid)?, path })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_where_a_collector_is() {
        let cases = [
            ("http://127.0.0.1:4318", "127.0.0.1", 4318, "/v1/traces"),
            ("http://[::1]:4318/", "::1", 4318, "/v1/traces"),
            ("http://collector/otlp/", "collector", 80, "/otlp/v1/traces"),
        ];
        for (text, host, port, path) in cases {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!((endpoint.address(), endpoint.path("/v1/traces").as_str()), ((host, port), path));
            assert_eq!(endpoint.to_string(), text.trim_end_matches('/'));
        }
        for wrong in ["", "127.0.0.1:4318", "https://c:4318", "http://", "http://a@b", "http://a/?b", "/v1"] {
            assert!(wrong.parse::<Endpoint>().is_err(), "{wrong}");
        }
    }
}
