//! What a user is: types that cannot hold a wrong value, and no I/O.

mod attributes;
mod email;
mod name;
mod profile;
mod session;
mod user;

pub use attributes::Attributes;
pub use email::Email;
pub use name::{DisplayName, Locale};
pub use profile::{Profile, ProfileChange};
pub use session::{MAX_TTL, Session, Token, TokenHash, ttl};
pub use user::{User, UserChange, UserId, etag, version_of};
