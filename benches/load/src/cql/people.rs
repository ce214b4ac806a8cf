//! Whom both sides create.

use uuid::Uuid;

/// Somebody to be created.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) id: Uuid,
    pub(super) email: String,
    pub(super) name: String,
    pub(super) request_id: String,
}

/// `count` people whom no other `series` has.
pub(super) fn some(series: u64, count: u64) -> Vec<Person> {
    let person = |number: u64| {
        let name = format!("{series}-{number}");
        Person {
            id: Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()),
            email: format!("person-{name}@example.org"),
            name: format!("Person {name}"),
            request_id: format!("bench-{name}"),
        }
    };
    (0..count).map(person).collect()
}
