//! A thousand races of two replicas' caches. `tests/cache_seeded.rs` runs the same with a mistake put into the cache.

mod world;

use world::{Pace, run, run_by_clock};

const RACES: u64 = 1_000;

#[test]
fn no_replica_shows_less_than_it_was_told_of_in_a_thousand_races() {
    for seed in 0..RACES {
        let violations = run_by_clock(seed);
        assert!(violations.is_empty(), "seed {seed}: {violations:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_replica_shows_less_than_it_was_told_of_on_real_threads() {
    for seed in 0..RACES {
        let violations = run(seed, Pace::Threads).await;
        assert!(violations.is_empty(), "seed {seed}: {violations:#?}");
    }
}
