//! The name of a method for telemetry.

use mesh_policy::PolicyTable;
use mesh_telemetry::semconv::rpc;

/// What every server has beside its contracts, sorted.
const OURS: [&str; 4] = [
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// `user.v1.UserService/GetUser` of a path that a contract knows, and one name for all others: what callers make
/// up must not make up names in telemetry.
pub(super) fn name(path: &str, policies: &PolicyTable) -> &'static str {
    let known = policies.get(path).map(|policy| policy.path);
    let known = known.or_else(|| OURS.into_iter().find(|ours| *ours == path));
    known.map_or(rpc::OTHER_METHOD, |path| path.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_methods_have_a_name() {
        let policies = PolicyTable::new(&[]);
        assert_eq!(name("/grpc.health.v1.Health/Check", &policies), "grpc.health.v1.Health/Check");
        assert_eq!(name("/grpc.health.v1.Health/Cheat", &policies), "_OTHER");
    }
}
