//! The contract that tests and benches of the mesh call. Development only: no service knows it.

tonic::include_proto!("echo.v1");

/// The encoded descriptors of the contract, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
