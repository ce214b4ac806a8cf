//! The policies of all methods.

use crate::MethodPolicy;

/// The policies of all methods of all contracts, in static memory, sorted by path.
#[derive(Clone, Copy, Debug)]
pub struct PolicyTable(&'static [MethodPolicy]);

impl PolicyTable {
    /// A table over `policies`, which are sorted by path, byte by byte, each path once.
    ///
    /// # Panics
    /// When they are not. `mesh-build` writes `static` tables, so there the panic is a compile error.
    pub const fn new(policies: &'static [MethodPolicy]) -> Self {
        let mut next = 1;
        while next < policies.len() {
            assert!(
                is_less(policies[next - 1].path, policies[next].path),
                "a policy table is sorted by path and names each path once"
            );
            next += 1;
        }
        Self(policies)
    }

    /// The policy of the method at `path` (`/user.v1.UserService/GetUser`), if a contract has it.
    pub fn get(&self, path: &str) -> Option<&'static MethodPolicy> {
        self.find(path).map(|(_, policy)| policy)
    }

    /// The same, and which of [`iter`](Self::iter) it is.
    pub fn find(&self, path: &str) -> Option<(usize, &'static MethodPolicy)> {
        let found = self.0.binary_search_by(|policy| policy.path.cmp(path)).ok()?;
        Some((found, self.0.get(found)?))
    }

    /// All policies, by path.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'static MethodPolicy> + use<> {
        self.0.iter()
    }
}

/// `a < b` as bytes, where `Ord` cannot yet be called in a constant.
const fn is_less(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() {
        if a[at] != b[at] {
            return a[at] < b[at];
        }
        at += 1;
    }
    a.len() < b.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Criticality, Idempotency};

    const fn policy(path: &'static str) -> MethodPolicy {
        MethodPolicy {
            path,
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
        }
    }

    static TABLE: PolicyTable =
        PolicyTable::new(&[policy("/a.v1.A/Get"), policy("/a.v1.A/GetAll"), policy("/b.v1.B/Get")]);

    #[test]
    fn finds_every_method_by_its_path_and_no_other() {
        for known in ["/a.v1.A/Get", "/a.v1.A/GetAll", "/b.v1.B/Get"] {
            assert_eq!(TABLE.get(known).map(|policy| policy.path), Some(known));
        }
        for unknown in ["", "/", "/a.v1.A/Ge", "/a.v1.A/GetA", "/c.v1.C/Get", "a.v1.A/Get"] {
            assert_eq!(TABLE.get(unknown), None, "{unknown}");
        }
        assert_eq!(TABLE.iter().len(), 3);
    }

    #[test]
    #[should_panic(expected = "sorted by path")]
    fn refuses_a_table_out_of_order() {
        let _ = PolicyTable::new(const { &[policy("/b"), policy("/a")] });
    }

    #[test]
    #[should_panic(expected = "each path once")]
    fn refuses_a_path_that_stands_twice() {
        let _ = PolicyTable::new(const { &[policy("/a"), policy("/a")] });
    }

    #[test]
    fn orders_as_strings_do() {
        for (a, b) in [("", "a"), ("a", "a"), ("a", "ab"), ("ab", "b"), ("/Z", "/a"), ("é", "z")] {
            assert_eq!(is_less(a, b), a < b, "{a} {b}");
            assert_eq!(is_less(b, a), b < a, "{b} {a}");
        }
    }
}
