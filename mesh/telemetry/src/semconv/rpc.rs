//! Spans of calls, as OpenTelemetry names them (stable since 1.45).
//!
//! A span of `tracing` has one name for all calls, `call`, and its method is the field [`METHOD`]: names are
//! constants there. An exporter names each span after its method, as the conventions say, kind SERVER or
//! CLIENT; the client's covers the logical call with all its retries. OpenTelemetry has no span for an attempt:
//! gRFC A72 has.

names! {
    /// What the call is made with: always [`SYSTEM_GRPC`].
    SYSTEM_NAME = "rpc.system.name";
    /// `user.v1.UserService/GetUser`, or [`OTHER_METHOD`] for a method that no contract knows.
    METHOD = "rpc.method";
    /// The canonical name of the status, such as `OK`. Until 1.44 it was `rpc.response.status_code`.
    STATUS_CODE = "rpc.status_code";
    /// The kind of a failure; absent when there is none.
    ERROR_TYPE = "error.type";
    /// The logical name of the service that is called, never the address of a replica.
    SERVER_ADDRESS = "server.address";
    /// The port of the service that is called.
    SERVER_PORT = "server.port";
    /// The address of the replica that took the last attempt.
    NETWORK_PEER_ADDRESS = "network.peer.address";
}

/// The value of [`SYSTEM_NAME`].
pub const SYSTEM_GRPC: &str = "grpc";
/// The value of [`METHOD`] for a method that no contract knows.
pub const OTHER_METHOD: &str = "_OTHER";
/// What the name of an attempt's span begins with; the method follows (gRFC A72).
pub const ATTEMPT_SPAN_PREFIX: &str = "Attempt.";
