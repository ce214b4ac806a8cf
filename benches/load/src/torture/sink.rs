//! A mail server that takes every mail and counts how often each one arrives, by its Message-ID.
//!
//! It speaks as much of SMTP (RFC 5321) as a client on the same machine needs. It lives beside the programs that are
//! killed: a mail that was taken and never recorded by its sender is seen here when it comes once more.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use mesh_rig::history::Mail;
use tokio::{
    fs::File,
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufStream},
    net::{TcpListener, TcpStream},
    sync::Mutex,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::envelope::{Envelope, Reply};

/// Conversations at once; whoever comes then waits.
const SESSIONS_MAX: usize = 64;
/// The longest line, in bytes. RFC 5321 promises a thousand.
const LINE_MAX: u64 = 4_096;
/// The largest mail, in bytes.
const MAIL_MAX: usize = 1 << 20;
/// How long a client may say nothing.
const IDLE: Duration = Duration::from_secs(300);
/// The wait after a connection could not be accepted.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// What has arrived. Clones share it.
#[derive(Clone, Debug)]
pub struct Mailbox(Arc<Mutex<Kept>>);

#[derive(Debug)]
struct Kept {
    /// One line for each mail that arrived, for whoever looks afterwards.
    file: File,
    /// How often, by Message-ID. It grows with the mails, as the history does.
    deliveries: BTreeMap<String, u32>,
}

/// A running mail server; it is gone when it is dropped.
#[derive(Debug)]
pub(super) struct Sink {
    address: SocketAddr,
    mailbox: Mailbox,
    _serving: JoinSet<()>,
}

impl Mailbox {
    /// Every mail that arrived, and how often.
    pub async fn mails(&self) -> Vec<Mail> {
        let kept = self.0.lock().await;
        let mail = |(id, times): (&String, &u32)| Mail { message_id: id.clone(), deliveries: *times };
        kept.deliveries.iter().map(mail).collect()
    }

    /// Keeps a mail: its line is written when this returns.
    async fn keep(&self, message_id: String) -> io::Result<()> {
        let mut kept = self.0.lock().await;
        let delivery = kept.deliveries.get(&message_id).map_or(1, |before| before + 1);
        let line = serde_json::json!({ "message_id": message_id, "delivery": delivery });
        kept.file.write_all(format!("{line}\n").as_bytes()).await?;
        kept.file.flush().await?;
        kept.deliveries.insert(message_id, delivery);
        Ok(())
    }
}

impl Sink {
    /// Listens on a free port of this machine, and writes what arrives to a new file.
    ///
    /// # Errors
    /// When there is no port, or the file cannot be made.
    pub(super) async fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::create(path).await.with_context(|| path.display().to_string())?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let mailbox = Mailbox(Arc::new(Mutex::new(Kept { file, deliveries: BTreeMap::new() })));
        let mut _serving = JoinSet::new();
        _serving.spawn(serve(listener, mailbox.clone()));
        Ok(Self { address, mailbox, _serving })
    }

    pub(super) fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    /// What makes the stack send its mails here.
    pub(super) fn environment(&self) -> [(String, String); 3] {
        [
            ("HOST", self.address.ip().to_string()),
            ("PORT", self.address.port().to_string()),
            ("TLS", "none".to_owned()),
        ]
        .map(|(name, value)| (format!("STACK_NOTIFICATION_SMTP_{name}"), value))
    }
}

async fn serve(listener: TcpListener, mailbox: Mailbox) {
    let mut sessions = JoinSet::new();
    loop {
        while sessions.try_join_next().is_some() {}
        if sessions.len() >= SESSIONS_MAX {
            sessions.join_next().await;
        }
        match listener.accept().await {
            Ok((stream, _)) => {
                let mailbox = mailbox.clone();
                // Clients are killed in the middle of a word; what they did not end did not arrive.
                sessions.spawn(async move { drop(talk(&mut BufStream::new(stream), &mailbox).await) });
            }
            Err(_) => sleep(ACCEPT_AGAIN).await,
        }
    }
}

async fn talk(stream: &mut BufStream<TcpStream>, mailbox: &Mailbox) -> io::Result<()> {
    let mut envelope = Envelope::default();
    say(stream, "220 sink").await?;
    while let Some(line) = read_line(stream).await? {
        match envelope.hear(&line) {
            Reply::Say(answer) => say(stream, answer).await?,
            Reply::Content => {
                say(stream, "354 end it with a dot").await?;
                let answer = take(stream, mailbox).await?;
                say(stream, answer).await?;
            }
            Reply::Bye => return say(stream, "221 bye").await,
        }
    }
    Ok(())
}

