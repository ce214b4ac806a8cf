//! Every unsafe contract is refused with a message that names file, method and rule.

use crate::workshop::Workshop;

const HEADER: &str = r#"syntax = "proto3";
package a.v1;
import "mesh/v1/policy.proto";
message Inner { string name = 1; repeated string names = 2; bool flag = 3; }
message Request { string id = 1; Inner inner = 2; repeated Inner inners = 3; map<string, string> labels = 4; double ratio = 5; }
message Write { string request_id = 1; }
message Numbered { int64 request_id = 1; }
message Response {}
service Store {
"#;

/// The line of the first method.
const LINE: usize = 10;

/// The findings about a service of these methods, one a line.
fn findings(methods: &str) -> Vec<String> {
    let contract = format!("{HEADER}{methods}\n}}\n");
    let error = Workshop::with(&[("a/v1/store.proto", &contract)]).compile().unwrap_err().to_string();
    let mut lines = error.lines().map(str::to_owned);
    assert_eq!(lines.next().as_deref(), Some("the contracts are unsafe:"), "{error}");
    lines.collect()
}

/// The one finding about the method `Get` with this signature, level and policy.
#[track_caller]
fn assert_refused(signature: &str, level: &str, policy: &str, finding: &str) {
    let level = if level.is_empty() { String::new() } else { format!("option idempotency_level = {level};") };
    let method = format!("rpc Get{signature} {{ {level} option (mesh.v1.method) = {{ {policy} }}; }}");
    assert_eq!(findings(&method), [format!("  a/v1/store.proto:{LINE}: a.v1.Store/Get {finding}")]);
}

const UNARY: &str = "(Request) returns (Response)";
const READ: &str = "NO_SIDE_EFFECTS";
const DEADLINE: &str = "deadline { seconds: 1 }";
const RETRY: &str = r#"deadline { seconds: 1 } retry { max_attempts: 3 initial_backoff { nanos: 10000000 }
    max_backoff { nanos: 100000000 } backoff_multiplier: 2 retryable_codes: "UNAVAILABLE" }"#;
const HEDGE: &str = "deadline { seconds: 1 } hedge { max_attempts: 2 delay { nanos: 50000000 } }";

#[test]
fn a_method_without_a_policy() {
    let finding = "has no policy: give it `option (mesh.v1.method) = { ... }`";
    assert_eq!(
        findings("rpc Get(Request) returns (Response);"),
        [format!("  a/v1/store.proto:{LINE}: a.v1.Store/Get {finding}")]
    );
}

#[test]
fn a_method_of_a_file_that_does_not_even_know_policies() {
    let contract = "syntax = \"proto3\"; package b.v1; message M {} service S { rpc Do(M) returns (M); }";
    let error = Workshop::with(&[("b/v1/s.proto", contract)]).compile().unwrap_err().to_string();
    assert!(error.contains("b/v1/s.proto:1: b.v1.S/Do has no policy"), "{error}");
}

#[test]
fn a_unary_method_without_a_deadline() {
    let finding = "has no deadline; only a method that streams its responses may do without";
    assert_refused(UNARY, READ, "", finding);
    assert_refused("(stream Request) returns (Response)", READ, "", finding);
}

#[test]
fn a_deadline_of_zero() {
    assert_refused(UNARY, READ, "deadline {}", "has a deadline of zero");
}

#[test]
fn a_retry_of_a_method_that_is_not_idempotent() {
    assert_refused(UNARY, "", RETRY, "retries a method whose idempotency_level is not set");
}

#[test]
fn a_hedge_of_a_method_with_side_effects() {
    let not = |level| format!("hedges a method whose idempotency_level is {level}, not NO_SIDE_EFFECTS");
    assert_refused(UNARY, "", HEDGE, &not("not set"));
    assert_refused("(Write) returns (Response)", "IDEMPOTENT", HEDGE, &not("IDEMPOTENT"));
}

#[test]
fn a_retry_or_hedge_of_a_stream_of_requests() {
    let of = |what| format!("has a {what} policy, but a stream of requests cannot be repeated");
    assert_refused("(stream Request) returns (Response)", READ, RETRY, &of("retry"));
    assert_refused("(stream Request) returns (stream Response)", READ, HEDGE, &of("hedge"));
}

