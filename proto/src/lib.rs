//! The contracts, and nothing else: the only thing two services share.
//!
//! The `.proto` files beside this crate's `src/` are the documentation; this crate is what `mesh-build`
//! makes of them: messages, clients and servers, the policy table that the mesh reads, and the descriptors
//! that reflection shows.

pub mod rfc3339;

/// Users, their profiles and their sessions.
pub mod user {
    #[allow(missing_docs, clippy::all, reason = "generated")]
    pub mod v1 {
        tonic::include_proto!("user.v1");
    }
}

/// What users pay, and the books about it.
pub mod payment {
    #[allow(missing_docs, clippy::all, reason = "generated")]
    pub mod v1 {
        tonic::include_proto!("payment.v1");
    }
}

/// What the payment service asks of a payment provider.
pub mod provider {
    #[allow(missing_docs, clippy::all, reason = "generated")]
    pub mod v1 {
        tonic::include_proto!("provider.v1");
    }
}

/// Messages to people.
pub mod notification {
    #[allow(missing_docs, clippy::all, reason = "generated")]
    pub mod v1 {
        tonic::include_proto!("notification.v1");
    }
}

/// What happened, told to whoever subscribed.
pub mod event {
    #[allow(missing_docs, clippy::all, reason = "generated")]
    pub mod v1 {
        tonic::include_proto!("event.v1");
    }
}

/// The promises a contract makes per method.
pub mod mesh {
    #[allow(missing_docs, clippy::all, reason = "generated")]
    pub mod v1 {
        tonic::include_proto!("mesh.v1");
    }
}

include!(concat!(env!("OUT_DIR"), "/policies.rs"));

/// Every contract with its comments and options, as reflection serves them.
pub static FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
