//! What must hold in every world, whatever happens in it.

use std::{collections::BTreeMap, time::Duration};

use tonic::Code;

use crate::{
    client::LAST,
    history::{Call, calls},
    host::{Host, Process, Replica},
    ledger::{Event, What},
    plan::{BUDGET, Family, Kind, Plan, Step, TICK},
};

/// Timers go by the millisecond, and clocks of two machines are one tick apart at most.
const SLACK: Duration = Duration::from_millis(7);

/// What must not have happened and has.
pub(crate) fn judge(plan: &Plan, events: &[Event]) -> Vec<String> {
    let calls = calls(events);
    let mut wrong = Vec::new();
    for call in calls.values() {
        wrong.extend(ends_in_time(plan, call));
        wrong.extend(runs_once(call));
        wrong.extend(stays_committed(plan, call));
        wrong.extend(keeps_deadlines(plan, call));
        wrong.extend(is_answered(plan, call));
    }
    wrong.extend(pays_once(&calls));
    wrong.extend(keeps_budgets(plan, &calls));
    wrong.extend(spares_endpoints(plan, events));
    wrong.extend(heals(plan, &calls));
    wrong.extend(drains(plan, events));
    wrong
}

fn name(call: &Call) -> String {
    format!("{:?} {} of {}", call.made.kind, call.made.call, call.made.by)
}

/// Every call ends by its deadline.
fn ends_in_time(plan: &Plan, call: &Call) -> Option<String> {
    match call.ended {
        Some(ended) if ended.at <= call.deadline() + SLACK => None,
        Some(ended) => {
            Some(format!("{} ended at {:?}, after its deadline {:?}", name(call), ended.at, call.deadline()))
        }
        // A process that crashes ends nothing.
        None if plan.crashes() && call.made.by.host != Host::Client => None,
        None => Some(format!("{} never ended", name(call))),
    }
}

/// No attempt reaches a handler twice. Of a call that is never repeated there is one attempt.
fn runs_once(call: &Call) -> Option<String> {
    let mut numbers: Vec<_> = call.attempts.iter().map(|attempt| attempt.number).collect();
    numbers.sort_unstable();
    if let Some(twice) = numbers.windows(2).find(|pair| pair[0] == pair[1]) {
        return Some(format!("attempt {} of {} was executed twice", twice[0], name(call)));
    }
    (call.made.kind == Kind::Pay && numbers.iter().any(|number| *number > 0))
        .then(|| format!("{} was repeated", name(call)))
}

/// Once the head of an answer came, nothing is sent again.
fn stays_committed(plan: &Plan, call: &Call) -> Option<String> {
    if call.made.kind == Kind::Read {
        // Hedges go out beside the attempt that is answered.
        return None;
    }
    // Where no answer is lost, whatever a handler says is heard: of a list always its head.
    let is_heard = plan.lag().is_some() && !plan.crashes();
    let heads = |code| code == Some(Code::Ok) || call.made.kind == Kind::List;
    let head = call.attempts.iter().filter(|attempt| is_heard && heads(attempt.code));
    let committed =
        head.map(|attempt| attempt.number).chain(call.ended.and_then(|ended| ended.attempt)).min()?;
    let after = call.attempts.iter().find(|attempt| attempt.number > committed)?;
    Some(format!("{} was answered by attempt {committed}, and attempt {} was made", name(call), after.number))
}

/// A handler has less time than its caller, works no longer than that, and is not begun for nobody.
fn keeps_deadlines(plan: &Plan, call: &Call) -> Vec<String> {
    let mut wrong = Vec::new();
    for attempt in &call.attempts {
        let on = attempt.on;
        let Some(left) = attempt.left else {
            wrong.push(format!("{} has no deadline on {on}", name(call)));
            continue;
        };
        if left.is_zero() || left > call.made.left {
            let had = call.made.left;
            wrong.push(format!("{} has {left:?} on {on}, and its caller had {had:?}", name(call)));
        }
        match attempt.over {
            Some(over) if over > attempt.at + left + SLACK => {
                wrong.push(format!("{} was handled on {on} until {over:?}, after its deadline", name(call)));
            }
            Some(_) => {}
            None if plan.crashes() => {}
            None => wrong.push(format!("{} is still being handled on {on}", name(call))),
        }
        let Some(lag) = plan.lag() else { continue };
        if attempt.at > call.deadline() + lag + SLACK {
            wrong.push(format!("{} began on {on} at {:?}, after its deadline", name(call), attempt.at));
        }
        if call.ended.is_some_and(|ended| attempt.at > ended.at + lag + SLACK) {
            wrong.push(format!("{} began on {on} at {:?}, after its end", name(call), attempt.at));
        }
    }
    wrong
}

