//! What the service does, on a store and a clock it does not know.

mod import;
mod profiles;
mod reading;
mod sessions;
mod users;

pub use import::{ImportError, ImportRow, Problem, Summary};
pub use profiles::Profiles;
pub use reading::{ConsistencyToken, NoToken, Reading};
pub use sessions::Sessions;
pub use users::{NewUser, Users};

/// How often a change without an etag is tried against what others change at the same time.
const CONTENTION_ATTEMPTS: usize = 8;
