use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use mesh_policy::{
    Criticality, FieldEncoding, Idempotency, MessageField, MethodPolicy, PolicyTable, RateLimit,
};
use tonic::Code;

use super::*;
use crate::server::RateLimitConfig;

/// One call for each text in field 1, and no more.
static ONCE: PolicyTable = PolicyTable::new(&[MethodPolicy {
    path: "/a.v1.A/A",
    idempotency: Idempotency::Unknown,
    deadline: None,
    retry: None,
    hedge: None,
    criticality: Criticality::Default,
    rate_limit: None,
    key_rate_limit: Some(RateLimit { per_second: 1, burst: 1 }),
    hash_key: Some(MessageField { name: "text", path: &[1], encoding: FieldEncoding::Bytes }),
    client_streaming: false,
    server_streaming: false,
}]);

fn limits() -> Arc<Limits> {
    Arc::new(Limits::new(&RateLimitConfig::default(), ONCE, 1).unwrap())
}

fn message(text: &[u8]) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    [&[0, 0, 0, 0, length + 2, 1 << 3 | 2, length][..], text].concat()
}

/// What comes out of a body of these parts: all its bytes, and how it ends.
async fn read(limits: &Arc<Limits>, path: &str, parts: &[&[u8]]) -> (Vec<u8>, Result<(), Code>) {
    let request = Request::builder().uri(format!("http://h{path}")).body(()).unwrap();
    let toll =
        limits.keyed(&request).map(|call| Toll { limits: Arc::clone(limits), call, begun: BytesMut::new() });
    let frames = parts.iter().map(|part| Ok(Frame::data(Bytes::copy_from_slice(part))));
    let inner = StreamBody::new(stream::iter(frames.collect::<Vec<Result<_, Status>>>()));
    let mut body = LimitedBody { inner, toll, is_over: false };
    let mut came = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => came.extend_from_slice(&frame.into_data().unwrap()),
            Err(status) => {
                assert!(body.frame().await.is_none(), "nothing comes after an error");
                return (came, Err(status.code()));
            }
        }
    }
    (came, Ok(()))
}

#[tokio::test(start_paused = true)]
async fn a_message_passes_unchanged_however_it_is_cut_and_a_second_one_of_its_key_does_not() {
    for cut in 0..message(b"hello").len() {
        let (limits, hello) = (limits(), message(b"hello"));
        let (first, second) = hello.split_at(cut);
        let parts = [first, second];
        assert_eq!(read(&limits, "/a.v1.A/A", &parts).await, (hello.clone(), Ok(())), "{cut}");
        let refused = (Vec::new(), Err(Code::ResourceExhausted));
        assert_eq!(read(&limits, "/a.v1.A/A", &parts).await, refused, "{cut}");
        // Otherwise cut it is the same message.
        assert_eq!(read(&limits, "/a.v1.A/A", &[&hello]).await, refused, "{cut}");
        assert_eq!(read(&limits, "/a.v1.A/A", &[&message(b"other")]).await.1, Ok(()), "{cut}");
    }
}

/// The handler of a unary method is given the first message alone.
#[tokio::test(start_paused = true)]
async fn what_follows_the_first_message_passes_with_it() {
    let limits = limits();
    let two = [message(b"a"), message(b"b")].concat();
    assert_eq!(read(&limits, "/a.v1.A/A", &[&two[..9], &two[9..]]).await, (two.clone(), Ok(())));
    assert_eq!(read(&limits, "/a.v1.A/A", &[&two]).await.1, Err(Code::ResourceExhausted));
    assert_eq!(read(&limits, "/a.v1.A/A", &[&message(b"b")]).await.1, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_not_whole_is_left_to_the_codec_and_costs_nothing() {
    let (limits, hello) = (limits(), message(b"hello"));
    for _ in 0..3 {
        let begun = &hello[..hello.len() - 1];
        assert_eq!(read(&limits, "/a.v1.A/A", &[&begun[..3], &begun[3..]]).await, (begun.to_vec(), Ok(())));
        assert_eq!(read(&limits, "/a.v1.A/A", &[]).await, (Vec::new(), Ok(())));
    }
    assert_eq!(read(&limits, "/a.v1.A/A", &[&hello]).await.1, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_comes_whole_costs_no_allocation() {
    let limits = limits();
    let request = Request::builder().uri("http://h/a.v1.A/A").body(()).unwrap();
    let messages: Vec<_> = (0..100_u8).map(|n| Bytes::from(message(&[n]))).collect();
    let found = allocation_counter::measure(|| {
        for message in messages {
            let call = limits.keyed(&request).unwrap();
            let mut toll = Toll { limits: Arc::clone(&limits), call, begun: BytesMut::new() };
            assert!(toll.add(message).unwrap().is_ok());
        }
    });
    assert_eq!((found.count_total, found.bytes_total), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn bodies_of_other_methods_pass_as_they_are() {
    let limits = limits();
    for _ in 0..3 {
        assert_eq!(read(&limits, "/a.v1.A/B", &[b"x", b"yz"]).await, (b"xyz".to_vec(), Ok(())));
    }
}
