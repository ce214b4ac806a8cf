//! Spans of calls: named as gRPC does (gRFC A72), with OpenTelemetry's attributes (stable since 1.45).
//!
//! The client's span covers the logical call with all its retries; each attempt has one below it, and the server's is
//! below the attempt's. What `tracing` logs has one name for all calls, `call`, and the method as the field
//! [`METHOD`].

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

/// Attribute of an attempt's span: how many were made before it, transparent retries apart (gRFC A72).
pub const PREVIOUS_ATTEMPTS: &str = "previous-rpc-attempts";
/// Attribute of an attempt's span: whether it was made because nobody had seen the one before (gRFC A72).
pub const TRANSPARENT_RETRY: &str = "transparent-retry";

/// The value of [`SYSTEM_NAME`].
pub const SYSTEM_GRPC: &str = "grpc";
/// The value of [`METHOD`] for a method that no contract knows.
pub const OTHER_METHOD: &str = "_OTHER";

/// What the name of the span of a call begins with; the method follows (gRFC A72).
pub const CALL_SPAN_PREFIX: &str = "Sent.";
/// What the name of an attempt's span begins with.
pub const ATTEMPT_SPAN_PREFIX: &str = "Attempt.";
/// What the name of a server's span begins with.
pub const SERVER_SPAN_PREFIX: &str = "Recv.";

/// The name of a span: `Sent.user.v1.UserService.GetUser`.
pub fn span_name(prefix: &str, method: &str) -> String {
    format!("{prefix}{}", method.replace('/', "."))
}
