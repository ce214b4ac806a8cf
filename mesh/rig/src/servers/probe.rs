//! Whether a server answers, in its own protocol: just enough of both to know.

use std::{
    io::{self, Error, ErrorKind},
    net::SocketAddr,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use super::{
    error::ServersError,
    process::{POLL, SURE, Server},
    wanted::Kind,
};

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(5);
/// The longest frame that is read.
const LONGEST: u32 = 64 * 1024;

/// Asks a server of this kind for its greeting.
pub(super) async fn greets(kind: Kind, address: SocketAddr) -> io::Result<()> {
    let greeting = async {
        match kind {
            Kind::Cql => Cql::connect(address).await.map(drop),
            Kind::Rabbitmq => amqp(address).await,
        }
    };
    timeout(ANSWER, greeting).await?
}

/// Whether anybody listens there.
pub(super) async fn is_taken(address: SocketAddr) -> bool {
    matches!(timeout(ANSWER, TcpStream::connect(address)).await, Ok(Ok(_)))
}

/// Whether this node of a CQL cluster knows `others` nodes beside itself, and reaches them all now.
pub(super) async fn sees_all(address: SocketAddr, others: u8) -> io::Result<()> {
    let look = async {
        let mut cql = Cql::connect(address).await?;
        let known = cql.count("SELECT COUNT(*) FROM system.peers", ONE).await?;
        if known != i64::from(others) {
            return Err(Error::new(ErrorKind::NotConnected, format!("it knows {known} other nodes")));
        }
        // A table with three replicas, or as many as there are nodes: every node has to answer.
        cql.count("SELECT COUNT(*) FROM system_distributed.view_build_status", EVERY).await.map(drop)
    };
    timeout(ANSWER, look).await?
}

/// Waits until `look` succeeds, for at most `limit`. With a server of ours the wait ends when that ends.
pub(super) async fn until<F: Future<Output = io::Result<()>>>(
    name: &str,
    server: Option<&Server>,
    limit: Duration,
    look: impl Fn() -> F,
) -> Result<(), ServersError> {
    let logged = || server.map(Server::logged).unwrap_or_default();
    let end = Instant::now() + limit;
    let mut misses = 0;
    loop {
        let Err(error) = look().await else { return Ok(()) };
        let is_missing = server.is_some_and(|server| !server.is_running());
        misses = if is_missing { misses + 1 } else { 0 };
        if misses == SURE {
            return Err(ServersError::Died { server: name.to_owned(), logged: logged() });
        }
        if Instant::now() >= end {
            let logged = format!(" ({error}){}", logged());
            return Err(ServersError::Silent { server: name.to_owned(), limit, logged });
        }
        sleep(POLL).await;
    }
}

/// The header of AMQP 0-9-1; the answer is a frame of channel 0 with the method connection.start.
async fn amqp(address: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"AMQP\x00\x00\x09\x01").await?;
    let mut start = [0; 11];
    stream.read_exact(&mut start).await?;
    if start[..3] == [1, 0, 0] && start[7..] == [0, 10, 0, 10] {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidData, "the answer is not AMQP 0-9-1"))
}

// Opcodes and consistencies of the CQL binary protocol, version 4.
const ERROR: u8 = 0x00;
const STARTUP: u8 = 0x01;
const READY: u8 = 0x02;
const AUTHENTICATE: u8 = 0x03;
const OPTIONS: u8 = 0x05;
const SUPPORTED: u8 = 0x06;
const QUERY: u8 = 0x07;
const RESULT: u8 = 0x08;
const ONE: u16 = 0x0001;
const EVERY: u16 = 0x0005;

/// A connection in the CQL binary protocol.
#[derive(Debug)]
struct Cql {
    stream: TcpStream,
}

