//! An SMTP relay (RFC 5321) that takes every mail, except where its script says otherwise.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use notification::mail::{Security, SmtpConfig};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufStream},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// Ends the conversation instead of an answer.
pub(crate) const HANG_UP: &str = "";

/// A relay on a port of its own; it is gone when it is dropped.
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    relay: Arc<Relay>,
    _sessions: JoinSet<()>,
}

#[derive(Default)]
struct Relay {
    /// The next answer to a verb that is not the usual one. `.` is the end of the data.
    script: Mutex<VecDeque<(&'static str, &'static str)>>,
    /// Whatever ended with a dot, even if it was refused or not answered.
    mails: Mutex<Vec<String>>,
}

impl Sink {
    pub(crate) async fn start(script: impl IntoIterator<Item = (&'static str, &'static str)>) -> Self {
        let script = Mutex::new(script.into_iter().collect());
        let relay = Arc::new(Relay { script, ..Relay::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, serving, mut sessions) =
            (listener.local_addr().unwrap(), relay.clone(), JoinSet::new());
        sessions.spawn(async move {
            let mut sessions = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let relay = serving.clone();
                // A client may leave whenever it likes.
                sessions.spawn(async move { drop(relay.talk(BufStream::new(stream)).await) });
            }
        });
        Self { address, relay, _sessions: sessions }
    }

    /// How to reach it.
    pub(crate) fn config(&self) -> SmtpConfig {
        let (host, port) = (self.address.ip().to_string(), self.address.port());
        SmtpConfig { host, port, security: Security::None, credentials: None }
    }

    pub(crate) fn mails(&self) -> Vec<String> {
        self.relay.mails.lock().unwrap().clone()
    }
}

impl Relay {
    async fn talk(&self, mut stream: BufStream<TcpStream>) -> io::Result<()> {
        let mut said = "220 sink".to_owned();
        while said != HANG_UP {
            stream.write_all(format!("{said}\r\n").as_bytes()).await?;
            stream.flush().await?;
            let mut line = String::new();
            if said.starts_with("354") {
                while !line.ends_with("\r\n.\r\n") && stream.read_line(&mut line).await? > 0 {}
                self.mails.lock().unwrap().push(line);
                said = self.answer(".");
            } else {
                stream.read_line(&mut line).await?;
                said = self.answer(line.split_whitespace().next().unwrap_or("QUIT"));
            }
        }
        Ok(())
    }

    fn answer(&self, verb: &str) -> String {
        let mut script = self.script.lock().unwrap();
        if script.front().is_some_and(|(scripted, _)| *scripted == verb) {
            return script.pop_front().map(|(_, answer)| answer.to_owned()).unwrap_or_default();
        }
        let usual = match verb {
            "EHLO" => "250-sink\r\n250-AUTH PLAIN\r\n250-8BITMIME\r\n250 SMTPUTF8",
            "AUTH" => "235 welcome",
            "DATA" => "354 go on",
            "QUIT" => HANG_UP,
            _ => "250 ok",
        };
        usual.to_owned()
    }
}
