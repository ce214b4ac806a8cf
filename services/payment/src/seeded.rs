//! Bugs that are put in on purpose, to see that they are caught.

/// Whether the bug of this name is switched on; never without failpoints compiled in.
pub(crate) fn seeded(bug: &str) -> bool {
    fail::fail_point!(bug, |_| true);
    let _ = bug;
    false
}
