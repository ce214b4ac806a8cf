//! Names that tell whose they are: `test_<process>_<number>`.

use std::{
    path::Path,
    process,
    sync::atomic::{AtomicU32, Ordering},
};

/// A name that nothing of this process has had.
pub(super) fn next() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("test_{}_{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Whether this is a name of a process that is gone. No other name is touched, however much it looks like one.
pub(super) fn is_left(name: &str) -> bool {
    owner(name).is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists())
}

fn owner(name: &str) -> Option<u32> {
    let (pid, number) = name.strip_prefix("test_")?.split_once('_')?;
    let number: u32 = number.parse().ok()?;
    let pid: u32 = pid.parse().ok()?;
    // Exactly as `next` writes it.
    (name == format!("test_{pid}_{number}")).then_some(pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_processes_that_are_gone_are_left() {
        assert!(!is_left(&next()), "this process lives");
        // No process gets a number above 2^22.
        assert!(is_left("test_4194305_1"));
        for other in ["test_4194305", "test_a_4194305_1", "test_04194305_1", "test_4194305_x", "user", ""] {
            assert!(!is_left(other), "{other}");
        }
    }
}
