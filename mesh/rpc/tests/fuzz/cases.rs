//! Numbered cases.

use std::{cell::Cell, env, panic, sync::Once, time::Duration};

use rand::{SeedableRng as _, rngs::StdRng};
use tokio::time::Instant;

thread_local! {
    /// Of this thread, on which a case and all its tasks run.
    static PANICS: Cell<u64> = const { Cell::new(0) };
}

/// Runs `case` with the randomness of `count` cases, or as many as there is time for.
pub(crate) fn each(target: &str, count: u64, case: impl Fn(&mut StdRng)) {
    count_panics();
    if let Some(number) = number("MESH_FUZZ_CASE") {
        return run(target, number, &case);
    }
    (0..count).for_each(|number| run(target, number, &case));
    if let Some(seconds) = number("MESH_FUZZ_SECONDS") {
        let until = Instant::now() + Duration::from_secs(seconds);
        let last = (count..)
            .take_while(|_| Instant::now() < until)
            .inspect(|number| run(target, *number, &case))
            .last();
        println!("{target}: {} cases", last.unwrap_or(count) + 1);
    }
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

fn run(target: &str, number: u64, case: &impl Fn(&mut StdRng)) {
    let before = PANICS.get();
    let named = Named { target, number };
    case(&mut StdRng::seed_from_u64(number));
    // Also those of tasks, which their runtime catches, and of handlers, which the server answers.
    assert_eq!(PANICS.get(), before, "something panicked");
    drop(named);
}

/// Names the case that fails.
struct Named<'a> {
    target: &'a str,
    number: u64,
}

impl Drop for Named<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}: MESH_FUZZ_CASE={}", self.target, self.number);
        }
    }
}

/// Counts panics, whoever catches them.
fn count_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICS.set(PANICS.get() + 1);
            usual(info);
        }));
    });
}
