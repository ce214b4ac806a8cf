//! Any bytes for a client.

use std::time::Duration;

use echo::{ServerStreamRequest, UnaryRequest};
use futures_util::StreamExt as _;
use mesh_rpc::Listener as _;
use rand::{RngExt as _, rngs::StdRng};
use tokio::{io::AsyncWriteExt as _, time::Instant};
use tonic::Request;

use crate::{
    cases::each,
    garbage::{bytes, mutate, pieces},
    support::{
        EchoClient, Network, channel,
        frames::{ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, frame},
        message,
    },
};

const DEADLINE: Duration = Duration::from_secs(5);

fn within<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    request
}

/// One unary call and one stream, to a server that says `said` on each connection. Both end by their deadline.
fn with_client(said: &[&[u8]]) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let network = Network::default();
        let mut listener = network.listen(1);
        let said: Vec<Vec<u8>> = said.iter().map(|piece| piece.to_vec()).collect();
        tokio::spawn(async move {
            while let Ok((mut io, _)) = listener.accept().await {
                let said = said.clone();
                tokio::spawn(async move {
                    for piece in said {
                        if io.write_all(&piece).await.is_err() {
                            return;
                        }
                        tokio::task::yield_now().await;
                    }
                    // Reads whatever comes, so that the client is never kept from writing.
                    let _ = tokio::io::copy(&mut io, &mut tokio::io::sink()).await;
                });
            }
        });
        let mut client = EchoClient::new(channel(&network, &[1]));
        let begun = Instant::now();
        let _ = client.unary(within(UnaryRequest { text: "hello".to_owned() })).await;
        assert!(begun.elapsed() <= DEADLINE + Duration::from_millis(1), "{:?}", begun.elapsed());
        let begun = Instant::now();
        let request = within(ServerStreamRequest { count: 2, text: "hello".to_owned() });
        if let Ok(answers) = client.server_stream(request).await {
            let _ = answers.into_inner().collect::<Vec<_>>().await;
        }
        assert!(begun.elapsed() <= DEADLINE + Duration::from_millis(1), "{:?}", begun.elapsed());
    });
}

/// A head or trailers of literals that are not indexed (RFC 7541), behind `:status: 200` if it is a head.
fn block(is_head: bool, pairs: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut block = if is_head { vec![0x88] } else { Vec::new() };
    for (name, value) in pairs {
        block.extend_from_slice(&[0, u8::try_from(name.len()).unwrap()]);
        block.extend_from_slice(name.as_bytes());
        block.push(u8::try_from(value.len()).unwrap());
        block.extend_from_slice(value);
    }
    block
}

/// Answers to the first two calls.
fn answers(random: &mut StdRng) -> Vec<u8> {
    let mut said = [frame(SETTINGS, 0, 0, &[]), frame(SETTINGS, ACK, 0, &[])].concat();
    for stream in [1, 3] {
        let mut head = vec![("content-type", b"application/grpc".to_vec())];
        if random.random_bool(0.3) {
            head.push(("grpc-encoding", bytes(random, 6)));
        }
        said.extend(frame(HEADERS, END_HEADERS, stream, &block(true, &head)));
        for _ in 0..random.random_range(0..3) {
            said.extend(frame(DATA, 0, stream, &message(random.random_range(0..2), &bytes(random, 40))));
        }
        let code = [b"0".to_vec(), b"14".to_vec(), bytes(random, 3)][random.random_range(0..3)].clone();
        let trailers = [
            ("grpc-status", code),
            ("grpc-message", bytes(random, 20)),
            ("grpc-status-details-bin", bytes(random, 20)),
            ("grpc-retry-pushback-ms", bytes(random, 5)),
        ];
        said.extend(frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(false, &trailers)));
        match random.random_range(0..5) {
            0 => said.extend(frame(RST_STREAM, 0, stream, &[0, 0, 0, random.random_range(0..14)])),
            1 => said.extend(frame(PING, 0, 0, &[7; 8])),
            2 => said.extend(frame(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0])),
            _ => {}
        }
    }
    said
}

#[test]
fn garbage_of_a_server() {
    each("garbage_of_a_server", 200, |random| {
        let mut said = if random.random() { frame(SETTINGS, 0, 0, &[]) } else { Vec::new() };
        said.extend(bytes(random, 500));
        with_client(&pieces(random, &said));
    });
}

#[test]
fn answers_of_any_headers_and_messages() {
    each("answers_of_any_headers_and_messages", 400, |random| {
        let said = answers(random);
        with_client(&pieces(random, &said));
    });
}

#[test]
fn nearly_sound_answers() {
    each("nearly_sound_answers", 400, |random| {
        let mut said = answers(random);
        mutate(random, &mut said);
        with_client(&pieces(random, &said));
    });
}
