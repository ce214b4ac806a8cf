use mesh_policy::{Criticality, FieldEncoding, Idempotency, MethodPolicy};

use super::*;

const LIMITED: MethodPolicy = MethodPolicy {
    path: "/a.v1.A/Limited",
    idempotency: Idempotency::Unknown,
    deadline: None,
    retry: None,
    hedge: None,
    criticality: Criticality::Default,
    rate_limit: Some(RateLimit { per_second: 1, burst: 4 }),
    key_rate_limit: None,
    hash_key: None,
    client_streaming: false,
    server_streaming: false,
};
static POLICIES: PolicyTable =
    PolicyTable::new(&[LIMITED, MethodPolicy { path: "/a.v1.A/Unlimited", rate_limit: None, ..LIMITED }]);

const ID: MessageField = MessageField { name: "id", path: &[1], encoding: FieldEncoding::Fixed64 };
static KEYED: PolicyTable = PolicyTable::new(&[
    MethodPolicy {
        path: "/a.v1.A/Keyed",
        rate_limit: None,
        key_rate_limit: Some(RateLimit { per_second: 2, burst: 3 }),
        hash_key: Some(ID),
        ..LIMITED
    },
    MethodPolicy { path: "/a.v1.A/Other", rate_limit: None, hash_key: Some(ID), ..LIMITED },
    MethodPolicy { path: "/a.v1.A/Without", rate_limit: None, ..LIMITED },
]);

fn taken(limits: &Limits, path: &str, caller: Option<&str>) -> usize {
    let mut request = Request::builder().uri(format!("http://h{path}"));
    if let Some(caller) = caller {
        request = request.header("x-caller", caller);
    }
    let request = request.body(()).unwrap();
    (0..20).take_while(|_| limits.take(&request).is_ok()).count()
}

#[tokio::test(start_paused = true)]
async fn configuration_tightens_and_adds_and_never_loosens() {
    let limit = |per_second, burst| RateLimit { per_second, burst };
    let methods = vec![
        ("/a.v1.A/Limited".to_owned(), limit(9, 2)),
        ("/a.v1.A/Limited".to_owned(), limit(9, 9)),
        ("/a.v1.A/Unlimited".to_owned(), limit(9, 9)),
    ];
    let limits =
        Limits::new(&RateLimitConfig { methods, ..RateLimitConfig::default() }, POLICIES, 1).unwrap();
    let taken = |path| taken(&limits, path, None);
    assert_eq!(["/a.v1.A/Limited", "/a.v1.A/Unlimited", "/a.v1.A/Other"].map(taken), [2, 9, 20]);
    // One a second, as the contract says, not nine.
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(taken("/a.v1.A/Limited"), 1);
    assert_eq!(limits.refused(), 3);
}

