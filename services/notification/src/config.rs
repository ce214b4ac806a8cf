//! The settings of the notification service.

use std::net::SocketAddr;

use service_kit::config::Source;

use crate::mail::{Letterhead, Security, SmtpConfig};

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
        let mut section = source.section(path);
        let host = section.optional_if(
            "host",
            |host: &String| !host.is_empty(),
            "a host name like mail.example.org",
            "The SMTP relay; unset: mails are written as .eml files below the data folder",
        );
        let port = section.integer("port", 587_u16, 1..=u16::MAX, "The relay's port");
        let security = section.choice(
            "security",
            Security::StartTls,
            &[("starttls", Security::StartTls), ("tls", Security::Tls), ("none", Security::None)],
            "How the conversation is protected: starttls, tls from the first byte, or none on the same machine",
        );
        let user = section.optional("user", "a name", "Under which name to log in at the relay");
        let password = section.secret("password", "The password of that name");
        let credentials = match (user, password) {
            (Some(user), Some(password)) => Some((user, password.expose().to_owned())),
            (None, None) => None,
            _ => {
                section.reject("user", "expected user and password together, or neither");
                None
            }
        };
        host.map_or(Self::Files, |host| Self::Smtp(SmtpConfig { host, port, security, credentials }))
    }
}