/// Takes a mail in up to the line that is only a dot; the answer.
async fn take(stream: &mut BufStream<TcpStream>, mailbox: &Mailbox) -> io::Result<&'static str> {
    let (mut id, mut in_headers, mut size) = (None, true, 0_usize);
    loop {
        let Some(line) = read_line(stream).await? else { return Err(io::ErrorKind::UnexpectedEof.into()) };
        if line == "." {
            break;
        }
        // A line that began with a dot was given another one.
        let line = line.strip_prefix('.').unwrap_or(&line);
        size = size.saturating_add(line.len() + 2);
        in_headers &= !line.is_empty();
        if in_headers && id.is_none() {
            id = message_id(line);
        }
    }
    Ok(match id {
        _ if size > MAIL_MAX => "552 it is too large",
        None => "554 it has no Message-ID",
        Some(id) => match mailbox.keep(id).await {
            Ok(()) => "250 it is kept",
            Err(_) => "451 it cannot be kept",
        },
    })
}

fn message_id(header: &str) -> Option<String> {
    let (name, value) = header.split_once(':')?;
    let is_it = name.eq_ignore_ascii_case("Message-ID") && !value.trim().is_empty();
    is_it.then(|| value.trim().to_owned())
}

async fn say(stream: &mut BufStream<TcpStream>, answer: &str) -> io::Result<()> {
    stream.write_all(answer.as_bytes()).await?;
    stream.write_all(b"\r\n").await?;
    stream.flush().await
}

/// The next line without its end; none when the client has left.
async fn read_line(stream: &mut BufStream<TcpStream>) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let read = timeout(IDLE, stream.take(LINE_MAX).read_until(b'\n', &mut line)).await??;
    if line.last() == Some(&b'\n') {
        let text = String::from_utf8_lossy(&line);
        return Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()));
    }
    if read as u64 == LINE_MAX { Err(io::ErrorKind::InvalidData.into()) } else { Ok(None) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says each of these, and hears the code of the answer.
    async fn converse(sink: &Sink, said: &[&str]) -> Vec<String> {
        let mut stream = BufStream::new(TcpStream::connect(sink.address).await.unwrap());
        let mut heard = vec![read_line(&mut stream).await.unwrap().unwrap()];
        for said in said {
            say(&mut stream, said).await.unwrap();
            match read_line(&mut stream).await.unwrap() {
                Some(answer) => heard.push(answer[..3].to_owned()),
                None => break,
            }
        }
        heard.split_off(1)
    }

    #[tokio::test]
    async fn a_mail_is_counted_once_for_each_time_that_it_was_acknowledged() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mails.jsonl");
        let sink = Sink::open(&file).await.unwrap();
        let mail = "From: x@y\r\nmessage-id: <a@b>\r\n\r\n..\r\nMessage-ID: <no@header>\r\n.";
        let said = ["HELO me", "MAIL FROM:<x@y>", "RCPT TO:<a@b>", "DATA", mail];
        assert_eq!(converse(&sink, &said).await, ["250", "250", "250", "354", "250"]);
        assert_eq!(converse(&sink, &said).await.last().unwrap(), "250");
        // A client that is killed before the dot has handed nothing over.
        let mut stream = BufStream::new(TcpStream::connect(sink.address).await.unwrap());
        for said in said[..4].iter().chain(&["Message-ID: <half@mail>\r\n\r\nhel"]) {
            say(&mut stream, said).await.unwrap();
        }
        drop(stream);
        let other = "Subject: no name\r\n\r\nhello\r\n.";
        let said = [said[0], said[1], said[2], said[3], other];
        assert_eq!(converse(&sink, &said).await.last().unwrap(), "554");
        let expected = Mail { message_id: "<a@b>".to_owned(), deliveries: 2 };
        assert_eq!(sink.mailbox().mails().await, [expected]);
        assert_eq!(std::fs::read_to_string(file).unwrap().lines().count(), 2);
    }

    #[tokio::test]
    async fn what_is_too_long_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let sink = Sink::open(&folder.path().join("mails.jsonl")).await.unwrap();
        let line = "x".repeat(1_000) + "\r\n";
        let large = format!("Message-ID: <a@b>\r\n\r\n{}.", line.repeat(1_100));
        let said = ["HELO me", "NOOP", "MAIL FROM:<x@y>", "RCPT TO:<a@b>", "DATA", &large];
        assert_eq!(converse(&sink, &said).await.last().unwrap(), "552");
        assert_eq!(sink.mailbox().mails().await, []);
        let mut stream = BufStream::new(TcpStream::connect(sink.address).await.unwrap());
        assert_eq!(read_line(&mut stream).await.unwrap().unwrap(), "220 sink");
        say(&mut stream, &"x".repeat(5_000)).await.unwrap();
        // Hung up on, one way or the other.
        assert!(matches!(read_line(&mut stream).await, Ok(None) | Err(_)));
    }
}
