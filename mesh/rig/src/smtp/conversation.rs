//! One conversation with a client.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufStream},
    net::TcpStream,
    sync::watch,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use super::{
    envelope::{Envelope, Reply},
    faults::{Fault, Faults, Stage},
    mailbox::{Delivery, Mailbox},
    sink::Security,
};

/// The longest line, in bytes. RFC 5321 promises a thousand.
const LINE_MAX: u64 = 4_096;
/// The largest mail, in bytes.
const MAIL_MAX: usize = 1 << 20;
/// How long a client may say nothing, and how long it is stalled at most.
const IDLE: Duration = Duration::from_secs(300);

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}
type Stream = BufStream<Box<dyn Duplex>>;

/// What the conversation does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Usual,
    /// The client was told something else.
    Refused,
    HangUp,
}

pub(super) struct Conversation {
    security: Security,
    acceptor: TlsAcceptor,
    faults: Faults,
    mailbox: Mailbox,
    envelope: Envelope,
}

impl Conversation {
    pub(super) fn new(security: Security, acceptor: TlsAcceptor, faults: Faults, mailbox: Mailbox) -> Self {
        let offers_tls = security == Security::StartTls;
        Self { security, acceptor, faults, mailbox, envelope: Envelope::new(offers_tls) }
    }

