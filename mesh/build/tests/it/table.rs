//! A sound contract becomes a table, code and descriptors.

use std::fs;
use std::time::Duration;

use mesh_policy::{
    Codes, Criticality, FieldEncoding, HedgePolicy, Idempotency, MessageField, MethodPolicy, RateLimit,
    RetryPolicy,
};
use prost_reflect::DescriptorPool;

use crate::workshop::Workshop;
use compiled::POLICIES;

const CONTRACT: &str = include_str!("../contracts/good/shop/v1/shop_service.proto");
/// What the contract compiles to, kept beside it so that it is compiled into this test.
const TABLE: &str = include_str!("../contracts/good/policies.rs");
#[expect(unreachable_pub, reason = "it is written for a library to publish")]
mod compiled {
    include!("../contracts/good/policies.rs");
}

fn compiled() -> Workshop {
    let workshop = Workshop::with(&[("shop/v1/shop_service.proto", CONTRACT)]);
    workshop.compile().unwrap();
    workshop
}

#[test]
fn the_written_table_is_the_one_that_is_compiled_here() {
    assert_eq!(compiled().output("policies.rs"), TABLE);
}

#[test]
fn the_table_says_what_the_contract_says() {
    let unsaid = MethodPolicy {
        path: "",
        idempotency: Idempotency::Unknown,
        deadline: None,
        retry: None,
        hedge: None,
        criticality: Criticality::Default,
        rate_limit: None,
        key_rate_limit: None,
        hash_key: None,
        client_streaming: false,
        server_streaming: false,
    };
    let expected = [
        MethodPolicy {
            path: "/shop.v1.ShopService/CheckItem",
            idempotency: Idempotency::NoSideEffects,
            deadline: Some(Duration::from_secs(2)),
            ..unsaid
        },
        MethodPolicy {
            path: "/shop.v1.ShopService/CreateItem",
            idempotency: Idempotency::Idempotent,
            deadline: Some(Duration::from_secs(2)),
            ..unsaid
        },
        MethodPolicy {
            path: "/shop.v1.ShopService/DeleteItem",
            idempotency: Idempotency::Idempotent,
            deadline: Some(Duration::from_secs(2)),
            ..unsaid
        },
        MethodPolicy {
            path: "/shop.v1.ShopService/FindItem",
            idempotency: Idempotency::NoSideEffects,
            deadline: Some(Duration::new(1, 1)),
            hedge: Some(HedgePolicy { max_attempts: 2, delay: Duration::from_millis(50) }),
            criticality: Criticality::Sheddable,
            ..unsaid
        },
        MethodPolicy {
            path: "/shop.v1.ShopService/GetItem",
            idempotency: Idempotency::NoSideEffects,
            deadline: Some(Duration::from_millis(250)),
            retry: Some(RetryPolicy {
                max_attempts: 3,
                initial_backoff: Duration::from_millis(10),
                max_backoff: Duration::from_millis(100),
                backoff_multiplier: 1.5,
                retryable_codes: Codes::NONE.with(14).with(8),
            }),
            criticality: Criticality::Critical,
            rate_limit: Some(RateLimit { per_second: 100, burst: 20 }),
            key_rate_limit: Some(RateLimit { per_second: 5, burst: 10 }),
            hash_key: Some(MessageField { name: "item.id", path: &[1, 1], encoding: FieldEncoding::Varint }),
            ..unsaid
        },
        MethodPolicy {
            path: "/shop.v1.ShopService/ImportItems",
            deadline: Some(Duration::from_secs(600)),
            client_streaming: true,
            ..unsaid
        },
        MethodPolicy { path: "/shop.v1.ShopService/WatchItems", server_streaming: true, ..unsaid },
    ];
    assert!(POLICIES.iter().eq(&expected), "{POLICIES:#?}");
}

#[test]
fn the_code_has_clients_and_servers_but_no_transport() {
    let code = compiled().output("shop.v1.rs");
    for expected in
        ["ShopServiceClient", "ShopServiceServer", "BTreeMap", "bytes::Bytes", "/shop.v1.ShopService/GetItem"]
    {
        assert!(code.contains(expected), "{expected} is missing in {code}");
    }
    assert!(!code.contains("transport"), "{code}");
    assert!(!code.contains("serde"), "{code}");
}

#[test]
fn the_descriptors_keep_comments_and_options() {
    let bytes = fs::read(compiled().out.path().join("descriptors.bin")).unwrap();
    let pool = DescriptorPool::decode(bytes.as_slice()).unwrap();
    let service = pool.get_service_by_name("shop.v1.ShopService").unwrap();
    let method = service.methods().find(|method| method.name() == "GetItem").unwrap();
    let option = pool.get_extension_by_name("mesh.v1.method").unwrap();
    let policy = method.options().get_extension(&option).to_string();
    assert!(policy.contains("item.id"), "{policy}");
    let file = service.parent_file();
    let places = &file.file_descriptor_proto().source_code_info.as_ref().unwrap().location;
    let comment = places.iter().find(|place| place.path == service.path()).unwrap();
    assert_eq!(comment.leading_comments(), " A shop.\n");
}

#[test]
fn the_output_is_the_same_each_time() {
    let (first, second) = (compiled(), compiled());
    for name in ["policies.rs", "shop.v1.rs"] {
        assert_eq!(first.output(name), second.output(name), "{name}");
    }
    let bytes = |workshop: &Workshop| fs::read(workshop.out.path().join("descriptors.bin")).unwrap();
    assert_eq!(bytes(&first), bytes(&second));
}
