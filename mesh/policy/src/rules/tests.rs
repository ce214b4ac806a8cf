use std::time::Duration;

use super::*;
use crate::{
    Codes, Criticality, FieldEncoding, HedgePolicy, Idempotency, MessageField, MethodPolicy, RateLimit,
    RetryPolicy,
};

const RETRY: RetryPolicy = RetryPolicy {
    max_attempts: 3,
    initial_backoff: Duration::from_millis(10),
    max_backoff: Duration::from_millis(100),
    backoff_multiplier: 2.0,
    retryable_codes: Codes::NONE.with(14),
};

const HEDGE: HedgePolicy = HedgePolicy { max_attempts: 2, delay: Duration::from_millis(50) };

const READ: MethodPolicy = MethodPolicy {
    path: "/a.v1.A/Get",
    idempotency: Idempotency::NoSideEffects,
    deadline: Some(Duration::from_millis(250)),
    retry: Some(RETRY),
    hedge: None,
    criticality: Criticality::Default,
    rate_limit: None,
    key_rate_limit: None,
    hash_key: None,
    client_streaming: false,
    server_streaming: false,
};

const USER_ID: MessageField = MessageField { name: "user.id", path: &[1, 2], encoding: FieldEncoding::Bytes };

const REQUEST: RequestShape = RequestShape {
    request_id: FieldShape::Missing,
    hash_key: FieldShape::Missing,
    naturally_idempotent: false,
};

fn with_retry(retry: RetryPolicy) -> Vec<Unsafe> {
    check_policy(&MethodPolicy { retry: Some(retry), ..READ })
}

fn with_hedge(hedge: HedgePolicy) -> Vec<Unsafe> {
    check_policy(&MethodPolicy { retry: None, hedge: Some(hedge), ..READ })
}

#[test]
fn a_sound_read_is_safe() {
    assert_eq!(check_policy(&READ), []);
    assert_eq!(with_hedge(HEDGE), []);
}

#[test]
fn only_a_response_stream_may_do_without_a_deadline() {
    let endless = MethodPolicy { deadline: None, ..READ };
    assert_eq!(check_policy(&endless), [Unsafe::NoDeadline]);
    assert_eq!(check_policy(&MethodPolicy { server_streaming: true, ..endless }), []);
    assert_eq!(
        check_policy(&MethodPolicy { deadline: Some(Duration::ZERO), ..READ }),
        [Unsafe::ZeroDeadline]
    );
}

#[test]
fn what_may_have_effects_is_never_sent_twice() {
    let unknown = MethodPolicy { idempotency: Idempotency::Unknown, ..READ };
    assert_eq!(check_policy(&unknown), [Unsafe::RetryOfUnknown]);
    for idempotency in [Idempotency::Unknown, Idempotency::Idempotent] {
        let hedged = MethodPolicy { idempotency, retry: None, hedge: Some(HEDGE), ..READ };
        assert_eq!(check_policy(&hedged), [Unsafe::HedgeOfEffects(idempotency)]);
    }
    assert_eq!(check_policy(&MethodPolicy { idempotency: Idempotency::Idempotent, ..READ }), []);
    assert_eq!(check_policy(&MethodPolicy { retry: None, ..unknown }), []);
}

#[test]
fn a_request_stream_is_never_sent_twice() {
    let stream = MethodPolicy { client_streaming: true, ..READ };
    assert_eq!(check_policy(&stream), [Unsafe::RepeatedStream(Repeat::Retry)]);
    let hedged = MethodPolicy { retry: None, hedge: Some(HEDGE), ..stream };
    assert_eq!(check_policy(&hedged), [Unsafe::RepeatedStream(Repeat::Hedge)]);
}

#[test]
fn a_call_is_retried_or_hedged_but_not_both() {
    assert_eq!(check_policy(&MethodPolicy { hedge: Some(HEDGE), ..READ }), [Unsafe::RetryAndHedge]);
}

