//! One request of HTTP, one answer.

use std::{
    io::{self, Error, ErrorKind},
    net::SocketAddr,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// How long one request may take: making a virtual host on a busy machine is the longest.
const ANSWER: Duration = Duration::from_secs(30);
/// The longest answer that is read.
const LONGEST: u64 = 16 * 1024 * 1024;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// Sends a request with a JSON body, or none if it is empty, and reads the answer to the end of its connection: in
/// HTTP/1.0 the server closes it and never answers in chunks.
pub(super) async fn ask(
    address: SocketAddr,
    authorization: &str,
    method: &str,
    path: &str,
    body: &[u8],
) -> io::Result<Response> {
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\nAuthorization: {authorization}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let asking = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(&[head.as_bytes(), body].concat()).await?;
        let mut answer = Vec::new();
        stream.take(LONGEST).read_to_end(&mut answer).await?;
        parse(&answer)
    };
    timeout(ANSWER, asking).await?
}

fn parse(answer: &[u8]) -> io::Result<Response> {
    let cut = || Error::new(ErrorKind::UnexpectedEof, "the answer is cut off");
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").ok_or_else(cut)?;
    let (head, body) = (String::from_utf8_lossy(&answer[..end]), &answer[end + 4..]);
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let status = status.ok_or_else(|| Error::new(ErrorKind::InvalidData, "the answer is not HTTP"))?;
    let length = lines.filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    if length.is_some_and(|length| length > body.len()) {
        return Err(cut());
    }
    Ok(Response { status, body: body.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_status_and_a_body() {
        let answer = parse(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").unwrap();
        assert_eq!(answer, Response { status: 200, body: b"{}".to_vec() });
        assert_eq!(parse(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().status, 204);
    }

    #[test]
    fn half_an_answer_is_none() {
        for half in [&b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{}"[..], b"HTTP/1.1 200", b""] {
            assert_eq!(parse(half).unwrap_err().kind(), ErrorKind::UnexpectedEof);
        }
        assert_eq!(parse(b"tea\r\n\r\n").unwrap_err().kind(), ErrorKind::InvalidData);
    }
}
