//! The races of two replicas' caches, with a mistake in the cache: they must bring it to light. The mistake is the
//! process's, so this is a program of its own.

#[expect(dead_code, reason = "races on real threads are not repeatable, and are run without the mistake")]
#[path = "it/cache_race/world.rs"]
mod world;

use fail::FailScenario;

#[test]
fn a_cache_whose_loads_and_changes_do_not_exclude_each_other_is_caught() {
    let _scenario = FailScenario::setup();
    for (switch, is_wrong) in [("return", true), ("off", false)] {
        fail::cfg("bug.cache-try-get-with", switch).expect("a failpoint's action");
        let caught = (0..100).filter(|seed| !world::run_by_clock(*seed).is_empty()).count();
        // Once would do; that it is many tells that the races race.
        assert!(if is_wrong { caught > 10 } else { caught == 0 }, "{caught} of 100");
    }
}
