//! Server reflection, v1 and v1alpha: grpcurl and friends read the contracts from the server itself.

use tonic_reflection::server::{Builder, Error, v1, v1alpha};

/// The descriptors that every server has beside those of its own services.
const HEALTH: &[u8] = tonic_health::pb::FILE_DESCRIPTOR_SET;

/// `google/rpc/error_details.proto`: with it grpcurl shows what an error says, not its bytes.
const ERROR_DETAILS: &[u8] = tonic_types::pb::FILE_DESCRIPTOR_SET;

/// Lists the services that this server really has; descriptors may know many more.
fn builder(services: &[&str], descriptors: &'static [u8]) -> Builder<'static> {
    let builder = Builder::configure()
        .register_encoded_file_descriptor_set(descriptors)
        .register_encoded_file_descriptor_set(HEALTH)
        .register_encoded_file_descriptor_set(ERROR_DETAILS);
    services.iter().fold(builder, |builder, service| builder.with_service_name(*service))
}

/// `grpc.reflection.v1`.
pub(super) fn v1(
    services: &[&str],
    descriptors: &'static [u8],
) -> Result<v1::ServerReflectionServer<impl v1::ServerReflection>, Error> {
    builder(services, descriptors).build_v1()
}

/// `grpc.reflection.v1alpha`, which older tools still ask for.
pub(super) fn v1alpha(
    services: &[&str],
    descriptors: &'static [u8],
) -> Result<v1alpha::ServerReflectionServer<impl v1alpha::ServerReflection>, Error> {
    builder(services, descriptors).build_v1alpha()
}
