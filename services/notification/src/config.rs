//! The settings of the notification service.

use std::net::SocketAddr;

use service_kit::config::Source;

use crate::mail::{Letterhead, SmtpConfig};

/// The settings of the notification service.
#[derive(Clone, Debug)]
pub struct NotificationConfig {
    /// Where the service listens.
    pub listen: SocketAddr,
    /// From whom mails come.
    pub from: String,
    /// How mails leave.
    pub mail: MailConfig,
}

/// How mails leave.
#[derive(Clone, Debug)]
pub enum MailConfig {
    /// As .eml files below the data folder.
    Files,
    /// Through an SMTP relay.
    Smtp(SmtpConfig),
}

impl NotificationConfig {
    /// Reads the settings from the section at `path` and the ones inside it.
    pub fn read(source: &mut Source, path: &str) -> Self {
        let mut section = source.section(path);
        let listen = section.get(
            "listen",
            SocketAddr::from(([127, 0, 0, 1], 50053)),
            "an address like 127.0.0.1:50053",
            "Where the notification service listens",
        );
        let from = section.get_if(
            "from",
            "Platform <no-reply@localhost.localdomain>".to_owned(),
            |from: &String| Letterhead::new(from).is_ok(),
            "a mailbox like Example <no-reply@example.org>",
            "From whom mails come; Message-IDs are made in its domain",
        );
        Self { listen, from, mail: MailConfig::read(source, &format!("{path}.smtp")) }
    }
}

impl MailConfig {
    fn read(source: &mut Source, path: &str) -> Self {
        SmtpConfig::read(&mut source.section(path)).map_or(Self::Files, Self::Smtp)
    }
}
