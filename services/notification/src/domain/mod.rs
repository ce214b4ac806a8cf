//! What a notification is: types that cannot hold a wrong value, and no I/O.

mod content;
mod money;
mod notification;
mod receipt;
mod recipient;

pub use content::{Content, Text, check_parameters};
pub use money::{Currency, Money};
pub use notification::{Notification, NotificationId, State, Verdict};
pub use receipt::Receipt;
pub use recipient::Recipient;
