//! The EndpointSlices of a service (discovery.k8s.io/v1), and the endpoints that they come to.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
};

use serde::Deserialize;

use super::api::Change;
use crate::client::address::Address;

/// No service has more: with a hundred endpoints in each, as is usual, it would have 500,000 pods.
const MOST: usize = 5_000;

/// All slices of a service, by name.
#[derive(Debug, Default)]
pub(super) struct Slices(BTreeMap<String, Slice>);

/// One slice, as far as it is read.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Slice {
    metadata: Meta,
    #[serde(default)]
    endpoints: Option<Vec<SliceEndpoint>>,
    #[serde(default)]
    ports: Option<Vec<SlicePort>>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Meta {
    name: String,
    #[serde(default, rename = "resourceVersion")]
    version: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct SliceEndpoint {
    addresses: Vec<String>,
    #[serde(default)]
    conditions: Option<Conditions>,
    /// Kept for balancing by zones.
    #[serde(default)]
    zone: Option<String>,
    #[serde(default, rename = "targetRef")]
    target: Option<TargetRef>,
}

/// What is not said of an endpoint is taken for the best: "nil should be interpreted as true", for `ready`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
struct Conditions {
    #[serde(default)]
    ready: Option<bool>,
    #[serde(default)]
    serving: Option<bool>,
    #[serde(default)]
    terminating: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct TargetRef {
    #[serde(default)]
    uid: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct SlicePort {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    port: Option<u16>,
}

impl Slice {
    pub(super) fn version(&self) -> &str {
        &self.metadata.version
    }

    pub(super) fn into_name(self) -> String {
        self.metadata.name
    }

    /// The number of the port of this name or number.
    fn port(&self, wanted: &str) -> Option<u16> {
        let number: Option<u16> = wanted.parse().ok();
        let mut ports = self.ports.iter().flatten();
        let is_wanted = |port: &&SlicePort| match number {
            Some(number) => port.port == Some(number),
            None => port.name.as_deref() == Some(wanted),
        };
        ports.find(is_wanted)?.port
    }
}

impl Conditions {
    fn is_ready(self) -> bool {
        self.ready.unwrap_or(true)
    }

    /// It answers still, though it is told to stop.
    fn is_last_resort(self) -> bool {
        self.serving.unwrap_or(self.is_ready()) && self.terminating.unwrap_or(false)
    }
}

impl Slices {
    pub(super) fn of(slices: impl IntoIterator<Item = Slice>) -> Self {
        let mut all = Self::default();
        slices.into_iter().for_each(|slice| {
            all.set(slice);
        });
        all
    }

    /// Returns whether that may change the endpoints.
    pub(super) fn take(&mut self, change: Change) -> bool {
        match change {
            Change::Set(slice) => self.set(slice),
            Change::Gone(name) => self.remove(&name),
            Change::Nothing => false,
        }
    }

    /// Returns whether that may change the endpoints.
    pub(super) fn set(&mut self, slice: Slice) -> bool {
        let name = &slice.metadata.name;
        if self.0.len() >= MOST && !self.0.contains_key(name) {
            tracing::warn!(slice = name, "the service has too many slices: this one is left out");
            return false;
        }
        let same = self
            .0
            .get(name)
            .is_some_and(|known| known.endpoints == slice.endpoints && known.ports == slice.ports);
        self.0.insert(name.clone(), slice);
        !same
    }

    /// Returns whether it was there.
    pub(super) fn remove(&mut self, name: &str) -> bool {
        self.0.remove(name).is_some()
    }

    /// The zones that endpoints are in.
    pub(super) fn zones(&self) -> BTreeSet<&str> {
        let endpoints = self.0.values().flat_map(|slice| slice.endpoints.iter().flatten());
        endpoints.filter_map(|endpoint| endpoint.zone.as_deref()).collect()
    }

    /// Those that are ready; if none is, those that stop and serve still. The same pod may stand in several slices: as
    /// it moves from one to the next, and in a dual-stack cluster with an address of each family.
    pub(super) fn endpoints(&self, port: &str) -> Vec<Address> {
        let ready = self.chosen(port, Conditions::is_ready);
        if ready.is_empty() { self.chosen(port, Conditions::is_last_resort) } else { ready }
    }

    fn chosen(&self, port: &str, is_chosen: impl Fn(Conditions) -> bool) -> Vec<Address> {
        let mut alone = BTreeSet::new();
        let mut pods = BTreeMap::<&str, Vec<SocketAddr>>::new();
        for slice in self.0.values() {
            let Some(port) = slice.port(port) else { continue };
            for endpoint in slice.endpoints.iter().flatten() {
                if !is_chosen(endpoint.conditions.unwrap_or_default()) {
                    continue;
                }
                // "If multiple addresses are specified, [..] clients should use the first." Names are not followed.
                let Some(ip) = endpoint.addresses.first().and_then(|ip| ip.parse::<IpAddr>().ok()) else {
                    continue;
                };
                let address = SocketAddr::new(ip, port);
                match endpoint.target.as_ref().and_then(|target| target.uid.as_deref()) {
                    Some(uid) => pods.entry(uid).or_default().push(address),
                    None => {
                        alone.insert(address);
                    }
                }
            }
        }
        let pods = pods.into_values().filter_map(Address::of_one_server);
        let mut endpoints: Vec<_> = pods.chain(alone.into_iter().map(Address::Ip)).collect();
        endpoints.sort_unstable_by_key(Address::key);
        endpoints
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn slice(name: &str, ports: serde_json::Value, endpoints: serde_json::Value) -> Slice {
        let slice = json!({ "metadata": { "name": name }, "ports": ports, "endpoints": endpoints });
        Slice::deserialize(slice).unwrap()
    }

    fn grpc() -> serde_json::Value {
        json!([{ "name": "admin", "port": 9000 }, { "name": "grpc", "port": 50051, "protocol": "TCP" }])
    }

    fn found(slices: &[Slice], port: &str) -> Vec<String> {
        let endpoints = Slices::of(slices.iter().cloned()).endpoints(port);
        endpoints.iter().map(Address::to_string).collect()
    }

    #[test]
    fn slices_add_up_and_what_stands_in_two_is_one_endpoint() {
        let a = slice("a", grpc(), json!([{ "addresses": ["10.0.0.1"] }, { "addresses": ["10.0.0.2"] }]));
        let b = slice("b", grpc(), json!([{ "addresses": ["10.0.0.2"] }, { "addresses": ["10.0.0.3"] }]));
        let expected = ["10.0.0.1:50051", "10.0.0.2:50051", "10.0.0.3:50051"];
        assert_eq!(found(&[a.clone(), b.clone()], "grpc"), expected);
        assert_eq!(found(&[a.clone(), b], "50051"), expected);
        assert_eq!(found(&[a], "9000"), ["10.0.0.1:9000", "10.0.0.2:9000"]);
    }

    #[test]
    fn only_ready_ones_count_unless_there_are_none() {
        let conditions = |ready, serving, terminating| json!({ "ready": ready, "serving": serving, "terminating": terminating });
        let starting = json!({ "addresses": ["10.0.0.1"], "conditions": conditions(false, false, false) });
        let stopping = json!({ "addresses": ["10.0.0.2"], "conditions": conditions(false, true, true) });
        let stopped = json!({ "addresses": ["10.0.0.3"], "conditions": conditions(false, false, true) });
        let ready = json!({ "addresses": ["10.0.0.4"], "conditions": conditions(true, true, false) });
        let of = |endpoints| found(&[slice("a", grpc(), endpoints)], "grpc");
        assert_eq!(of(json!([starting, stopping, stopped, ready])), ["10.0.0.4:50051"]);
        assert_eq!(of(json!([starting, stopping, stopped])), ["10.0.0.2:50051"]);
        assert_eq!(of(json!([starting, stopped])), [""; 0]);
    }

    #[test]
    fn what_is_not_said_is_taken_for_ready() {
        let endpoints = json!([
            { "addresses": ["10.0.0.1"], "conditions": {} },
            { "addresses": ["10.0.0.2"], "conditions": null },
            { "addresses": ["10.0.0.3"], "conditions": { "ready": null, "serving": null } },
        ]);
        assert_eq!(found(&[slice("a", grpc(), endpoints)], "grpc").len(), 3);
    }

    #[test]
    fn the_two_addresses_of_a_dual_stack_pod_are_one_endpoint() {
        let four = json!([{ "addresses": ["10.0.0.1"], "targetRef": { "uid": "x" } }]);
        let six = json!([{ "addresses": ["fd00::1"], "targetRef": { "uid": "x" } }]);
        let slices = Slices::of([slice("four", grpc(), four), slice("six", grpc(), six)]);
        let both = vec!["10.0.0.1:50051".parse().unwrap(), "[fd00::1]:50051".parse().unwrap()];
        assert_eq!(slices.endpoints("grpc"), [Address::of_one_server(both).unwrap()]);
    }

    #[test]
    fn what_makes_no_sense_is_left_out() {
        let endpoints = json!([{ "addresses": ["pod.example"] }, { "addresses": [] }]);
        assert_eq!(found(&[slice("a", grpc(), endpoints)], "grpc"), [""; 0]);
        let one = || json!([{ "addresses": ["10.0.0.1"] }]);
        assert_eq!(found(&[slice("a", json!(null), one())], "grpc"), [""; 0]);
        assert_eq!(found(&[slice("a", json!([{ "name": "grpc" }]), one())], "grpc"), [""; 0]);
        assert_eq!(found(&[slice("a", grpc(), json!(null))], "grpc"), [""; 0]);
    }

    #[test]
    fn a_change_that_changes_nothing_is_none() {
        let one = slice("a", grpc(), json!([{ "addresses": ["10.0.0.1"], "zone": "z1" }]));
        let mut slices = Slices::of([one.clone()]);
        assert!(!slices.set(one));
        assert_eq!(slices.zones(), BTreeSet::from(["z1"]));
        assert!(slices.set(slice("a", grpc(), json!([{ "addresses": ["10.0.0.2"] }]))));
        assert!(slices.remove("a") && !slices.remove("a"));
        assert_eq!(slices.zones(), BTreeSet::new());
    }
}
