//! Metrics of calls, attempts and connections, as gRPC names them: gRFC A66, A91, A94 and A96.

names! {
    /// Histogram, `s`: a call from the caller's first attempt to its end, all retries included (A66).
    CLIENT_CALL_DURATION = "grpc.client.call.duration";
    /// Histogram, `s`: one attempt of a call (A66).
    CLIENT_ATTEMPT_DURATION = "grpc.client.attempt.duration";
    /// Counter, `{attempt}`: attempts started (A66).
    CLIENT_ATTEMPT_STARTED = "grpc.client.attempt.started";
    /// Histogram, `By`: the request messages of an attempt (A66).
    CLIENT_ATTEMPT_SENT = "grpc.client.attempt.sent_total_compressed_message_size";
    /// Histogram, `By`: the response messages of an attempt (A66).
    CLIENT_ATTEMPT_RECEIVED = "grpc.client.attempt.rcvd_total_compressed_message_size";
    /// Histogram, `{retry}`: retries of a call, without transparent ones and hedges (A96, experimental).
    CLIENT_CALL_RETRIES = "grpc.client.call.retries";
    /// Histogram, `{transparent_retry}`: retries of what no server has looked at (A96, experimental).
    CLIENT_CALL_TRANSPARENT_RETRIES = "grpc.client.call.transparent_retries";
    /// Histogram, `{hedge}`: hedges of a call (A96, experimental).
    CLIENT_CALL_HEDGES = "grpc.client.call.hedges";
    /// Histogram, `s`: time of a call without an active attempt (A96, experimental).
    CLIENT_CALL_RETRY_DELAY = "grpc.client.call.retry_delay";
    /// Counter, `{call}`: calls that a server began to serve (A66).
    SERVER_CALL_STARTED = "grpc.server.call.started";
    /// Histogram, `s`: a call as its server sees it (A66).
    SERVER_CALL_DURATION = "grpc.server.call.duration";
    /// Histogram, `By`: the response messages of a call (A66).
    SERVER_CALL_SENT = "grpc.server.call.sent_total_compressed_message_size";
    /// Histogram, `By`: the request messages of a call (A66).
    SERVER_CALL_RECEIVED = "grpc.server.call.rcvd_total_compressed_message_size";
    /// Counter, `{attempt}`: connections that were made (A94, experimental).
    SUBCHANNEL_CONNECTED = "grpc.subchannel.connection_attempts_succeeded";
    /// Counter, `{attempt}`: connections that could not be made (A94, experimental).
    SUBCHANNEL_CONNECT_FAILED = "grpc.subchannel.connection_attempts_failed";
    /// Counter, `{disconnection}`: connections that are over (A94, experimental).
    SUBCHANNEL_DISCONNECTED = "grpc.subchannel.disconnections";
    /// Up-down counter, `{connection}`: connections there are (A94, experimental).
    SUBCHANNEL_OPEN_CONNECTIONS = "grpc.subchannel.open_connections";
    /// Counter, `{ejection}`: endpoints taken out for their failures (A91, experimental).
    OUTLIER_EJECTIONS_ENFORCED = "grpc.lb.outlier_detection.ejections_enforced";
    /// Counter, `{ejection}`: endpoints that should have been and were not (A91, experimental).
    OUTLIER_EJECTIONS_UNENFORCED = "grpc.lb.outlier_detection.ejections_unenforced";

    /// Attribute: `user.v1.UserService/GetUser`, or [`OTHER_METHOD`] for a method that no contract knows.
    METHOD = "grpc.method";
    /// Attribute: the target of the channel, such as `dns:///user.default.svc:50051`.
    TARGET = "grpc.target";
    /// Attribute: the canonical name of the status, such as `OK`.
    STATUS = "grpc.status";
    /// Attribute: what found that an endpoint answers too badly (A91).
    DETECTION_METHOD = "grpc.lb.outlier_detection.detection_method";
    /// Attribute: why it was not ejected (A91).
    UNENFORCED_REASON = "grpc.lb.outlier_detection.unenforced_reason";
}

/// The value of [`METHOD`] for a method that no contract knows: callers cannot make up time series.
pub const OTHER_METHOD: &str = "other";

