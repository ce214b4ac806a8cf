//! What exchanges and queues are called.

use std::time::Duration;

use lapin::types::ShortString;
use uuid::Uuid;

use crate::{BusError, EventKind};

/// The exchange that every event is published to.
pub(super) const EVENTS: &str = "events";
/// The broker's own exchange: its routing key is a queue's name, and its bindings cannot be deleted.
pub(super) const DEFAULT_EXCHANGE: &str = "";
/// Names are short strings of the protocol. The rest is for prefixes and steps.
const QUEUE_NAME_MAX: usize = 200;

/// The broker's queues of one queue of the bus.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// What is ready or out.
    pub(super) work: ShortString,
    /// What waits, with the time for which.
    pub(super) wait: Vec<(Duration, ShortString)>,
    /// What is parked.
    pub(super) parked: ShortString,
}

// === impl Names ===

impl Names {
    /// # Errors
    /// [`BusError::UnknownQueue`]: a name that the broker cannot have.
    pub(super) fn new(queue: &str, ladder: &[Duration]) -> Result<Self, BusError> {
        if queue.is_empty() || queue.len() > QUEUE_NAME_MAX {
            return Err(BusError::UnknownQueue(queue.chars().take(QUEUE_NAME_MAX).collect()));
        }
        let wait = |step: &Duration| (*step, short(&format!("q.{queue}.wait.{}", step_name(*step))));
        Ok(Self {
            work: short(&format!("q.{queue}")),
            wait: ladder.iter().map(wait).collect(),
            parked: short(&format!("dlq.{queue}")),
        })
    }
}

/// A short string. Callers bound what they pass; what is too long all the same is cut rather than a panic.
pub(super) fn short(text: &str) -> ShortString {
    let end = (0..=text.len().min(255)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    ShortString::try_new(&text[..end]).unwrap_or_default()
}

/// The routing key: the kind, then one of 16 shards by subject, so that lanes which keep an aggregate's order can
/// be made later by binding.
pub(super) fn routing_key(kind: &EventKind, subject: Uuid) -> ShortString {
    let shard = subject.as_bytes()[15] & 0x0f;
    short(&format!("{kind}.{shard:02}"))
}

/// What a queue that wants a kind is bound by: the kind and exactly one word more, so that `user.created` does not
/// also take `user.created.v2`.
pub(super) fn binding_key(kind: &EventKind) -> ShortString {
    short(&format!("{kind}.*"))
}

fn step_name(step: Duration) -> String {
    let ms = step.as_millis();
    match ms {
        0 => "0s".to_owned(),
        _ if ms.is_multiple_of(3_600_000) => format!("{}h", ms / 3_600_000),
        _ if ms.is_multiple_of(60_000) => format!("{}m", ms / 60_000),
        _ if ms.is_multiple_of(1000) => format!("{}s", ms / 1000),
        _ => format!("{ms}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_are_called_by_what_they_hold_and_for_how_long() {
        let steps = [5_000, 60_000, 600_000, 3_600_000, 1_500].map(Duration::from_millis);
        let names = Names::new("notification.user-created", &steps).unwrap();
        assert_eq!(names.work.as_str(), "q.notification.user-created");
        assert_eq!(names.parked.as_str(), "dlq.notification.user-created");
        let steps: Vec<_> = names.wait.iter().map(|(_, name)| name.as_str()).collect();
        let expected = ["5s", "1m", "10m", "1h", "1500ms"];
        assert_eq!(steps, expected.map(|step| format!("q.notification.user-created.wait.{step}")));
    }

    #[test]
    fn a_name_that_the_broker_cannot_have_is_an_unknown_queue() {
        for name in ["", &"é".repeat(200)] {
            assert!(matches!(Names::new(name, &[]), Err(BusError::UnknownQueue(_))), "{name:?}");
        }
    }

    #[test]
    fn a_kind_is_bound_alone() {
        let kind = EventKind::from_static("user.created");
        assert_eq!(routing_key(&kind, Uuid::from_u128(0x2b)).as_str(), "user.created.11");
        assert_eq!(binding_key(&kind).as_str(), "user.created.*");
    }
}
