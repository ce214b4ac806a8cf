//! Protobuf to domain and back, and nothing else.

mod convert;
mod profiles;
mod reading;
mod sessions;
mod users;

pub use profiles::ProfileApi;
pub use sessions::SessionApi;
pub use users::UserApi;
