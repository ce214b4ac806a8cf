//! What a mail server answers to what it hears before a mail's content.

/// Recipients of one mail.
const RECIPIENTS_MAX: usize = 100;

/// What was said of the mail that comes next.
#[derive(Debug, Default)]
pub(super) enum Envelope {
    /// Nothing.
    #[default]
    Empty,
    /// Who sends it, and to how many.
    Begun(usize),
}

/// The answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// This.
    Say(&'static str),
    /// The content may come.
    Content,
    /// It is over.
    Bye,
}

impl Envelope {
    /// Hears a command.
    pub(super) fn hear(&mut self, line: &str) -> Reply {
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let recipients = match self {
            Self::Empty => None,
            Self::Begun(recipients) => Some(*recipients),
        };
        Reply::Say(match (verb.as_str(), recipients) {
            ("EHLO", _) => {
                *self = Self::Empty;
                "250-sink\r\n250-8BITMIME\r\n250 SMTPUTF8"
            }
            ("HELO" | "RSET", _) => {
                *self = Self::Empty;
                "250 ok"
            }
            ("NOOP", _) => "250 ok",
            ("MAIL", None) => {
                *self = Self::Begun(0);
                "250 ok"
            }
            ("RCPT", Some(RECIPIENTS_MAX..)) => "452 too many recipients",
            ("RCPT", Some(recipients)) => {
                *self = Self::Begun(recipients + 1);
                "250 ok"
            }
            ("DATA", Some(1..)) => {
                *self = Self::Empty;
                return Reply::Content;
            }
            ("QUIT", _) => return Reply::Bye,
            ("MAIL" | "RCPT" | "DATA", _) => "503 not now",
            _ => "502 not known",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_needs_a_sender_and_a_recipient_and_begins_anew_after_its_content() {
        let mut envelope = Envelope::default();
        let mut hear = |line| match envelope.hear(line) {
            Reply::Say(answer) => answer[..3].to_owned(),
            other => format!("{other:?}"),
        };
        for (line, answer) in [
            ("ehlo me", "250"),
            ("DATA", "503"),
            ("RCPT TO:<a@b>", "503"),
            ("mail FROM:<x@y>", "250"),
            ("DATA", "503"),
            ("MAIL FROM:<x@y>", "503"),
            ("RCPT TO:<a@b>", "250"),
            ("RSET", "250"),
            ("DATA", "503"),
            ("MAIL FROM:<x@y>", "250"),
            ("RCPT TO:<a@b>", "250"),
            ("DATA", "Content"),
            ("DATA", "503"),
            ("VRFY you", "502"),
            ("", "502"),
            ("QUIT", "Bye"),
        ] {
            assert_eq!(hear(line), answer, "{line}");
        }
        hear("MAIL FROM:<x@y>");
        let last = (0..=RECIPIENTS_MAX).map(|_| hear("RCPT TO:<a@b>")).last();
        assert_eq!(last.as_deref(), Some("452"));
    }
}
