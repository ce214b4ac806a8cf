//! What only this mesh knows.

names! {
    /// Counter, `{retry}`: retries that policy allowed and the budget did not.
    CLIENT_SUPPRESSED_RETRIES = "mesh.client.suppressed_retries";
    /// Counter, `{request}`: requests that a server turned away to stay alive.
    SERVER_SHED_REQUESTS = "mesh.server.shed_requests";
    /// Counter, `{request}`: requests that a server refused because their callers asked too often.
    SERVER_RATE_LIMITED_REQUESTS = "mesh.server.rate_limited_requests";
    /// Up-down counter, `{request}`: requests that a server works on.
    SERVER_IN_FLIGHT = "mesh.server.in_flight";
    /// Up-down counter, `{request}`: how many it would work on at once, for the highest class.
    SERVER_CONCURRENCY_LIMIT = "mesh.server.concurrency_limit";
    /// Counter, `{call}`: calls that a channel held back because the servers would have turned them away.
    CLIENT_THROTTLED_CALLS = "mesh.client.throttled_calls";
    /// Up-down counter, `{call}`: calls that a channel has under way.
    CLIENT_IN_FLIGHT = "mesh.client.in_flight";
    /// Up-down counter, `{call}`: calls that wait for an endpoint.
    CLIENT_QUEUED = "mesh.client.queued";
    /// Counter, `{span}`: spans that were queued for a collector.
    SPANS_RECORDED = "mesh.telemetry.spans_recorded";
    /// Counter, `{span}`: spans that were dropped, because the queue was full or no collector took them.
    SPANS_DROPPED = "mesh.telemetry.spans_dropped";

    /// Attribute: `sheddable`, `default`, `critical`.
    CRITICALITY = "mesh.criticality";
}

/// The metrics above with their kinds and units.
pub mod describe {
    use crate::metrics::{Descriptor, Kind, Unit};

    macro_rules! descriptors {
        ($($name:ident: $kind:ident of $unit:literal, $help:literal;)+) => {
            $(#[doc = $help]
            pub static $name: Descriptor =
                Descriptor { name: super::$name, kind: Kind::$kind, unit: Unit::Of($unit), help: $help };)+
        };
    }

    descriptors! {
        SPANS_RECORDED: Counter of "span", "Spans that were queued for a collector.";
        SPANS_DROPPED: Counter of "span",
            "Spans that were dropped, because the queue was full or no collector took them.";
        CLIENT_SUPPRESSED_RETRIES: Counter of "call",
            "Calls whose further attempts the contract allowed and the budget did not.";
        CLIENT_THROTTLED_CALLS: Counter of "call",
            "Calls that were held back because the servers would have turned them away.";
        CLIENT_IN_FLIGHT: UpDownCounter of "call", "Calls that the channel has under way.";
        CLIENT_QUEUED: UpDownCounter of "call", "Calls that wait for an endpoint.";
        SERVER_SHED_REQUESTS: Counter of "request", "Requests that a server turned away to stay alive.";
        SERVER_RATE_LIMITED_REQUESTS: Counter of "request",
            "Requests that a server refused because their callers asked too often.";
        SERVER_IN_FLIGHT: UpDownCounter of "request", "Requests that the server works on.";
        SERVER_CONCURRENCY_LIMIT: UpDownCounter of "request",
            "How many requests the server would work on at once, for the highest class.";
    }
}