impl Cql {
    /// Connects and starts up; that the node then asks for a password is a greeting too.
    async fn connect(address: SocketAddr) -> io::Result<Self> {
        let mut cql = Self { stream: TcpStream::connect(address).await? };
        cql.ask(OPTIONS, &[], &[SUPPORTED]).await?;
        let mut startup = 1_u16.to_be_bytes().to_vec();
        for word in ["CQL_VERSION", "3.0.0"] {
            startup.extend(length(word.len())?.to_be_bytes());
            startup.extend(word.as_bytes());
        }
        cql.ask(STARTUP, &startup, &[READY, AUTHENTICATE]).await?;
        Ok(cql)
    }

    /// Runs a query whose result is one count.
    async fn count(&mut self, query: &str, consistency: u16) -> io::Result<i64> {
        let mut body = u32::from(length(query.len())?).to_be_bytes().to_vec();
        body.extend(query.as_bytes());
        body.extend(consistency.to_be_bytes());
        // No flags: no values, no paging.
        body.push(0);
        let result = self.ask(QUERY, &body, &[RESULT]).await?;
        // Whatever describes the columns comes first; the one value of the one row comes last.
        let count = result.last_chunk().ok_or_else(|| Error::from(ErrorKind::InvalidData))?;
        Ok(i64::from_be_bytes(*count))
    }

    async fn ask(&mut self, opcode: u8, body: &[u8], expected: &[u8]) -> io::Result<Vec<u8>> {
        let mut frame = vec![4, 0, 0, 0, opcode];
        frame.extend(u32::from(length(body.len())?).to_be_bytes());
        frame.extend(body);
        self.stream.write_all(&frame).await?;
        let mut header = [0; 9];
        self.stream.read_exact(&mut header).await?;
        let [_, _, _, _, opcode, size @ ..] = header;
        let size = u32::from_be_bytes(size);
        if header[0] & 0x80 == 0 || size > LONGEST {
            return Err(Error::new(ErrorKind::InvalidData, "the answer is not CQL"));
        }
        let mut body = vec![0; usize::try_from(size).map_err(Error::other)?];
        self.stream.read_exact(&mut body).await?;
        if opcode == ERROR {
            let message = body.get(6..).unwrap_or_default();
            return Err(Error::other(String::from_utf8_lossy(message).into_owned()));
        }
        if !expected.contains(&opcode) {
            return Err(Error::new(ErrorKind::InvalidData, format!("opcode {opcode} was not asked for")));
        }
        Ok(body)
    }
}

fn length(length: usize) -> io::Result<u16> {
    u16::try_from(length).map_err(Error::other)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Answers everything with these bytes, whatever is asked.
    async fn answering(answer: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut question = [0; 256];
            while stream.read(&mut question).await.is_ok_and(|read| read > 0) {
                if stream.write_all(answer).await.is_err() {
                    return;
                }
            }
        });
        address
    }

    #[tokio::test]
    async fn a_broker_greets_with_connection_start() {
        let start = answering(b"\x01\x00\x00\x00\x00\x01\xd0\x00\x0a\x00\x0a\x00\x09").await;
        greets(Kind::Rabbitmq, start).await.unwrap();
        let other = answering(b"AMQP\x00\x00\x09\x01 something else").await;
        assert_eq!(greets(Kind::Rabbitmq, other).await.unwrap_err().kind(), ErrorKind::InvalidData);
    }

    #[tokio::test]
    async fn a_server_of_another_protocol_is_not_a_cql_node() {
        let other = answering(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        assert_eq!(greets(Kind::Cql, other).await.unwrap_err().kind(), ErrorKind::InvalidData);
        let never_ready = answering(b"\x84\x00\x00\x00\x06\x00\x00\x00\x00").await;
        greets(Kind::Cql, never_ready).await.unwrap_err();
    }

    #[tokio::test]
    async fn what_a_node_complains_about_is_passed_on() {
        let error = answering(b"\x84\x00\x00\x00\x00\x00\x00\x00\x0a\x00\x00\x10\x01\x00\x04busy").await;
        assert_eq!(greets(Kind::Cql, error).await.unwrap_err().to_string(), "busy");
    }
}
