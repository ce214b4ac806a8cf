//! The order in which a client says things (RFC 5321, 4.1.4).

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::faults::Stage;

/// Recipients of one mail at most, as RFC 5321 promises them.
const RECIPIENTS_MAX: usize = 100;

/// What was said about the mail that is to come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Envelope {
    pub(super) is_secured: bool,
    /// Whether TLS can be begun: it is offered then, and nothing is taken without it.
    offers_tls: bool,
    pub(super) user: Option<String>,
    is_greeted: bool,
    pub(super) sender: Option<String>,
    pub(super) recipients: Vec<String>,
}

/// What follows from a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// This is said; at which stage, if it is one.
    Say(Option<Stage>, String),
    /// TLS begins after the answer.
    StartTls,
    /// The content comes after the answer.
    Content,
    Bye,
}

impl Envelope {
    pub(super) fn new(offers_tls: bool) -> Self {
        Self { offers_tls, ..Self::default() }
    }

    /// The same once TLS has begun: nothing that was said before counts.
    pub(super) fn secured(&self) -> Self {
        Self { is_secured: true, offers_tls: self.offers_tls, ..Self::default() }
    }

    /// Takes in the next line.
    pub(super) fn hear(&mut self, line: &str) -> Reply {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" | "HELO" => {
                self.forget_mail();
                self.is_greeted = true;
                say(Stage::Hello, self.greeting(verb))
            }
            "STARTTLS" if self.offers_tls && !self.is_secured => Reply::StartTls,
            "RSET" => {
                self.forget_mail();
                Reply::Say(None, "250 forgotten".to_owned())
            }
            "NOOP" => Reply::Say(None, "250 ok".to_owned()),
            "QUIT" => Reply::Bye,
            "AUTH" | "MAIL" | "RCPT" | "DATA" if self.offers_tls && !self.is_secured => {
                Reply::Say(None, "530 5.7.0 STARTTLS first".to_owned())
            }
            "AUTH" => self.authenticate(rest),
            "MAIL" if self.is_greeted && self.sender.is_none() => match path(rest, "FROM:") {
                Some(sender) => {
                    self.sender = Some(sender);
                    say(Stage::Sender, "250 2.1.0 ok")
                }
                None => Reply::Say(None, "501 5.5.4 MAIL FROM:<path>".to_owned()),
            },
            "RCPT" if self.sender.is_some() => match path(rest, "TO:") {
                Some(_) if self.recipients.len() >= RECIPIENTS_MAX => {
                    Reply::Say(None, "452 4.5.3 too many".to_owned())
                }
                Some(recipient) => {
                    self.recipients.push(recipient);
                    say(Stage::Recipient, "250 2.1.5 ok")
                }
                None => Reply::Say(None, "501 5.5.4 RCPT TO:<path>".to_owned()),
            },
            "DATA" if !self.recipients.is_empty() => Reply::Content,
            "MAIL" | "RCPT" | "DATA" | "STARTTLS" => Reply::Say(None, "503 5.5.1 out of order".to_owned()),
            _ => Reply::Say(None, "502 5.5.1 unknown".to_owned()),
        }
    }

    /// What was said last does not count: it was refused.
    pub(super) fn refuse(&mut self, stage: Stage) {
        match stage {
            Stage::Sender => self.sender = None,
            Stage::Recipient => drop(self.recipients.pop()),
            Stage::Auth => self.user = None,
            Stage::Hello => self.is_greeted = false,
            Stage::Greeting | Stage::StartTls | Stage::Data | Stage::Content => {}
        }
    }

    /// The next mail is another one.
    pub(super) fn forget_mail(&mut self) {
        self.sender = None;
        self.recipients.clear();
    }

    fn greeting(&self, verb: &str) -> String {
        if verb.eq_ignore_ascii_case("HELO") {
            return "250 sink".to_owned();
        }
        let more =
            if self.offers_tls && !self.is_secured { "250-STARTTLS\r\n" } else { "250-AUTH PLAIN\r\n" };
        format!("250-sink\r\n{more}250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 SMTPUTF8")
    }

    /// `AUTH PLAIN` with its response in the same line (RFC 4616); any password is taken, and none is kept.
    fn authenticate(&mut self, rest: &str) -> Reply {
        let response = rest.strip_prefix("PLAIN ").and_then(|response| BASE64_STANDARD.decode(response).ok());
        let user = response.and_then(|bytes| {
            let text = String::from_utf8(bytes).ok()?;
            text.split('\0').nth(1).map(str::to_owned)
        });
        match user {
            Some(user) => {
                self.user = Some(user);
                say(Stage::Auth, "235 2.7.0 welcome")
            }
            None => Reply::Say(None, "504 5.5.4 AUTH PLAIN with its response".to_owned()),
        }
    }
}

fn say(stage: Stage, answer: impl Into<String>) -> Reply {
    Reply::Say(Some(stage), answer.into())
}

/// The `a@b` of `FROM:<a@b> BODY=8BITMIME`.
fn path(rest: &str, keyword: &str) -> Option<String> {
    let (word, path) = rest.split_at_checked(keyword.len())?;
    let (path, _) = path.trim_start().strip_prefix('<')?.split_once('>')?;
    word.eq_ignore_ascii_case(keyword).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(reply: Reply) -> String {
        match reply {
            Reply::Say(_, answer) => answer[..3].to_owned(),
            other => format!("{other:?}"),
        }
    }

    fn converse(envelope: &mut Envelope, lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| code(envelope.hear(line))).collect()
    }

    #[test]
    fn a_mail_has_a_sender_and_a_recipient_before_its_content() {
        let mut envelope = Envelope::default();
        let lines = ["MAIL FROM:<a@b>", "ehlo me", "DATA", "RCPT TO:<c@d>", "MAIL FROM:<a@b> BODY=8BITMIME"];
        assert_eq!(converse(&mut envelope, &lines), ["503", "250", "503", "503", "250"]);
        let lines = ["MAIL FROM:<a@b>", "DATA", "RCPT TO: c@d", "rcpt to:<c@d>", "DATA"];
        assert_eq!(converse(&mut envelope, &lines), ["503", "503", "501", "250", "Content"]);
        assert_eq!((envelope.sender.as_deref(), envelope.recipients.len()), (Some("a@b"), 1));
        assert_eq!(converse(&mut envelope, &["RSET", "DATA", "TEA", "QUIT"]), ["250", "503", "502", "Bye"]);
    }

    #[test]
    fn nothing_is_taken_without_the_tls_that_is_offered() {
        let mut envelope = Envelope::new(true);
        let lines = ["EHLO me", "MAIL FROM:<a@b>", "AUTH PLAIN AGEAYg==", "STARTTLS"];
        assert_eq!(converse(&mut envelope, &lines), ["250", "530", "530", "StartTls"]);
        envelope = envelope.secured();
        assert_eq!(converse(&mut envelope, &["STARTTLS", "AUTH PLAIN AGEAYg=="]), ["503", "235"]);
        assert_eq!(envelope.user.as_deref(), Some("a"));
        assert_eq!(converse(&mut envelope, &["AUTH LOGIN", "AUTH PLAIN ?"]), ["504", "504"]);
    }

    #[test]
    fn a_refused_recipient_gets_no_mail() {
        let mut envelope = Envelope::default();
        converse(&mut envelope, &["EHLO me", "MAIL FROM:<>", "RCPT TO:<c@d>"]);
        envelope.refuse(Stage::Recipient);
        assert_eq!(converse(&mut envelope, &["DATA"]), ["503"]);
    }
}
