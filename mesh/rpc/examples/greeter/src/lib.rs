//! The contract of the examples of the mesh, compiled: messages, client, server, policies, descriptors.

/// What `mesh-build` makes of `greeter.v1`.
pub mod v1 {
    tonic::include_proto!("greeter.v1");
}

include!(concat!(env!("OUT_DIR"), "/policies.rs"));

/// The contract with its comments and options, as reflection serves it.
pub static DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