    pub(super) async fn hold(mut self, stream: TcpStream) -> io::Result<()> {
        let mut stream: Stream = BufStream::new(Box::new(stream));
        if self.security == Security::Tls {
            stream = self.secure(stream).await?;
        }
        if self.answer(&mut stream, Stage::Greeting, "220 sink").await? != Next::Usual {
            return Ok(());
        }
        while let Some(line) = read_line(&mut stream).await? {
            let next = match self.envelope.hear(&line) {
                Reply::Say(None, answer) => say(&mut stream, &answer).await.map(|()| Next::Usual)?,
                Reply::Say(Some(stage), answer) => {
                    let next = self.answer(&mut stream, stage, &answer).await?;
                    if next == Next::Refused {
                        self.envelope.refuse(stage);
                    }
                    next
                }
                Reply::StartTls => {
                    let next = self.answer(&mut stream, Stage::StartTls, "220 2.0.0 go on").await?;
                    if next == Next::Usual {
                        stream = self.secure(stream).await?;
                    }
                    next
                }
                Reply::Content => {
                    let next = self.answer(&mut stream, Stage::Data, "354 end it with a dot").await?;
                    if next == Next::Usual { self.take(&mut stream).await? } else { next }
                }
                Reply::Bye => return say(&mut stream, "221 2.0.0 bye").await,
            };
            if next == Next::HangUp {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Begins TLS. What the client sent too early is not read: it could come from anybody.
    async fn secure(&mut self, stream: Stream) -> io::Result<Stream> {
        let secured = timeout(IDLE, self.acceptor.accept(stream.into_inner())).await??;
        // Everything that was said before is forgotten (RFC 3207, 4.2).
        self.envelope = self.envelope.secured();
        Ok(BufStream::new(Box::new(secured)))
    }

    /// Says the usual answer, or does what is wrong here.
    async fn answer(&self, stream: &mut Stream, stage: Stage, usual: &str) -> io::Result<Next> {
        let healings = self.faults.healings();
        match self.faults.at(stage) {
            None => say(stream, usual).await.map(|()| Next::Usual),
            Some(fault) => self.misbehave(stream, fault, healings, usual).await,
        }
    }

    /// Does what is wrong. `healings` began before the fault was looked for, so that none is missed.
    async fn misbehave(
        &self,
        stream: &mut Stream,
        fault: Fault,
        mut healings: watch::Receiver<u64>,
        usual: &str,
    ) -> io::Result<Next> {
        match fault {
            Fault::Answer(answer) => {
                say(stream, &answer).await?;
                let is_refusal = answer.starts_with(['4', '5']);
                Ok(if is_refusal { Next::Refused } else { Next::Usual })
            }
            Fault::Stall => {
                let _stalled = self.faults.stall();
                let mut byte = [0];
                tokio::select! {
                    // It leaves, or says something that nobody has asked for.
                    _left = timeout(IDLE, stream.read(&mut byte)) => {}
                    _healed = healings.changed() => {}
                }
                Ok(Next::HangUp)
            }
            Fault::HangUp | Fault::KeepAndHangUp => Ok(Next::HangUp),
            Fault::AnswerAndHangUp => {
                say(stream, usual).await?;
                // TLS has an end of its own: without it the client would take the answer for cut off.
                stream.shutdown().await?;
                Ok(Next::HangUp)
            }
        }
    }

    /// Takes a mail in up to the line that is only a dot, and answers.
    async fn take(&mut self, stream: &mut Stream) -> io::Result<Next> {
        let content = read_content(stream).await?;
        let healings = self.faults.healings();
        let fault = self.faults.at(Stage::Content);
        let message_id = content.as_deref().and_then(message_id);
        let answer = match (&fault, content, message_id) {
            (None | Some(Fault::KeepAndHangUp | Fault::AnswerAndHangUp), Some(content), Some(message_id)) => {
                let is_acknowledged = fault != Some(Fault::KeepAndHangUp);
                let delivery = Delivery {
                    message_id,
                    sender: self.envelope.sender.take().unwrap_or_default(),
                    recipients: std::mem::take(&mut self.envelope.recipients),
                    content,
                    is_secured: self.envelope.is_secured,
                    user: self.envelope.user.clone(),
                    is_acknowledged,
                };
                match self.mailbox.keep(delivery).await {
                    Ok(()) => "250 2.0.0 it is kept",
                    Err(_) => "451 4.3.0 it cannot be kept",
                }
            }
            (_, None, _) => "552 5.3.4 it is too large",
            (_, Some(_), None) => "554 5.6.0 it has no Message-ID",
            (Some(_), Some(_), Some(_)) => "",
        };
        if !answer.starts_with("250") {
            self.mailbox.refuse().await;
        }
        self.envelope.forget_mail();
        match fault {
            None => say(stream, answer).await.map(|()| Next::Usual),
            Some(fault) => self.misbehave(stream, fault, healings, answer).await,
        }
    }
}

/// The content with its lines' dots as they were, or none if it is too large.
async fn read_content(stream: &mut Stream) -> io::Result<Option<String>> {
    let (mut content, mut size) = (String::new(), 0_usize);
    loop {
        let Some(line) = read_line(stream).await? else { return Err(io::ErrorKind::UnexpectedEof.into()) };
        if line == "." {
            return Ok((size <= MAIL_MAX).then_some(content));
        }
        // A line that began with a dot was given another one.
        let line = line.strip_prefix('.').unwrap_or(&line);
        size = size.saturating_add(line.len() + 2);
        if size <= MAIL_MAX {
            content.push_str(line);
            content.push_str("\r\n");
        }
    }
}

fn message_id(content: &str) -> Option<String> {
    let headers = content.lines().take_while(|line| !line.is_empty());
    let mut found = headers.filter_map(|line| line.split_once(':'));
    let (_, value) = found.find(|(name, _)| name.eq_ignore_ascii_case("Message-ID"))?;
    Some(value.trim().to_owned()).filter(|value| !value.is_empty())
}

async fn say(stream: &mut Stream, answer: &str) -> io::Result<()> {
    stream.write_all(answer.as_bytes()).await?;
    stream.write_all(b"\r\n").await?;
    stream.flush().await
}

/// The next line without its end; none when the client has left.
async fn read_line(stream: &mut Stream) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let read = timeout(IDLE, stream.take(LINE_MAX).read_until(b'\n', &mut line)).await??;
    if line.last() == Some(&b'\n') {
        let text = String::from_utf8_lossy(&line);
        return Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()));
    }
    if read as u64 == LINE_MAX { Err(io::ErrorKind::InvalidData.into()) } else { Ok(None) }
}

#[cfg(test)]
mod tests;
