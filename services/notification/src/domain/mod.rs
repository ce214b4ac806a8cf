//! What a notification is: types that cannot hold a wrong value, and no I/O.

mod content;
mod notification;
mod recipient;

pub use content::{Content, Text, check_parameters};
pub use notification::{Notification, NotificationId, State, Verdict};
pub use recipient::Recipient;
