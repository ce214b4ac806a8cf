//! The names of encodings in headers.

use http::{HeaderMap, HeaderName, HeaderValue};

/// What a message can be compressed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// RFC 1952. Every implementation of gRPC knows it.
    Gzip,
    /// RFC 8878. Smaller in less time, where both ends know it.
    Zstd,
}

pub(crate) const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
pub(crate) const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// All that this process understands.
pub(crate) const ACCEPTED: HeaderValue = HeaderValue::from_static("zstd,gzip,identity");

impl Encoding {
    const fn other(self) -> Self {
        match self {
            Self::Gzip => Self::Zstd,
            Self::Zstd => Self::Gzip,
        }
    }

    /// The one of this name.
    pub(super) fn of(name: &HeaderValue) -> Option<Self> {
        match name.as_bytes() {
            b"gzip" => Some(Self::Gzip),
            b"zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Its name in `grpc-encoding` and `grpc-accept-encoding`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    pub(crate) const fn header(self) -> HeaderValue {
        HeaderValue::from_static(self.name())
    }
}

/// What a `grpc-encoding` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// Nothing: messages come as they are.
    Identity,
    Known(Encoding),
    Unknown(HeaderValue),
}

/// Takes `grpc-encoding` out of headers: tonic's codecs, which get messages as they were before they were
/// compressed, would refuse it.
pub(crate) fn named(headers: &mut HeaderMap) -> Named {
    let Some(name) = headers.remove(GRPC_ENCODING) else { return Named::Identity };
    match Encoding::of(&name) {
        Some(encoding) => Named::Known(encoding),
        None if name == "identity" => Named::Identity,
        None => Named::Unknown(name),
    }
}

/// What the other end accepts of `wanted` and the other encoding, in this order.
pub(crate) fn accepted(headers: &HeaderMap, wanted: Encoding) -> Option<Encoding> {
    let accepts = |encoding: Encoding| {
        headers.get_all(GRPC_ACCEPT_ENCODING).iter().any(|value| {
            value
                .as_bytes()
                .split(|byte| *byte == b',')
                .any(|name| name.trim_ascii() == encoding.name().as_bytes())
        })
    };
    [wanted, wanted.other()].into_iter().find(|encoding| accepts(*encoding))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name.clone(), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn the_name_of_an_encoding_is_taken_out() {
        for (name, expected) in [
            ("identity", Named::Identity),
            ("gzip", Named::Known(Encoding::Gzip)),
            ("zstd", Named::Known(Encoding::Zstd)),
            ("br", Named::Unknown(HeaderValue::from_static("br"))),
            ("", Named::Unknown(HeaderValue::from_static(""))),
        ] {
            let mut headers = headers(GRPC_ENCODING, &[name]);
            assert_eq!(named(&mut headers), expected);
            assert!(headers.is_empty());
        }
        assert_eq!(named(&mut HeaderMap::new()), Named::Identity);
    }

    #[test]
    fn what_is_wanted_is_used_if_it_is_accepted_and_else_the_other() {
        let of = |values: &[&str], wanted| accepted(&headers(GRPC_ACCEPT_ENCODING, values), wanted);
        assert_eq!(of(&["identity,gzip, zstd"], Encoding::Zstd), Some(Encoding::Zstd));
        assert_eq!(of(&["identity, gzip"], Encoding::Zstd), Some(Encoding::Gzip));
        assert_eq!(of(&["deflate", "zstd"], Encoding::Gzip), Some(Encoding::Zstd));
        assert_eq!(of(&["identity", "gzipped"], Encoding::Gzip), None);
        assert_eq!(of(&[], Encoding::Gzip), None);
    }
}
