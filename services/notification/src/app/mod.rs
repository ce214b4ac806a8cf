//! What the service does, on a store, a mailer and a clock it does not know.

mod courier;
mod feed;
mod notifications;
mod parked;
mod tray;

pub use courier::Courier;
pub use feed::{Feed, Watch};
pub use notifications::{Notifications, Order};
pub use parked::{Parked, ParkedKey};
pub use tray::Tray;
