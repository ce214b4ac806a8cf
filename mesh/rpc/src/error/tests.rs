use tonic::Code;

use super::*;

#[test]
fn every_error_tells_its_domain_and_reason() {
    let status = Status::from(MeshError::ConnectFailed {
        endpoint: "127.0.0.1:1".to_owned(),
        cause: "connection refused".to_owned(),
    });
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), "cannot connect to 127.0.0.1:1: connection refused");
    let info = status.get_details_error_info().unwrap();
    assert_eq!(
        (info.domain.as_str(), info.reason.as_str(), info.metadata["endpoint"].as_str()),
        ("mesh", "CONNECT_FAILED", "127.0.0.1:1")
    );
}

#[test]
fn resets_become_the_codes_that_grpc_prescribes() {
    let code = |reason| MeshError::StreamReset { reason }.code();
    assert_eq!(code(h2::Reason::REFUSED_STREAM), Code::Unavailable);
    assert_eq!(code(h2::Reason::CANCEL), Code::Cancelled);
    assert_eq!(code(h2::Reason::ENHANCE_YOUR_CALM), Code::ResourceExhausted);
    assert_eq!(code(h2::Reason::NO_ERROR), Code::Internal);
    assert_eq!(code(h2::Reason::HTTP_1_1_REQUIRED), Code::Unknown);
}

#[test]
fn trailers_carry_code_and_details() {
    let trailers = MeshError::Panicked.into_trailers();
    assert_eq!(trailers[Status::GRPC_STATUS], "13");
    let status = Status::from_header_map(&trailers).unwrap();
    assert_eq!(status.get_details_error_info().unwrap().reason, "PANIC");
}
