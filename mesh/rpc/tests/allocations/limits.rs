//! What it costs to let a call in, to count it against its caller, to hold it back, and to find its key.

use std::time::Duration;

use allocation_counter::measure;
use http::Request;
use mesh_policy::{
    Criticality, FieldEncoding, Idempotency, MessageField, MethodPolicy, PolicyTable, RateLimit,
};
use mesh_rpc::{
    AdaptiveThrottleConfig, LoadShedConfig, RateLimitConfig, ServerDecisions, ThrottleDecisions, parsers,
};
use prost::Message as _;
use tokio::time::Instant;

const PATH: &str = "/a.v1.A/Limited";

static POLICIES: PolicyTable = PolicyTable::new(&[MethodPolicy {
    path: PATH,
    idempotency: Idempotency::Unknown,
    deadline: None,
    retry: None,
    hedge: None,
    criticality: Criticality::Default,
    rate_limit: Some(RateLimit { per_second: u32::MAX, burst: u32::MAX }),
    key_rate_limit: None,
    hash_key: None,
    client_streaming: false,
    server_streaming: false,
}]);

const CLASSES: [Criticality; 3] = [Criticality::Sheddable, Criticality::Default, Criticality::Critical];

/// Longer than the longest window of a limiter whose calls take no time, so that some end.
const SOME_WINDOWS: Duration = Duration::from_millis(200);

#[test]
fn who_is_let_in_timed_or_turned_away_by_the_limiter_allocates_nothing() {
    let config = LoadShedConfig { min_limit: 10, initial_limit: 10, ..LoadShedConfig::default() };
    let server = ServerDecisions::of(&config, &RateLimitConfig::default(), POLICIES).unwrap();
    let (mut let_in, mut turned_away) = (0, 0);
    let counted = measure(|| {
        let begun = Instant::now();
        while begun.elapsed() < SOME_WINDOWS {
            for class in CLASSES {
                // More than there is room for at first.
                let room = server.let_in(class, 12);
                let_in += room;
                turned_away += u32::from(room < 12);
            }
        }
    });
    assert_eq!((counted.count_total, counted.bytes_total), (0, 0));
    assert!(let_in > 0 && turned_away > 0, "{let_in}, {turned_away}");
}

#[test]
fn a_call_of_a_known_caller_takes_from_its_bucket_without_an_allocation() {
    for caller_key in [None, Some("x-caller".to_owned())] {
        let config = RateLimitConfig { caller_key, ..RateLimitConfig::default() };
        let server = ServerDecisions::of(&LoadShedConfig::default(), &config, POLICIES).unwrap();
        let request = |caller: &str| {
            Request::builder().uri(format!("http://h{PATH}")).header("x-caller", caller).body(()).unwrap()
        };
        let (known, unknown) = (request("known"), request("unknown"));
        assert!(server.take(&known));
        let counted = measure(|| assert!((0..1_000).all(|_| server.take(&known))));
        assert_eq!((counted.count_total, counted.bytes_total), (0, 0));
        // One that is seen for the first time takes a place that was there before.
        let counted = measure(|| assert!(server.take(&unknown)));
        assert_eq!((counted.count_total, counted.bytes_total), (0, 0));
    }
}

#[test]
fn the_throttle_of_a_channel_allocates_nothing_whether_it_sends_or_holds_back() {
    let channel = ThrottleDecisions::of(&AdaptiveThrottleConfig::default());
    let mut sent = 0;
    let counted = measure(|| {
        for call in 0..3_000_u32 {
            // The first thousand is answered.
            sent += u32::from(channel.send(CLASSES[call as usize % 3], call >= 1_000));
        }
    });
    assert_eq!((counted.count_total, counted.bytes_total), (0, 0));
    assert!((1_000..3_000).contains(&sent), "{sent}");
}

#[derive(Clone, PartialEq, prost::Message)]
struct User {
    #[prost(string, tag = "1")]
    user_id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct GetUserRequest {
    #[prost(uint64, tag = "1")]
    number: u64,
    #[prost(string, tag = "2")]
    text: String,
    #[prost(message, optional, tag = "3")]
    user: Option<User>,
}

#[test]
fn the_key_of_a_message_is_found_without_an_allocation() {
    let user = Some(User { user_id: "0197-a-user-of-ours".to_owned() });
    let message = GetUserRequest { number: 7, text: "x".repeat(1_000), user }.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let frame = [&[0][..], &length, &message].concat();
    let field = |path, encoding| MessageField { name: "key", path, encoding };
    for field in [field(&[3, 1], FieldEncoding::Bytes), field(&[1], FieldEncoding::Varint)] {
        let counted = measure(|| assert!(parsers::message_key(&frame, &field).is_some()));
        assert_eq!((counted.count_total, counted.bytes_total), (0, 0), "{field:?}");
    }
}
