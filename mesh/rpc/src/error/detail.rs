//! What each error tells of itself.

use std::collections::HashMap;

use super::MeshError;
use crate::criticality;

impl MeshError {
    /// `ErrorInfo.metadata`, the decision: for every error the layer that made it and whether to ask again; then what
    /// it was made about.
    pub(super) fn metadata(&self) -> HashMap<String, String> {
        let mut metadata = HashMap::with_capacity(8);
        let mut put = |key: &str, value: String| _ = metadata.insert(key.to_owned(), value);
        put("layer", self.layer().to_owned());
        put("retry", self.advice().name().to_owned());
        match self {
            Self::UnknownService { service } | Self::UnknownHealth { service } => {
                put("service", service.clone())
            }
            Self::DeadlineExceeded { side, spent } => {
                put("side", side.name().to_owned());
                spent.tell(put);
            }
            Self::NoEndpoint { target, .. }
            | Self::NotReady { target, .. }
            | Self::BreakerOpen { target }
            | Self::NotServing { target }
            | Self::ClientThrottled { target } => {
                put("target", target.clone());
            }
            Self::QueueFull { limit } | Self::TargetFull { limit } => put("limit", limit.to_string()),
            Self::ConnectFailed { endpoint, .. }
            | Self::ConnectionLost { endpoint, .. }
            | Self::GoneAway { endpoint }
            | Self::NoStatus { endpoint } => put("endpoint", endpoint.clone()),
            Self::RateLimited { path, key, .. } => {
                put("path", path.clone());
                if let Some(key) = key {
                    put("hash_key", (*key).to_owned());
                }
            }
            Self::LoadShed { criticality } => put("criticality", criticality::name(*criticality).to_owned()),
            Self::StreamReset { reason } => put("http2_error", format!("{reason:?}")),
            Self::MessageTooLarge { side, size, limit } => {
                put("side", side.name().to_owned());
                put("limit", limit.to_string());
                if let Some(size) = size {
                    put("size", size.to_string());
                }
            }
            Self::UnknownEncoding { side, encoding } => {
                put("side", side.name().to_owned());
                put("encoding", encoding.clone());
            }
            Self::RequestStalled { patience } => put("patience_ms", patience.as_millis().to_string()),
            Self::NotGrpc { endpoint, http_status, .. } => {
                put("endpoint", endpoint.clone());
                put("http_status", http_status.as_u16().to_string());
            }
            Self::MethodNotAllowed
            | Self::MalformedTimeout
            | Self::Panicked
            | Self::Draining
            | Self::CallerGone
            | Self::RequestBroken
            | Self::BrokenMessage { .. }
            | Self::NoOtherEndpoint => {}
        }
        metadata
    }

    /// The part of the mesh that decided.
    fn layer(&self) -> &'static str {
        match self {
            Self::UnknownService { .. } => "router",
            Self::UnknownHealth { .. } | Self::NotServing { .. } => "health",
            Self::MethodNotAllowed => "entry",
            Self::MalformedTimeout | Self::DeadlineExceeded { .. } => "deadline",
            Self::Panicked => "catch_panic",
            Self::Draining => "drain",
            Self::NoEndpoint { .. } => "resolve",
            Self::ConnectFailed { .. } | Self::NotReady { .. } => "connect",
            Self::ConnectionLost { .. }
            | Self::GoneAway { .. }
            | Self::StreamReset { .. }
            | Self::CallerGone
            | Self::RequestBroken => "connection",
            Self::BreakerOpen { .. } => "outlier",
            Self::LoadShed { .. } => "shed",
            Self::RateLimited { .. } => "rate_limit",
            Self::ClientThrottled { .. } => "adaptive_throttle",
            Self::QueueFull { .. } | Self::TargetFull { .. } | Self::NoOtherEndpoint => "balance",
            Self::MessageTooLarge { .. }
            | Self::UnknownEncoding { .. }
            | Self::BrokenMessage { .. }
            | Self::RequestStalled { .. } => "message",
            Self::NotGrpc { .. } | Self::NoStatus { .. } => "answer",
        }
    }
}
