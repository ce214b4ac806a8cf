use std::collections::BTreeSet;

use tracing::{info_span, subscriber};

use super::*;

fn names() -> impl Iterator<Item = &'static str> {
    [grpc::ALL, rpc::ALL, messaging::ALL, database::ALL, mesh::ALL, resource::ALL]
        .into_iter()
        .flatten()
        .copied()
}

#[test]
fn names_are_dotted_lower_snake_case_without_a_total() {
    for name in names() {
        let words: Vec<_> = name.split('.').collect();
        assert!(words.len() >= 2, "{name}");
        for word in words {
            let plain = word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
            assert!(plain && word.starts_with(|first: char| first.is_ascii_lowercase()), "{name}");
        }
        assert!(!name.ends_with("_total"), "{name}");
    }
}

#[test]
fn no_name_means_two_things() {
    let distinct: BTreeSet<_> = names().collect();
    assert_eq!(distinct.len(), names().count());
}

#[test]
fn names_stay_in_the_namespace_of_whoever_defined_them() {
    let namespaces: BTreeSet<_> = names().filter_map(|name| name.split('.').next()).collect();
    assert_eq!(
        namespaces,
        BTreeSet::from(["db", "error", "grpc", "mesh", "messaging", "network", "rpc", "server", "service"])
    );
    assert!(mesh::ALL.iter().all(|name| name.starts_with("mesh.")));
}

#[test]
fn a_constant_can_name_the_field_of_a_span() {
    subscriber::with_default(tracing_subscriber::registry(), || {
        let span = info_span!("call", { rpc::METHOD } = "user.v1.UserService/GetUser");
        assert!(span.has_field(rpc::METHOD));
    });
}

#[test]
fn every_metric_of_grpc_is_described_and_no_attribute_is() {
    let described: BTreeSet<_> = grpc::describe::ALL.iter().map(|descriptor| descriptor.name).collect();
    let attributes =
        [grpc::METHOD, grpc::TARGET, grpc::STATUS, grpc::DETECTION_METHOD, grpc::UNENFORCED_REASON];
    let metrics = grpc::ALL.iter().copied().filter(|name| !attributes.contains(name)).collect();
    assert_eq!(described, metrics);
}
