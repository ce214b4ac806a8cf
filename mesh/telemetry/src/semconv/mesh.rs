//! What only this mesh knows.

names! {
    /// Counter, `{retry}`: retries that policy allowed and the budget did not.
    CLIENT_SUPPRESSED_RETRIES = "mesh.client.suppressed_retries";
    /// Counter, `{request}`: requests that a server turned away to stay alive.
    SERVER_SHED_REQUESTS = "mesh.server.shed_requests";
    /// Up-down counter: 1 for the state that a breaker is in, 0 for the others.
    BREAKER_STATUS = "mesh.breaker.status";
    /// Counter, `{span}`: spans that were queued for a collector.
    SPANS_RECORDED = "mesh.telemetry.spans_recorded";
    /// Counter, `{span}`: spans that were dropped, because the queue was full or no collector took them.
    SPANS_DROPPED = "mesh.telemetry.spans_dropped";

    /// Attribute of [`BREAKER_STATUS`]: `closed`, `open`, `half_open`.
    BREAKER_STATE = "mesh.breaker.state";
}

/// The metrics above with their kinds and units.
pub mod describe {
    use crate::metrics::{Descriptor, Kind, Unit};

    /// See [`SPANS_RECORDED`](super::SPANS_RECORDED).
    pub static SPANS_RECORDED: Descriptor = Descriptor {
        name: super::SPANS_RECORDED,
        kind: Kind::Counter,
        unit: Unit::Of("span"),
        help: "Spans that were queued for a collector.",
    };
    /// See [`SPANS_DROPPED`](super::SPANS_DROPPED).
    pub static SPANS_DROPPED: Descriptor = Descriptor {
        name: super::SPANS_DROPPED,
        kind: Kind::Counter,
        unit: Unit::Of("span"),
        help: "Spans that were dropped, because the queue was full or no collector took them.",
    };
    /// See [`CLIENT_SUPPRESSED_RETRIES`](super::CLIENT_SUPPRESSED_RETRIES).
    pub static CLIENT_SUPPRESSED_RETRIES: Descriptor = Descriptor {
        name: super::CLIENT_SUPPRESSED_RETRIES,
        kind: Kind::Counter,
        unit: Unit::Of("call"),
        help: "Calls whose further attempts the contract allowed and the budget did not.",
    };
    /// See [`SERVER_SHED_REQUESTS`](super::SERVER_SHED_REQUESTS).
    pub static SERVER_SHED_REQUESTS: Descriptor = Descriptor {
        name: super::SERVER_SHED_REQUESTS,
        kind: Kind::Counter,
        unit: Unit::Of("request"),
        help: "Requests that a server turned away to stay alive.",
    };
}