/// How many statuses there are.
pub const STATUSES: usize = 17;

/// The canonical name of a status code (grpc/doc/statuscodes.md); `UNKNOWN` for what is none.
pub const fn status_name(code: i32) -> &'static str {
    match code {
        0 => "OK",
        1 => "CANCELLED",
        3 => "INVALID_ARGUMENT",
        4 => "DEADLINE_EXCEEDED",
        5 => "NOT_FOUND",
        6 => "ALREADY_EXISTS",
        7 => "PERMISSION_DENIED",
        8 => "RESOURCE_EXHAUSTED",
        9 => "FAILED_PRECONDITION",
        10 => "ABORTED",
        11 => "OUT_OF_RANGE",
        12 => "UNIMPLEMENTED",
        13 => "INTERNAL",
        14 => "UNAVAILABLE",
        15 => "DATA_LOSS",
        16 => "UNAUTHENTICATED",
        _ => "UNKNOWN",
    }
}

/// The metrics above with their kinds and units, in the words of the gRFCs.
pub(crate) mod describe {
    use crate::metrics::{Descriptor, Kind, Unit};

    macro_rules! descriptors {
        ($($name:ident: $kind:ident in $unit:expr, $help:literal;)+) => {
            $(pub(crate) static $name: Descriptor =
                Descriptor { name: super::$name, kind: Kind::$kind, unit: $unit, help: $help };)+

            #[cfg(test)]
            pub(crate) static ALL: &[&Descriptor] = &[$(&$name),+];
        };
    }

    descriptors! {
        CLIENT_CALL_DURATION: Histogram in Unit::Seconds,
            "Time that calls took, all their attempts included.";
        CLIENT_ATTEMPT_DURATION: Histogram in Unit::Seconds,
            "Time that attempts of calls took, the choice of an endpoint included.";
        CLIENT_ATTEMPT_STARTED: Counter in Unit::Of("attempt"),
            "Attempts of calls that were started.";
        CLIENT_ATTEMPT_SENT: Histogram in Unit::Bytes,
            "Compressed bytes of the request messages of attempts.";
        CLIENT_ATTEMPT_RECEIVED: Histogram in Unit::Bytes,
            "Compressed bytes of the response messages of attempts.";
        CLIENT_CALL_RETRIES: Histogram in Unit::Of("retry"),
            "Retries of calls that had any.";
        CLIENT_CALL_TRANSPARENT_RETRIES: Histogram in Unit::Of("transparent_retry"),
            "Transparent retries of calls that had any.";
        CLIENT_CALL_HEDGES: Histogram in Unit::Of("hedge"),
            "Hedges of calls that had any.";
        CLIENT_CALL_RETRY_DELAY: Histogram in Unit::Seconds,
            "Time that calls spent without an attempt under way.";
        SERVER_CALL_STARTED: Counter in Unit::Of("call"),
            "Calls that came.";
        SERVER_CALL_DURATION: Histogram in Unit::Seconds,
            "Time that calls took, as their server sees it.";
        SERVER_CALL_SENT: Histogram in Unit::Bytes,
            "Compressed bytes of the response messages of calls.";
        SERVER_CALL_RECEIVED: Histogram in Unit::Bytes,
            "Compressed bytes of the request messages of calls.";
        SUBCHANNEL_CONNECTED: Counter in Unit::Of("attempt"),
            "Attempts to connect that succeeded.";
        SUBCHANNEL_CONNECT_FAILED: Counter in Unit::Of("attempt"),
            "Attempts to connect that failed.";
        SUBCHANNEL_DISCONNECTED: Counter in Unit::Of("disconnection"),
            "Connections that are over.";
        SUBCHANNEL_OPEN_CONNECTIONS: UpDownCounter in Unit::Of("connection"),
            "Connections that are open.";
        OUTLIER_EJECTIONS_ENFORCED: Counter in Unit::Of("ejection"),
            "Endpoints that were ejected for their failures.";
        OUTLIER_EJECTIONS_UNENFORCED: Counter in Unit::Of("ejection"),
            "Endpoints that should have been ejected and were not.";
    }
}
