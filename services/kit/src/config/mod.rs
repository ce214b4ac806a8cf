//! Configuration: a TOML file, overlaid by the environment, read into values that cannot be wrong.
//!
//! Every mistake is collected and reported at once, so that an operator mends a file in one go. A service reads
//! its settings where it uses them; the same call documents them, names their default and bounds them, and
//! [`Effective`] prints what came of it as a file that can be used again. Nothing here touches the process's
//! environment: [`Source::load`] reads an iterator, and only `main` passes [`environment`].
//!
//! ```
//! use std::{net::SocketAddr, time::Duration};
//! use service_kit::config::Source;
//!
//! let env = [("STACK_USER_DRAIN".to_owned(), "5s".to_owned())];
//! let mut source = Source::load(None, env, "STACK")?;
//! let mut user = source.section("user");
//! let listen: SocketAddr = user.get(
//!     "listen",
//!     SocketAddr::from(([127, 0, 0, 1], 50051)),
//!     "an address like 127.0.0.1:50051",
//!     "where the service listens",
//! );
//! let drain = user.duration(
//!     "drain",
//!     Duration::from_secs(10),
//!     Duration::ZERO..=Duration::from_secs(60),
//!     "how long calls may finish after a stop",
//! );
//! let effective = source.finish()?;
//! assert_eq!((listen.port(), drain), (50051, Duration::from_secs(5)));
//! assert!(effective.to_string().contains("drain = \"5s\""));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod effective;
mod file;
mod mistake;
mod secret;
mod section;
mod source;
mod units;

pub use effective::Effective;
pub use file::FileError;
pub use mistake::{ConfigErrors, Mistake, Origin};
pub use secret::Secret;
pub use section::Section;
pub use source::{Source, environment};
