//! The contracts that tests and benches of the mesh call. Development only: no service knows it.

mod generated {
    #![expect(
        clippy::allow_attributes_without_reason,
        reason = "written by a generator, whose reasons are its own"
    )]

    tonic::include_proto!("echo.v1");
}

/// What the simulation calls.
pub mod chain {
    mod generated {
        #![expect(
            clippy::allow_attributes_without_reason,
            reason = "written by a generator, whose reasons are its own"
        )]

        tonic::include_proto!("chain.v1");
    }

    pub use generated::*;
}

pub use generated::*;

/// The encoded descriptors of the contract, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
