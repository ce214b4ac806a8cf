//! Codes, as telemetry tells them.

use mesh_telemetry::semconv::grpc::status_name;
use tonic::Code;

/// The canonical name of a code (grpc/doc/statuscodes.md).
pub(super) const fn name(code: Code) -> &'static str {
    status_name(code as i32)
}

/// The codes that OpenTelemetry's conventions count as an error of the server.
pub(super) const fn is_fault_of_server(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}