#[test]
fn attempts_are_two_to_five() {
    for max_attempts in [0, 1, 6, u32::MAX] {
        let retry = Unsafe::Attempts { repeat: Repeat::Retry, max_attempts };
        assert_eq!(with_retry(RetryPolicy { max_attempts, ..RETRY }), [retry]);
        let hedge = Unsafe::Attempts { repeat: Repeat::Hedge, max_attempts };
        assert_eq!(with_hedge(HedgePolicy { max_attempts, ..HEDGE }), [hedge]);
    }
    for max_attempts in 2..=5 {
        assert_eq!(with_retry(RetryPolicy { max_attempts, ..RETRY }), []);
    }
}

#[test]
fn waits_start_above_zero_and_never_shrink() {
    assert_eq!(with_retry(RetryPolicy { initial_backoff: Duration::ZERO, ..RETRY }), [Unsafe::ZeroBackoff]);
    let (initial, max) = (RETRY.initial_backoff, Duration::from_millis(9));
    let found = with_retry(RetryPolicy { max_backoff: max, ..RETRY });
    assert_eq!(found, [Unsafe::BackoffOrder { initial, max }]);
    for backoff_multiplier in [0.0, 0.99, -2.0, f64::INFINITY] {
        let found = with_retry(RetryPolicy { backoff_multiplier, ..RETRY });
        assert_eq!(found, [Unsafe::Multiplier(backoff_multiplier)]);
    }
    // Not a number equals nothing, itself included.
    let found = with_retry(RetryPolicy { backoff_multiplier: f64::NAN, ..RETRY });
    assert!(matches!(found[..], [Unsafe::Multiplier(found)] if found.is_nan()));
    assert_eq!(with_hedge(HedgePolicy { delay: Duration::ZERO, ..HEDGE }), [Unsafe::ZeroDelay]);
}

#[test]
fn a_retry_needs_codes_and_none_of_them_is_ok() {
    assert_eq!(with_retry(RetryPolicy { retryable_codes: Codes::NONE, ..RETRY }), [Unsafe::NoCodes]);
    let ok = RetryPolicy { retryable_codes: Codes::NONE.with(14).with(0), ..RETRY };
    assert_eq!(with_retry(ok), [Unsafe::RetriedOk]);
}

#[test]
fn all_attempts_fit_strictly_within_the_deadline() {
    // Three attempts: waits of 8 and 16 ms after the smallest jitter, and 1 ms an attempt.
    let needed = Duration::from_millis(27);
    let at = |deadline| check_policy(&MethodPolicy { deadline: Some(deadline), ..READ });
    assert_eq!(at(needed + Duration::from_nanos(1)), []);
    let found = at(needed);
    assert_eq!(
        found,
        [Unsafe::DoesNotFit { repeat: Repeat::Retry, max_attempts: 3, needed, deadline: needed }]
    );
    assert_eq!(
        found[0].to_string(),
        "has a retry policy whose 3 attempts need more than 27ms (the shortest waits, and 1ms an attempt), \
         but its deadline is 27ms"
    );
}

#[test]
fn all_hedges_fit_strictly_within_the_deadline() {
    let needed = Duration::from_millis(51);
    let at = |deadline| {
        check_policy(&MethodPolicy { retry: None, hedge: Some(HEDGE), deadline: Some(deadline), ..READ })
    };
    assert_eq!(at(needed + Duration::from_nanos(1)), []);
    let found = Unsafe::DoesNotFit { repeat: Repeat::Hedge, max_attempts: 2, needed, deadline: needed };
    assert_eq!(at(needed), [found]);
}

#[test]
fn the_longest_durations_do_not_panic() {
    let retry = RetryPolicy { initial_backoff: Duration::MAX, max_backoff: Duration::MAX, ..RETRY };
    assert!(matches!(with_retry(retry)[..], [Unsafe::DoesNotFit { needed: Duration::MAX, .. }]));
    let hedge = HedgePolicy { delay: Duration::MAX, max_attempts: 5 };
    assert!(matches!(with_hedge(hedge)[..], [Unsafe::DoesNotFit { needed: Duration::MAX, .. }]));
}

