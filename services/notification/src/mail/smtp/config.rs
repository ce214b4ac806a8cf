//! Where mails go.

use std::{path::PathBuf, time::Duration};

use service_kit::config::{Secret, Section};

/// How the conversation is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte.
    Implicit,
    /// TLS after STARTTLS; a relay that does not offer it gets no mail.
    StartTls,
    /// None, for a relay on the same machine.
    None,
}

/// Where mails go.
#[derive(Clone, Debug)]
pub struct SmtpConfig {
    /// The relay's name, which its certificate must have.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the conversation is protected.
    pub tls: Security,
    /// The authority that signed the relay's certificate, as PEM: no other is believed then. `None`: those that
    /// browsers believe.
    pub ca_file: Option<PathBuf>,
    /// Name and password, if the relay asks for them.
    pub credentials: Option<(String, Secret)>,
    /// The longest that handing one mail over may take, from connecting to the relay's last word.
    pub timeout: Duration,
    /// Mails on their way at once, and so connections to the relay.
    pub connections: u8,
}

impl SmtpConfig {
    /// The default of `timeout`.
    pub const TIMEOUT: Duration = Duration::from_secs(30);
    /// The default of `connections`.
    pub const CONNECTIONS: u8 = 8;

    /// Reads the settings from a section; `None` when it names no relay.
    pub fn read(section: &mut Section<'_>) -> Option<Self> {
        let host = section.optional_if(
            "host",
            |host: &String| !host.is_empty(),
            "a host name like mail.example.org",
            "The SMTP relay; unset: mails are written as .eml files below the data folder",
        );
        let port = section.integer("port", 587_u16, 1..=u16::MAX, "The relay's port");
        let tls = section.choice(
            "tls",
            Security::StartTls,
            &[("starttls", Security::StartTls), ("implicit", Security::Implicit), ("none", Security::None)],
            "How the conversation is protected: starttls, implicit (TLS from the first byte), or none on the same machine",
        );
        let ca_file = section.optional_if(
            "ca_file",
            |path: &String| !path.is_empty(),
            "a path",
            "The authority of a private relay, as PEM; unset: those that browsers believe",
        );
        let timeout = section.duration(
            "timeout",
            Self::TIMEOUT,
            // Less than a lease on a mail, by far.
            Duration::from_secs(1)..=Duration::from_secs(60),
            "The longest that handing one mail over may take",
        );
        let connections =
            section.integer("connections", Self::CONNECTIONS, 1..=64, "Mails on their way at once");
        let credentials = credentials(section, tls);
        let ca_file = ca_file.map(PathBuf::from);
        host.map(|host| Self { host, port, tls, ca_file, credentials, timeout, connections })
    }
}

fn credentials(section: &mut Section<'_>, tls: Security) -> Option<(String, Secret)> {
    let user = section.optional("user", "a name", "Under which name to log in at the relay");
    let password = section.secret("password", "The password of that name");
    match (user, password) {
        (Some(_), Some(_)) if tls == Security::None => {
            section.reject("user", "expected tls with it: a password is not sent in the clear");
            None
        }
        (Some(user), Some(password)) => Some((user, password)),
        (None, None) => None,
        _ => {
            section.reject("user", "expected user and password together, or neither");
            None
        }
    }
}
