//! Compiles .proto files to tonic code and a policy table; an unsafe contract does not compile.
//!
//! A build script is all it takes, and no protoc:
//!
//! ```no_run
//! if let Err(error) = mesh_build::Contracts::new(".").event_json("event.v1").compile() {
//!     eprintln!("{error}");
//!     std::process::exit(1);
//! }
//! ```
//!
//! What a method promises stands in its contract as the option `(mesh.v1.method)`, beside its
//! `idempotency_level`. Options rather than a file of configuration: they are reviewed with the method,
//! cannot name one that is gone, and `grpcurl describe` shows them to whoever calls.

mod code;
mod contracts;
mod error;
mod judge;
mod options;
mod shape;
mod sources;
mod table;

pub use contracts::Contracts;
pub use error::{BuildError, Reason, Refusal};
