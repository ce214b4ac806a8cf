//! Metrics of calls and attempts, as gRPC names them: gRFC A66, A91 and A96.

names! {
    /// Histogram, `s`: a call from the caller's first attempt to its end, all retries included (A66).
    CLIENT_CALL_DURATION = "grpc.client.call.duration";
    /// Histogram, `s`: one attempt of a call (A66).
    CLIENT_ATTEMPT_DURATION = "grpc.client.attempt.duration";
    /// Counter, `{attempt}`: attempts started (A66).
    CLIENT_ATTEMPT_STARTED = "grpc.client.attempt.started";
    /// Histogram, `{retry}`: retries of a call, without transparent ones and hedges (A96, experimental).
    CLIENT_CALL_RETRIES = "grpc.client.call.retries";
    /// Histogram, `{transparent_retry}`: retries of what never left the client (A96, experimental).
    CLIENT_CALL_TRANSPARENT_RETRIES = "grpc.client.call.transparent_retries";
    /// Histogram, `{hedge}`: hedges of a call (A96, experimental).
    CLIENT_CALL_HEDGES = "grpc.client.call.hedges";
    /// Histogram, `s`: time of a call without an active attempt (A96, experimental).
    CLIENT_CALL_RETRY_DELAY = "grpc.client.call.retry_delay";
    /// Counter, `{call}`: calls that a server began to serve (A66).
    SERVER_CALL_STARTED = "grpc.server.call.started";
    /// Histogram, `s`: a call as its server sees it (A66).
    SERVER_CALL_DURATION = "grpc.server.call.duration";
    /// Counter, `{ejection}`: endpoints taken out for their failures (A91, experimental).
    OUTLIER_EJECTIONS_ENFORCED = "grpc.lb.outlier_detection.ejections_enforced";

    /// Attribute: `user.v1.UserService/GetUser`, or [`OTHER_METHOD`] for a method that no contract knows.
    METHOD = "grpc.method";
    /// Attribute: the target of the channel, such as `dns:///user.default.svc:50051`.
    TARGET = "grpc.target";
    /// Attribute: the canonical name of the status, such as `OK`.
    STATUS = "grpc.status";
}

/// The value of [`METHOD`] for a method that no contract knows: callers cannot make up time series.
pub const OTHER_METHOD: &str = "other";