#[test]
fn a_rate_limit_lets_something_pass() {
    for (per_second, burst) in [(0, 1), (1, 0), (0, 0)] {
        let limited = MethodPolicy { rate_limit: Some(RateLimit { per_second, burst }), ..READ };
        assert_eq!(check_policy(&limited), [Unsafe::ZeroRateLimit("rate_limit")]);
        let limited = MethodPolicy {
            key_rate_limit: Some(RateLimit { per_second, burst }),
            hash_key: Some(USER_ID),
            ..READ
        };
        assert_eq!(check_policy(&limited), [Unsafe::ZeroRateLimit("key_rate_limit")]);
    }
    assert_eq!(
        check_policy(&MethodPolicy { rate_limit: Some(RateLimit { per_second: 1, burst: 1 }), ..READ }),
        []
    );
}

#[test]
fn a_hash_key_is_one_string_bytes_or_integer() {
    let keyed = MethodPolicy { hash_key: Some(USER_ID), ..READ };
    for hash_key in [FieldShape::String, FieldShape::Bytes, FieldShape::Integer] {
        assert_eq!(check_contract(&keyed, &RequestShape { hash_key, ..REQUEST }), []);
    }
    for shape in [FieldShape::Missing, FieldShape::Repeated, FieldShape::Other] {
        let found = check_contract(&keyed, &RequestShape { hash_key: shape, ..REQUEST });
        assert_eq!(found, [Unsafe::HashKey { key: "user.id".to_owned(), shape }]);
    }
}

#[test]
fn a_limit_for_each_key_needs_a_key() {
    let limited = MethodPolicy { key_rate_limit: Some(RateLimit { per_second: 1, burst: 1 }), ..READ };
    assert_eq!(check_policy(&limited), [Unsafe::KeyLimitWithoutKey]);
    assert_eq!(check_policy(&MethodPolicy { hash_key: Some(USER_ID), ..limited }), []);
}

#[test]
fn a_request_stream_has_no_hash_key() {
    let stream = MethodPolicy { hash_key: Some(USER_ID), client_streaming: true, retry: None, ..READ };
    assert_eq!(check_contract(&stream, &REQUEST), [Unsafe::HashKeyOfStream]);
}

#[test]
fn an_idempotent_write_carries_a_request_id_or_is_so_by_nature() {
    let write = MethodPolicy { idempotency: Idempotency::Idempotent, ..READ };
    assert_eq!(check_contract(&write, &REQUEST), [Unsafe::RequestId(FieldShape::Missing)]);
    let bytes = RequestShape { request_id: FieldShape::Bytes, ..REQUEST };
    assert_eq!(check_contract(&write, &bytes), [Unsafe::RequestId(FieldShape::Bytes)]);
    let string = RequestShape { request_id: FieldShape::String, ..REQUEST };
    assert_eq!(check_contract(&write, &string), []);
    let natural = RequestShape { naturally_idempotent: true, ..REQUEST };
    assert_eq!(check_contract(&write, &natural), []);
    let found = Unsafe::NaturalButNotIdempotent(Idempotency::NoSideEffects);
    assert_eq!(check_contract(&READ, &natural), [found]);
}

#[test]
fn a_read_with_a_request_id_is_odd_but_safe() {
    assert_eq!(check_contract(&READ, &RequestShape { request_id: FieldShape::String, ..REQUEST }), []);
}

#[test]
fn every_finding_is_reported() {
    let found = check_policy(&MethodPolicy {
        idempotency: Idempotency::Unknown,
        deadline: None,
        rate_limit: Some(RateLimit { per_second: 0, burst: 1 }),
        ..READ
    });
    assert_eq!(found, [Unsafe::NoDeadline, Unsafe::RetryOfUnknown, Unsafe::ZeroRateLimit("rate_limit")]);
}
