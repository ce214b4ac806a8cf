//! Who is served first when not everybody can be, from hop to hop.
//!
//! A contract gives each method a class ([`Criticality`]); what a call is done for can only lower it. A call that
//! is made while another one is handled has at most the class of that one, which the server stack puts into a
//! task-local and the client stack sends on in `mesh-criticality`: work that nobody waits for does not become
//! urgent because it passes through a service that others wait for. A server gives each call the lower of what
//! its contract says and what the caller says, so no caller can make itself more important than the contract
//! does. The classes are those of the Google SRE book ("Handling Overload", "Criticality"), without the highest.
//!
//! As the deadline, the task-local ends at `tokio::spawn`; [`scope`] takes it along.

use std::future::Future;

use http::{HeaderMap, HeaderName, HeaderValue};
use mesh_policy::Criticality;

tokio::task_local! {
    static CURRENT: Criticality;
}

/// `sheddable`, `default` or `critical`; whoever says something else says nothing.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("mesh-criticality");

/// All classes, the one that is shed first in front.
pub(crate) const CLASSES: [Criticality; 3] =
    [Criticality::Sheddable, Criticality::Default, Criticality::Critical];

/// The class that bounds the calls of this task, if anything does.
pub fn current() -> Option<Criticality> {
    CURRENT.try_with(|class| *class).ok()
}

/// Runs `future` with its calls in `class` at most. An inner scope can only lower: the lower of `class` and
/// [`current`] holds.
pub async fn scope<F: Future>(class: Criticality, future: F) -> F::Output {
    CURRENT.scope(bounded(class), future).await
}

/// Polls something of a call of this class, which is nobody's child.
pub(crate) fn enter<T>(class: Criticality, poll: impl FnOnce() -> T) -> T {
    // Nothing is above the highest class: it bounds nothing.
    if class == Criticality::Critical { poll() } else { CURRENT.sync_scope(class, poll) }
}

/// `class`, or the class of what the call is done for, if that is lower.
pub(crate) fn bounded(class: Criticality) -> Criticality {
    current().map_or(class, |current| current.min(class))
}

/// The name of a class, as the header says it.
pub(crate) const fn name(class: Criticality) -> &'static str {
    match class {
        Criticality::Sheddable => "sheddable",
        Criticality::Default => "default",
        Criticality::Critical => "critical",
    }
}

/// What the header says.
pub(crate) fn said(headers: &HeaderMap) -> Option<Criticality> {
    let said = headers.get(HEADER)?;
    CLASSES.into_iter().find(|class| said == name(*class))
}

/// The header for a class.
pub(crate) const fn header(class: Criticality) -> HeaderValue {
    HeaderValue::from_static(name(class))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_scope_can_only_lower() {
        assert_eq!(current(), None);
        scope(Criticality::Default, async {
            assert_eq!(bounded(Criticality::Critical), Criticality::Default);
            assert_eq!(bounded(Criticality::Sheddable), Criticality::Sheddable);
            scope(Criticality::Critical, async { assert_eq!(current(), Some(Criticality::Default)) }).await;
            scope(Criticality::Sheddable, async { assert_eq!(current(), Some(Criticality::Sheddable)) })
                .await;
        })
        .await;
        assert_eq!(bounded(Criticality::Critical), Criticality::Critical);
    }

    #[test]
    fn a_header_names_a_class_or_says_nothing() {
        for class in CLASSES {
            assert_eq!(said(&HeaderMap::from_iter([(HEADER, header(class))])), Some(class));
        }
        for nothing in ["", "Critical", "critical_plus", "0"] {
            let headers = HeaderMap::from_iter([(HEADER, nothing.parse().unwrap())]);
            assert_eq!(said(&headers), None, "{nothing:?}");
        }
    }
}