/// Where nothing goes wrong, or servers are but restarted, no call is lost.
fn is_answered(plan: &Plan, call: &Call) -> Option<String> {
    if !matches!(plan.family, Family::Calm | Family::Rolling) {
        return None;
    }
    // A hedge that lost is cancelled, and so is what it called.
    let lost = call.code() != Some(Code::Ok) && (call.is_root() || call.made.kind != Kind::Read);
    if lost {
        return Some(format!("{} was lost: {:?}", name(call), call.code()));
    }
    let repeated = plan.family == Family::Calm && call.made.kind != Kind::Read && call.attempts.len() != 1;
    repeated.then(|| format!("{} was repeated for nothing", name(call)))
}

/// What must not be done twice is not, at no step of the chain; and what is acknowledged has been done at each.
fn pays_once(calls: &BTreeMap<u32, Call>) -> Vec<String> {
    let mut done = BTreeMap::<(u32, usize), u32>::new();
    let payments = || calls.values().filter(|call| call.made.kind == Kind::Pay);
    for call in payments() {
        let times = u32::try_from(call.attempts.len()).unwrap_or(u32::MAX);
        *done.entry((call.made.root, call.made.by.calls())).or_default() += times;
    }
    let twice = done.iter().filter(|(_, times)| **times > 1);
    let twice = twice.map(|((root, step), _)| format!("Pay {root} was done twice at step {step}"));
    let acknowledged = payments().filter(|call| call.is_root() && call.code() == Some(Code::Ok));
    let missing =
        acknowledged.filter(|call| (0..3).any(|step| done.get(&(call.made.call, step)) != Some(&1)));
    let missing = missing.map(|call| format!("{} was acknowledged and not done", name(call)));
    twice.chain(missing).collect()
}

/// Attempts are at most `(1 + budget)` times the calls, and what the budget allows without any.
fn keeps_budgets(plan: &Plan, calls: &BTreeMap<u32, Call>) -> Vec<String> {
    let mut callers = BTreeMap::<Process, (usize, usize)>::new();
    for call in calls.values().filter(|call| call.made.kind != Kind::Pay) {
        let (offered, attempts) = callers.entry(call.made.by).or_default();
        *offered += 1;
        *attempts += call.attempts.len();
    }
    // All of it is within one window.
    let reserve = 10 * plan.min_repeats_per_second as usize;
    let most = |offered: usize| offered + (offered as f64 * BUDGET) as usize + reserve;
    let over = callers.iter().filter(|(_, (offered, attempts))| *attempts > most(*offered));
    over.map(|(by, (offered, attempts))| format!("{by} made {attempts} attempts for {offered} calls"))
        .collect()
}

/// No more endpoints are ejected than may be.
fn spares_endpoints(plan: &Plan, events: &[Event]) -> Vec<String> {
    let most = plan.most_ejected();
    let over = events.iter().filter_map(|event| match event.what {
        What::Ejected { by, count } if count > most => {
            Some(format!("{by} has {count} endpoints ejected at {:?}, of {most} that may be", event.at))
        }
        _ => None,
    });
    over.collect()
}

/// Some time after the last fault every call is answered.
fn heals(plan: &Plan, calls: &BTreeMap<u32, Call>) -> Vec<String> {
    let last = calls.values().filter(|call| call.is_root() && call.at >= plan.healed.saturating_sub(TICK));
    let last: Vec<_> = last.collect();
    let mut wrong = Vec::new();
    if last.len() < LAST.len() {
        wrong.push(format!("only {} calls were made in the end", last.len()));
    }
    let lost = last.iter().filter(|call| call.code() != Some(Code::Ok));
    wrong
        .extend(lost.map(|call| format!("{} failed when all was well again: {:?}", name(call), call.code())));
    wrong
}

/// Every program that was not crashed comes to its end, and leaves nothing behind.
fn drains(plan: &Plan, events: &[Event]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut running: BTreeMap<Host, Process> = BTreeMap::from([(Host::Client, Process::CLIENT)]);
    for event in events {
        match event.what {
            What::Started(process) => _ = running.insert(process.host, process),
            What::Did(Step::Crash(replica)) => _ = running.remove(&Host::Server(replica)),
            What::Hangs(process) => wrong.push(format!("the channel of {process} does not close")),
            What::Over { process, cut, tasks } => {
                running.remove(&process.host);
                if tasks > 0 {
                    wrong.push(format!("{process} leaves {tasks} tasks"));
                }
                // A watch of health has no end of its own, and is told to begin anew elsewhere.
                if cut > 0 && !plan.watches_health && plan.lag().is_some() && !plan.crashes() {
                    wrong.push(format!("{process} cut {cut} calls"));
                }
            }
            _ => {}
        }
    }
    let started = events.iter().filter(|event| matches!(event.what, What::Started(_))).count();
    if started < Replica::all().count() {
        wrong.push(format!("only {started} servers started"));
    }
    wrong.extend(running.values().map(|process| format!("{process} does not come to an end")));
    wrong
}
