//! A world: its machines, its network, and what is done to them.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
    time::Duration,
};

use mesh_rpc::Bug;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use turmoil::Sim;

use crate::{
    client,
    host::{Host, Replica},
    judge::judge,
    ledger::{Event, Ledger, What},
    plan::{Mode, Plan, Step, TICK},
    server::{Machine, Told},
};

/// Nothing takes longer: the last call is over by then, and so is every drain.
const LONGEST: Duration = Duration::from_secs(12);

/// What became of a world.
pub(crate) struct Outcome {
    pub(crate) plan: Arc<Plan>,
    pub(crate) events: Vec<Event>,
    /// What must not have happened and has.
    pub(crate) wrong: Vec<String>,
}

impl Outcome {
    /// Everything, a line each.
    pub(crate) fn trace(&self) -> String {
        let mut trace = format!("{:#?}\n", self.plan);
        for event in &self.events {
            trace.push_str(&event.to_string());
            trace.push('\n');
        }
        for wrong in &self.wrong {
            trace.push_str(&format!("WRONG: {wrong}\n"));
        }
        trace
    }
}

/// Runs the world of a seed, with this bug in the mesh, and judges it.
pub(crate) fn run(seed: u64, bug: Option<Bug>) -> Outcome {
    Bug::seed(bug);
    let plan = Arc::new(Plan::of(seed));
    let ledger = Ledger::default();
    let lived = catch_unwind(AssertUnwindSafe(|| live(&plan, &ledger)));
    Bug::seed(None);
    let (events, broken) = match lived {
        Ok((events, broken)) => (events, broken),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref().copied()).unwrap_or("something");
            (ledger.read(), Some(format!("a panic: {said}")))
        }
    };
    let mut wrong = judge(&plan, &events);
    wrong.extend(broken);
    Outcome { plan, events, wrong }
}

/// What happened until the client and all servers were over, and what went wrong in the simulation itself.
fn live(plan: &Arc<Plan>, ledger: &Ledger) -> (Vec<Event>, Option<String>) {
    let stop = CancellationToken::new();
    let told: Vec<_> = Replica::all()
        .map(|_| Told {
            restart: Arc::new(Notify::new()),
            stop: stop.clone(),
            mode: Arc::new(Mutex::new(Mode::Well)),
        })
        .collect();
    let mut sim = turmoil::Builder::new()
        .rng_seed(plan.seed)
        .tick_duration(TICK)
        .simulation_duration(LONGEST)
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(plan.max_latency)
        .tcp_capacity(1_024)
        .build();
    for (replica, told) in Replica::all().zip(&told) {
        let machine = Machine { replica, plan: Arc::clone(plan), told: told.clone(), ledger: ledger.clone() };
        sim.host(replica.name(), move || machine.clone().run());
    }
    sim.client("client", client::run(Arc::clone(plan), ledger.clone(), stop.clone()));
    let mut steps = plan.steps.iter().copied().peekable();
    let broken = loop {
        if let Err(error) = sim.step() {
            break Some(error.to_string());
        }
        while let Some((_, step)) = steps.next_if(|(at, _)| *at <= sim.elapsed()) {
            ledger.did(step, sim.elapsed());
            take(&mut sim, step, &told, ledger);
        }
        if stop.is_cancelled() && Replica::all().all(|replica| !sim.is_host_running(replica.name())) {
            break None;
        }
        if sim.elapsed() > LONGEST {
            break Some("servers do not come to an end".to_owned());
        }
    };
    // What is dropped with the simulation has not ended.
    (ledger.read(), broken)
}

fn take(sim: &mut Sim<'_>, step: Step, told: &[Told], ledger: &Ledger) {
    let name = Host::name;
    match step {
        Step::Cut(a, b) => sim.partition(name(a), name(b)),
        Step::CutOneWay(a, b) => sim.partition_oneway(name(a), name(b)),
        Step::Mend(a, b) => sim.repair(name(a), name(b)),
        Step::Hold(a, b) => sim.hold(name(a), name(b)),
        Step::Release(a, b) => sim.release(name(a), name(b)),
        Step::Latency(a, b, most) => sim.set_link_max_message_latency(name(a), name(b), most),
        Step::Crash(replica) => crash(sim, replica, ledger),
        Step::Bounce(replica) => sim.bounce(replica.name()),
        Step::Restart(replica) => told[replica.index()].restart.notify_one(),
        Step::Become(replica, mode) => *told[replica.index()].mode.lock().unwrap() = mode,
    }
}

/// A machine that dies says nothing any more: neither to its peers nor to the ledger. Its tasks are dropped in an order
/// that is not the same twice.
fn crash(sim: &mut Sim<'_>, replica: Replica, ledger: &Ledger) {
    let others =
        || Replica::all().filter(|other| *other != replica).map(Replica::name).chain([Host::Client.name()]);
    others().for_each(|other| sim.partition(replica.name(), other));
    ledger.is_deaf(true);
    sim.crash(replica.name());
    ledger.is_deaf(false);
    others().for_each(|other| sim.repair(replica.name(), other));
}

/// How many calls of the client there were, and how many of them were answered.
pub(crate) fn answered(events: &[Event]) -> (usize, usize) {
    let ok = |event: &&Event| matches!(event.what, What::Ended { code: tonic::Code::Ok, .. });
    let made = |event: &&Event| matches!(event.what, What::Made(made) if made.root == made.call);
    (events.iter().filter(made).count(), events.iter().filter(ok).count())
}