#[test]
fn a_retry_and_a_hedge() {
    let both = format!("{RETRY} hedge {{ max_attempts: 2 delay {{ nanos: 50000000 }} }}");
    assert_refused(UNARY, READ, &both, "has both a retry and a hedge policy; a method may have one");
}

#[test]
fn attempts_outside_two_to_five() {
    for (attempts, retry) in
        [1, 6].map(|n| (n, RETRY.replace("max_attempts: 3", &format!("max_attempts: {n}"))))
    {
        let finding = format!("has a retry policy with max_attempts {attempts}, not 2 to 5");
        assert_refused(UNARY, READ, &retry, &finding);
    }
    let hedge = HEDGE.replace("max_attempts: 2", "max_attempts: 6");
    assert_refused(UNARY, READ, &hedge, "has a hedge policy with max_attempts 6, not 2 to 5");
}

#[test]
fn waits_that_are_zero_or_shrink() {
    let retry = RETRY.replace("initial_backoff { nanos: 10000000 }", "");
    assert_refused(UNARY, READ, &retry, "has a retry policy whose initial_backoff is not above zero");
    let retry = RETRY.replace("max_backoff { nanos: 100000000 }", "max_backoff { nanos: 9000000 }");
    let finding = "has a retry policy whose max_backoff 9ms is below its initial_backoff 10ms";
    assert_refused(UNARY, READ, &retry, finding);
    for multiplier in ["0.5", "-1", "inf", "nan"] {
        let retry = RETRY.replace("backoff_multiplier: 2", &format!("backoff_multiplier: {multiplier}"));
        let spelt = multiplier.replace("nan", "NaN");
        let finding = format!(
            "has a retry policy whose backoff_multiplier is {spelt}, not a finite number of at least 1"
        );
        assert_refused(UNARY, READ, &retry, &finding);
    }
    let hedge = HEDGE.replace("delay { nanos: 50000000 }", "");
    assert_refused(UNARY, READ, &hedge, "has a hedge policy whose delay is not above zero");
}

#[test]
fn durations_that_are_none() {
    let deadline = "gives `deadline` a negative or invalid google.protobuf.Duration";
    for none in ["seconds: -1", "nanos: -1", "nanos: 1000000000", "seconds: 315576000001"] {
        assert_refused(UNARY, READ, &format!("deadline {{ {none} }}"), deadline);
    }
    let retry = RETRY.replace("initial_backoff { nanos: 10000000 }", "initial_backoff { seconds: -1 }");
    let finding = "gives `initial_backoff` a negative or invalid google.protobuf.Duration";
    assert_refused(UNARY, READ, &retry, finding);
}

