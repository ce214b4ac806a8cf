//! The client's program: makes the calls of the plan, and some more once everything is well again.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{
    caller::Caller,
    host::Process,
    ledger::{Ledger, What},
    plan::{Kind, Plan},
    server::{LOOK, look},
};

/// What is asked for in the end, when all must be answered.
pub(crate) const LAST: [Kind; 4] = [Kind::Pay, Kind::Read, Kind::Put, Kind::List];

pub(crate) async fn run(plan: Arc<Plan>, ledger: Ledger, stop: CancellationToken) -> turmoil::Result {
    let begun = Instant::now();
    let caller = Caller::new(Process::CLIENT, &plan, ledger.clone());
    let mut calls = JoinSet::new();
    let mut last = 0;
    let (driver, offers, healed) = (caller.clone(), plan.offers.clone(), plan.healed);
    let load = async move {
        let caller = driver;
        for offer in offers {
            sleep_until(begun + offer.at).await;
            let caller = caller.clone();
            calls.spawn(async move { caller.call(offer.kind, None, offer.timeout).await.is_ok() });
        }
        while calls.join_next().await.is_some() {}
        sleep_until(begun + healed).await;
        for kind in LAST {
            let _ = caller.call(kind, None, Duration::from_millis(1_200)).await;
        }
    };
    let mut load = Box::pin(load);
    loop {
        tokio::select! {
            biased;
            () = &mut load => break,
            () = sleep(LOOK) => look(Some(&caller), Process::CLIENT, &mut last, &ledger),
        }
    }
    drop(load);
    if !caller.close().await {
        ledger.note(What::Hangs(Process::CLIENT));
    }
    sleep(Duration::from_millis(1)).await;
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    ledger.note(What::Over { process: Process::CLIENT, cut: 0, tasks });
    stop.cancel();
    Ok(())
}
