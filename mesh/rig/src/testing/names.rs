//! Names that tell whose they are: `test_<process>_<number>`, and its family, `test_<process>_<number>_<word>`.

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

/// Whether this is the name itself, or one that a program with several keyspaces has made of it.
pub(super) fn is_family(name: &str, of: &str) -> bool {
    name.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

fn owner(name: &str) -> Option<u32> {
    let (pid, rest) = name.strip_prefix("test_")?.split_once('_')?;
    let number: u32 = rest.split('_').next()?.parse().ok()?;
    let pid: u32 = pid.parse().ok()?;
    // Exactly as `next` writes it.
    is_family(name, &format!("test_{pid}_{number}")).then_some(pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_processes_that_are_gone_are_left() {
        assert!(!is_left(&next()), "this process lives");
        // No process gets a number above 2^22.
        assert!(is_left("test_4194305_1") && is_left("test_4194305_1_user"));
        for other in [
            "test_4194305",
            "test_a_4194305_1",
            "test_04194305_1",
            "test_4194305_x",
            "test_4194305_x_1",
            "user",
            "",
        ] {
            assert!(!is_left(other), "{other}");
        }
    }

    #[test]
    fn a_family_has_the_name_as_its_first_words() {
        assert!(is_family("test_1_1", "test_1_1") && is_family("test_1_1_user", "test_1_1"));
        assert!(!is_family("test_1_10", "test_1_1") && !is_family("test_1_1", "test_1_1_user"));
    }
}
