//! The mesh in simulated worlds: three services of three replicas, one calling the next, with the real client and
//! server stacks, on one thread, from one seed. Reads are hedged, puts and lists retried, payments never repeated;
//! links are cut, held and slow, servers crash, restart, hang, fail and refuse. `judge.rs` says what must hold
//! whatever happens.
//!
//! ```sh
//! cargo test -p mesh-rpc --test simulation                                        # 2,000 seeds
//! MESH_SIM_SEEDS=100000 cargo test --release -p mesh-rpc --test simulation every_seed_keeps -- --nocapture
//! MESH_SIM_FIRST=17 MESH_SIM_SEEDS=1 cargo test -p mesh-rpc --test simulation tell -- --ignored --nocapture
//! ```
//!
//! The last one tells what happens in world 17, twice, and fails if the two stories differ in one byte.
//! `MESH_SIM_THREADS` is how many worlds there are at once (2); `MESH_SIM_BUG` a bug to put into the mesh.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod caller;
mod client;
mod dice;
mod history;
mod host;
mod judge;
mod ledger;
mod network;
mod plan;
mod policies;
mod server;
mod service;
mod world;

use std::{
    env,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use mesh_rpc::Bug;

use plan::{Family, Plan};
use world::{Outcome, answered, run};

/// In how many worlds each seeded bug must have been noticed. The last one takes a call that is written just between
/// a ping's answer and the GOAWAY that follows it: one world in some hundred has that.
const BUG_SEEDS: u64 = 60;
const RARE: (Bug, u64) = (Bug::LostAfterGoaway, 2_000);

/// A hundred thousand worlds take half an hour: who waits is told how far they are, with `--nocapture`.
const TELL_EVERY: u64 = 10_000;

fn number(name: &str, otherwise: u64) -> u64 {
    env::var(name)
        .map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

fn bug() -> Option<Bug> {
    let name = env::var("MESH_SIM_BUG").ok()?;
    let bug = Bug::ALL.into_iter().find(|bug| format!("{bug:?}") == name);
    Some(bug.unwrap_or_else(|| panic!("{name} is none of {:?}", Bug::ALL)))
}

fn complaint(outcome: &Outcome) -> String {
    let seed = outcome.plan.seed;
    let mut text = format!("seed {seed}, {:?}:\n", outcome.plan.family);
    for wrong in outcome.wrong.iter().take(5) {
        text.push_str(&format!("  {wrong}\n"));
    }
    text + &format!(
        "  MESH_SIM_FIRST={seed} MESH_SIM_SEEDS=1 cargo test -p mesh-rpc --test simulation tell -- --ignored --nocapture\n"
    )
}

/// Runs worlds on all threads until `each` has said enough.
fn run_all(first: u64, count: u64, bug: Option<Bug>, each: impl Fn(&Outcome) -> bool + Sync) {
    let (next, threads) = (AtomicU64::new(first), number("MESH_SIM_THREADS", 2));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first.saturating_add(count) || each(&run(seed, bug)) {
                        next.store(u64::MAX / 2, Ordering::Relaxed);
                        return;
                    }
                }
            });
        }
    });
}

#[test]
fn every_seed_keeps_every_promise() {
    let (first, count) = (number("MESH_SIM_FIRST", 0), number("MESH_SIM_SEEDS", 2_000));
    let complaints = Mutex::new(Vec::new());
    let [worlds, calls, ok] = [const { AtomicU64::new(0) }; 3];
    run_all(first, count, bug(), |outcome| {
        let (made, answered) = answered(&outcome.events);
        let done = worlds.fetch_add(1, Ordering::Relaxed) + 1;
        if done.is_multiple_of(TELL_EVERY) {
            println!("{done} worlds, {} with complaints", complaints.lock().unwrap().len());
        }
        calls.fetch_add(made as u64, Ordering::Relaxed);
        ok.fetch_add(answered as u64, Ordering::Relaxed);
        let mut complaints = complaints.lock().unwrap();
        if !outcome.wrong.is_empty() {
            complaints.push(complaint(outcome));
        }
        complaints.len() >= 10
    });
    println!("{worlds:?} worlds, {calls:?} calls, {ok:?} steps answered");
    let complaints = complaints.into_inner().unwrap();
    assert!(complaints.is_empty(), "{}", complaints.concat());
}

#[test]
fn the_same_seed_tells_the_same_story_to_the_last_byte() {
    for (family, worlds) in
        [(Family::Calm, 2), (Family::Rolling, 6), (Family::Servers, 6), (Family::Chaos, 20)]
    {
        for seed in (0..).filter(|seed| Plan::of(*seed).family == family).take(worlds) {
            let (one, other) = (run(seed, None), run(seed, None));
            assert!(one.trace() == other.trace(), "seed {seed}, {family:?}");
        }
    }
}

/// Worlds without a bug are the other tests: they are clean.
#[test]
fn every_seeded_bug_is_noticed() {
    for bug in Bug::ALL.into_iter().filter(|bug| *bug != RARE.0) {
        is_noticed(bug, BUG_SEEDS);
    }
}

#[test]
#[ignore = "takes some minutes"]
fn the_rare_bug_is_noticed() {
    is_noticed(RARE.0, RARE.1);
}

fn is_noticed(bug: Bug, worlds: u64) {
    let noticed = Mutex::new(Vec::new());
    run_all(0, worlds, Some(bug), |outcome| {
        if let Some(wrong) = outcome.wrong.first() {
            noticed.lock().unwrap().push((outcome.plan.seed, wrong.clone()));
        }
        !outcome.wrong.is_empty()
    });
    let noticed = noticed.into_inner().unwrap();
    assert!(!noticed.is_empty(), "nobody notices {bug:?} within {worlds} worlds");
    println!("{bug:?}: {noticed:?}");
}

#[test]
#[ignore = "tells the story of a world that was asked for"]
fn tell() {
    for seed in number("MESH_SIM_FIRST", 0)..number("MESH_SIM_FIRST", 0) + number("MESH_SIM_SEEDS", 1) {
        let (one, other) = (run(seed, bug()), run(seed, bug()));
        print!("{}", one.trace());
        assert!(one.trace() == other.trace(), "told again, it is another story");
        assert!(one.wrong.is_empty(), "{}", complaint(&one));
    }
}
