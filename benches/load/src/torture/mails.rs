//! The mails that arrive: at a server beside the programs that are killed, so that one that was taken and never
//! recorded by its sender is seen here when it comes once more.

use mesh_rig::{
    history::Mail,
    smtp::{Mailbox, Sink},
};

/// Every mail that arrived, and how often.
pub(super) async fn arrived(mailbox: &Mailbox) -> Vec<Mail> {
    let mail = |(message_id, deliveries)| Mail { message_id, deliveries };
    mailbox.counts().await.into_iter().map(mail).collect()
}

/// What makes the stack send its mails there.
pub(super) fn environment(sink: &Sink) -> [(String, String); 3] {
    let stack = |(name, value)| (format!("STACK_{name}"), value);
    settings(sink).map(stack)
}

/// The settings of a program with the notification service in it, without what its variables begin with.
pub(super) fn settings(sink: &Sink) -> [(String, String); 3] {
    let address = sink.address();
    [("HOST", address.ip().to_string()), ("PORT", address.port().to_string()), ("TLS", "none".to_owned())]
        .map(|(name, value)| (format!("NOTIFICATION_SMTP_{name}"), value))
}
