//! What every program of the platform does the same way: its command line, its settings beside the services' own,
//! what it stands on, the parts that run, and its orderly end.
//!
//! A program's `main` makes a [`Program`] of its name and of how it reads its settings, and says what runs; the rest
//! is here. [`Storage`] and [`Bus`] are opened from settings, and are all that tells one deployment from another.

mod arguments;
mod banner;
mod bus;
pub mod crash_points;
mod instance;
mod listen;
mod live;
mod log;
mod part;
mod peers;
mod pid_file;
mod program;
mod readiness;
mod server;
mod stopped;
mod storage;
mod telemetry;
mod topology;

pub use arguments::Arguments;
pub use banner::Banner;
pub use bus::{Bus, BusConfig, BusKind, OpenBusError};
pub use instance::{InstanceError, instance};
pub use listen::{ListenError, listen};
pub use live::{DRAIN, NoSignals, Running, live, migrate};
pub use part::{Part, PartName, end_all, serve};
pub use peers::peer;
pub use pid_file::{PidFile, PidFileError};
pub use program::{Common, Failure, Program};
pub use readiness::Readiness;
pub use stopped::{Stopped, conclude, until_stopped};
pub use storage::{OpenStorageError, Storage, StorageConfig, StorageKind, close_engine};
pub use telemetry::{AdminAddress, InvalidAdminAddress, TelemetryConfig, Telling};
pub use topology::topology;