#[tokio::test(start_paused = true)]
async fn callers_do_not_share_a_bucket() {
    let config = RateLimitConfig { caller_key: Some("x-caller".to_owned()), ..RateLimitConfig::default() };
    let limits = Limits::new(&config, POLICIES, 1).unwrap();
    let taken = |caller| taken(&limits, "/a.v1.A/Limited", caller);
    assert_eq!([Some("a"), Some("b"), None, Some("a"), None].map(taken), [4, 4, 4, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn without_limits_there_is_no_table() {
    let tables = |enabled, policies| {
        let config = RateLimitConfig { enabled, ..RateLimitConfig::default() };
        let limits = Limits::new(&config, policies, 1).unwrap();
        (limits.callers.is_some(), limits.keys.is_some())
    };
    assert_eq!(tables(true, PolicyTable::new(&[])), (false, false));
    assert_eq!(tables(true, POLICIES), (true, false));
    assert_eq!(tables(true, KEYED), (false, true));
    assert_eq!(tables(false, KEYED), (false, false));
}

/// How many of twenty calls with this message are let in.
fn taken_of(limits: &Limits, caller: &str, message: &[u8]) -> usize {
    let request =
        Request::builder().uri("http://h/a.v1.A/Keyed").header("x-caller", caller).body(()).unwrap();
    let call = limits.keyed(&request).unwrap();
    (0..20).take_while(|_| limits.take_key(call, message).is_ok()).count()
}

/// A message whose key is `id`.
fn message(id: u64) -> [u8; 9] {
    let mut bytes = [1 << 3 | 1; 9];
    bytes[1..].copy_from_slice(&id.to_le_bytes());
    bytes
}

fn keyed(message_keys: u32) -> Limits {
    let caller_key = Some("x-caller".to_owned());
    let config = RateLimitConfig { caller_key, message_keys, ..RateLimitConfig::default() };
    Limits::new(&config, KEYED, 1).unwrap()
}

#[tokio::test(start_paused = true)]
async fn each_caller_has_a_bucket_for_each_key_and_one_for_messages_without_a_key() {
    let limits = keyed(64);
    let taken = |caller, id| taken_of(&limits, caller, &message(id));
    assert_eq!([taken("a", 1), taken("a", 2), taken("b", 1), taken("a", 1)], [3, 3, 3, 0]);
    // Absent, zero and malformed.
    assert_eq!([&[][..], &message(0), &[7]].map(|message| taken_of(&limits, "a", message)), [3, 0, 0]);
    assert_eq!(taken("a", 3), 3);
    tokio::time::advance(Duration::from_millis(500)).await;
    assert_eq!([taken("a", 1), taken("a", 1), taken("b", 1)], [1, 0, 1]);
    let error = limits.take_key(Keyed { method: 0, caller: hash_of(b"a") }, &message(1)).unwrap_err();
    let limit = RateLimit { per_second: 2, burst: 3 };
    let path = "/a.v1.A/Keyed".to_owned();
    let wait = Duration::from_millis(500);
    assert_eq!(error, MeshError::RateLimited { path, key: Some("id"), limit, wait });
}

/// The tables are as large afterwards as they were before; a key that is used all the time is not forgotten, and
/// neither is a caller.
#[tokio::test(start_paused = true)]
async fn a_flood_of_keys_frees_no_heavy_one_and_no_caller() {
    let caller_key = Some("x-caller".to_owned());
    let methods = vec![("/a.v1.A/Keyed".to_owned(), RateLimit { per_second: 1, burst: 4 })];
    let config =
        RateLimitConfig { caller_key, methods, message_keys: 64, keys: 64, ..RateLimitConfig::default() };
    let limits = Limits::new(&config, KEYED, 1).unwrap();
    assert_eq!(taken(&limits, "/a.v1.A/Keyed", Some("heavy")), 4);
    let mut let_in = taken_of(&limits, "heavy", &message(1));
    for n in 0..100_000 {
        taken_of(&limits, "flood", &message(mix(n)));
        let_in += taken_of(&limits, "heavy", &message(1));
    }
    // Not a moment has passed.
    assert_eq!((let_in, taken(&limits, "/a.v1.A/Keyed", Some("heavy"))), (3, 0));
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(taken_of(&limits, "heavy", &message(1)), 3);
}

#[tokio::test(start_paused = true)]
async fn configuration_tightens_limits_of_keys_and_adds_them_where_there_is_a_key() {
    let limit = |per_second, burst| RateLimit { per_second, burst };
    let new = |path: &str, limit| {
        let key_methods = vec![(path.to_owned(), limit)];
        Limits::new(&RateLimitConfig { key_methods, ..RateLimitConfig::default() }, KEYED, 1)
    };
    let limits = new("/a.v1.A/Keyed", limit(9, 1)).unwrap();
    assert_eq!(taken_of(&limits, "a", &message(1)), 1);
    let keys = limits.methods[0].keys.unwrap();
    assert_eq!(keys.gcra.limit(), limit(2, 1));
    let limits = new("/a.v1.A/Other", limit(9, 9)).unwrap();
    assert_eq!(limits.methods.iter().filter(|method| method.keys.is_some()).count(), 2);
    for path in ["/a.v1.A/Unknown", "/a.v1.A/Without"] {
        assert!(new(path, limit(9, 9)).unwrap_err().contains("hash_key"), "{path}");
    }
}

#[test]
fn waits_are_rounded_up() {
    assert_eq!(rounded_up(Duration::from_nanos(1)), (1, 1));
    assert_eq!(rounded_up(Duration::from_millis(1_500)), (1_500, 2));
    assert_eq!(quota(RateLimit { per_second: 10, burst: 25 }), (25, 3));
}