#[test]
fn codes_that_are_missing_unknown_or_ok() {
    let with = |codes| RETRY.replace(r#"retryable_codes: "UNAVAILABLE""#, codes);
    assert_refused(UNARY, READ, &with(""), "has a retry policy without retryable_codes");
    let ok = with(r#"retryable_codes: ["OK", "UNAVAILABLE"]"#);
    assert_refused(UNARY, READ, &ok, "has a retry policy that retries OK");
    let unknown = with(r#"retryable_codes: "Unavailable""#);
    let finding = "has a retry policy with the unknown code `Unavailable`; codes are named like UNAVAILABLE";
    assert_refused(UNARY, READ, &unknown, finding);
}

#[test]
fn attempts_that_cannot_fit_their_deadline() {
    let retry = RETRY.replace(DEADLINE, "deadline { nanos: 27000000 }");
    assert_refused(
        UNARY,
        READ,
        &retry,
        "has a retry policy whose 3 attempts need more than 27ms (the shortest waits, and 1ms an attempt), \
         but its deadline is 27ms",
    );
    let hedge = HEDGE.replace(DEADLINE, "deadline { nanos: 50000000 }");
    assert_refused(
        UNARY,
        READ,
        &hedge,
        "has a hedge policy whose 2 attempts need more than 51ms (the shortest waits, and 1ms an attempt), \
         but its deadline is 50ms",
    );
}

#[test]
fn a_rate_limit_that_lets_nothing_pass() {
    let finding = "has a rate_limit whose per_second or burst is zero";
    assert_refused(UNARY, READ, &format!("{DEADLINE} rate_limit {{ burst: 1 }}"), finding);
    assert_refused(UNARY, READ, &format!("{DEADLINE} rate_limit {{ per_second: 1 }}"), finding);
    let finding = "has a key_rate_limit whose per_second or burst is zero";
    assert_refused(UNARY, READ, &format!("{DEADLINE} hash_key: 'id' key_rate_limit {{}}"), finding);
}

#[test]
fn a_limit_for_each_key_without_a_key() {
    let policy = format!("{DEADLINE} key_rate_limit {{ per_second: 1 burst: 1 }}");
    let finding = "has a key_rate_limit, but no hash_key whose values it could limit";
    assert_refused(UNARY, READ, &policy, finding);
}

#[test]
fn a_hash_key_that_names_no_value_to_hash() {
    let other = "is a message, an enum, a bool or a floating-point number";
    for (key, shape) in [
        ("user_id", "does not exist"),
        ("id.name", "does not exist"),
        ("inner.nam", "does not exist"),
        ("inner.", "does not exist"),
        (".id", "does not exist"),
        ("inner", other),
        ("inner.flag", other),
        ("ratio", other),
        ("labels", "is repeated"),
        ("inner.names", "is repeated"),
        ("inners.name", "is repeated"),
    ] {
        let finding = format!(
            "has the hash_key `{key}`, but that field of the request {shape}; \
             it must be one string, bytes or integer"
        );
        assert_refused(UNARY, READ, &format!("{DEADLINE} hash_key: '{key}'"), &finding);
    }
}

#[test]
fn a_hash_key_of_a_stream_of_requests() {
    let policy = format!("{DEADLINE} hash_key: 'id'");
    let finding = "has a hash_key, but a stream of requests has no single value to hash";
    assert_refused("(stream Request) returns (Response)", READ, &policy, finding);
}

#[test]
fn an_idempotent_write_without_a_request_id() {
    let without = |what| {
        format!(
            "is IDEMPOTENT, but its request's request_id {what}; \
             give it a `string request_id` or say naturally_idempotent"
        )
    };
    assert_refused(UNARY, "IDEMPOTENT", DEADLINE, &without("does not exist"));
    assert_refused("(Numbered) returns (Response)", "IDEMPOTENT", DEADLINE, &without("is an integer"));
}

#[test]
fn a_natural_idempotency_of_what_is_not_idempotent() {
    let policy = format!("{DEADLINE} naturally_idempotent: true");
    let finding =
        |level| format!("is naturally_idempotent, but its idempotency_level is {level}, not IDEMPOTENT");
    assert_refused(UNARY, "", &policy, &finding("not set"));
    assert_refused(UNARY, READ, &policy, &finding(READ));
}

#[test]
fn all_findings_of_all_methods_at_once_and_nothing_is_written() {
    let methods = "rpc First(Request) returns (Response);\n\
                   rpc Second(Request) returns (Response) { option (mesh.v1.method) = {\n\
                     rate_limit {} hash_key: 'none' }; }";
    let contract = format!("{HEADER}{methods}\n}}\n");
    let other = contract.replace("package a.v1", "package b.v1");
    let workshop = Workshop::with(&[("b/v1/b.proto", &other), ("a/v1/a.proto", &contract)]);
    let error = workshop.compile().unwrap_err().to_string();
    let places: Vec<_> = error.lines().skip(1).filter_map(|line| line.split(" has ").next()).collect();
    let (first, second) = ("  a/v1/a.proto:10: a.v1.Store/First", "  a/v1/a.proto:11: a.v1.Store/Second");
    let (third, fourth) = ("  b/v1/b.proto:10: b.v1.Store/First", "  b/v1/b.proto:11: b.v1.Store/Second");
    assert_eq!(places, [first, second, second, second, third, fourth, fourth, fourth], "{error}");
    assert_eq!(workshop.out.path().read_dir().unwrap().count(), 0);
}
