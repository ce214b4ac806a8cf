//! A mail as RFC 5322 writes it.

use lettre::{
    Message,
    address::AddressError,
    message::{Mailbox, MultiPart, SinglePart},
};
use thiserror::Error;

use super::Mail;

/// What every mail of ours has in common.
#[derive(Clone, Debug)]
pub struct Letterhead {
    from: Mailbox,
}

/// A sender that cannot be one.
#[derive(Debug, Error)]
#[error("{0:?} is not a mailbox such as \"Example <no-reply@example.org>\"")]
pub struct LetterheadError(String);

impl Letterhead {
    /// Mails from this mailbox, such as `Example <no-reply@example.org>`.
    ///
    /// # Errors
    /// When it is not a mailbox.
    pub fn new(from: &str) -> Result<Self, LetterheadError> {
        let from = from.parse().map_err(|_: AddressError| LetterheadError(from.to_owned()))?;
        Ok(Self { from })
    }

    /// The domain that Message-IDs are made in.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.from.email.domain()
    }

    /// The message, with a Message-ID that is the same on every try.
    ///
    /// # Errors
    /// What is wrong with it; trying again would not help.
    pub(super) fn write(&self, mail: &Mail) -> Result<Message, String> {
        let to = mail.recipient.as_str().parse().map_err(|error| format!("recipient: {error}"))?;
        let builder = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(mail.subject.clone())
            .message_id(Some(format!("<{}@{}>", mail.id, self.domain())));
        let message = match &mail.html {
            Some(html) => {
                builder.multipart(MultiPart::alternative_plain_html(mail.text.clone(), html.clone()))
            }
            None => builder.singlepart(SinglePart::plain(mail.text.clone())),
        };
        message.map_err(|error| format!("message: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{NotificationId, Recipient};

    #[test]
    fn a_repeat_carries_the_same_message_id() {
        let letterhead = Letterhead::new("Example <no-reply@example.org>").unwrap();
        let mail = Mail {
            id: NotificationId::derived(b"1"),
            recipient: Recipient::restore("ada@bücher.example".to_owned()),
            subject: "Grüße".to_owned(),
            text: "Hallo".to_owned(),
            html: Some("<p>Hallo</p>".to_owned()),
        };
        let id = format!("Message-ID: <{}@example.org>", mail.id);
        for _ in 0..2 {
            let text = String::from_utf8(letterhead.write(&mail).unwrap().formatted()).unwrap();
            assert!(text.contains(&id), "{text}");
        }
    }

    #[test]
    fn a_sender_must_be_a_mailbox() {
        assert!(Letterhead::new("nobody").is_err());
        assert_eq!(Letterhead::new("no-reply@example.org").unwrap().domain(), "example.org");
    }
}
