//! Who is ejected, and who comes back: all decisions, one after the other.

use mesh_telemetry::metrics::{Detection, Unenforced};
use tokio::time::Instant;

use super::{
    Breaker, OutlierConfig, Record, Standing,
    breaker::{Cause, State},
    sweep::sweep,
};
use crate::client::balance::Random;

/// An endpoint, as far as it is judged.
pub(in crate::client) trait Judged {
    fn parts(&mut self) -> (&Record, &mut Breaker);

    /// It was ejected, or comes back.
    fn changed(&self, standing: Standing);

    /// It was found to answer too badly, and ejected, or spared for a reason: for whoever counts.
    fn found(&self, _: Detection, _spared: Option<Unenforced>) {}
}

/// What is to be looked at, beside the failures in a row, which always are.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::client) struct Due {
    /// Endpoints are compared with each other: an interval is over.
    pub(in crate::client) sweep: bool,
    /// Rolling success rates: a part of their window is over.
    pub(in crate::client) part: bool,
}

/// Judges all endpoints by what was written down of them. Returns when time alone changes something, if it does.
pub(in crate::client) fn judge<J: Judged>(
    endpoints: &mut [J],
    config: &OutlierConfig,
    due: Due,
    now: Instant,
    random: &Random,
) -> Option<Instant> {
    for endpoint in &mut *endpoints {
        probation(endpoint, config, now, random);
    }
    let most = config.most_ejected(endpoints.len());
    let mut ejected: Vec<_> = endpoints
        .iter_mut()
        .enumerate()
        .filter_map(|(index, one)| Some((one.parts().1.due()?, index)))
        .collect();
    ejected.sort_unstable();
    let mut room = most.saturating_sub(ejected.len());
    // Where endpoints have gone, fewer may be ejected: those come back whose time is over first.
    for (_, index) in ejected.iter().take(ejected.len().saturating_sub(most)) {
        let endpoint = &mut endpoints[*index];
        let (record, breaker) = endpoint.parts();
        breaker.close(record);
        record.readmit();
        endpoint.changed(Standing::Closed);
    }
    let mut eject_if = |endpoint: &mut J, cause: Cause, is_found: bool| {
        let breaker = endpoint.parts().1;
        let is_found = is_found && breaker.is_closed();
        if is_found && room > 0 {
            eject(endpoint, cause, config, now, random);
            room -= 1;
        } else if breaker.begins_to_be_spared(cause, is_found) {
            endpoint.found(cause.detection(), Some(Unenforced::MaxEjectionOverflow));
        }
    };
    for endpoint in &mut *endpoints {
        let is_found = endpoint.parts().0.failed_in_a_row();
        eject_if(endpoint, Cause::Consecutive, is_found);
    }
    if due.sweep || due.part {
        for endpoint in &mut *endpoints {
            let (record, breaker) = endpoint.parts();
            breaker.answers.add(record.take_interval());
        }
    }
    if let Some(rolling) = config.rolling_success_rate.as_ref().filter(|_| due.part) {
        for endpoint in &mut *endpoints {
            let answers = &mut endpoint.parts().1.answers;
            let lately = answers.lately();
            answers.roll_on();
            let is_found =
                lately.volume() >= rolling.request_volume.max(1) && lately.success_rate() < rolling.threshold;
            eject_if(endpoint, Cause::RollingSuccessRate, is_found);
        }
    }
    if due.sweep {
        compare(endpoints, room, config, now, random);
    }
    endpoints.iter_mut().filter_map(|endpoint| endpoint.parts().1.due()).min()
}

/// What became of the probe of an endpoint, and of its time.
fn probation<J: Judged>(endpoint: &mut J, config: &OutlierConfig, now: Instant, random: &Random) {
    let (record, breaker) = endpoint.parts();
    let standing = match (record.standing(), breaker.state()) {
        (Standing::Passed, State::HalfOpen { .. }) => {
            breaker.close(record);
            record.begin_anew();
            Standing::Closed
        }
        (Standing::Failed, State::HalfOpen { .. }) => {
            breaker.reopen(config, now, random.fraction());
            Standing::Open
        }
        _ if breaker.pass_time(now) => Standing::HalfOpen,
        _ => return,
    };
    record.set(standing);
    endpoint.changed(standing);
}

fn compare<J: Judged>(
    endpoints: &mut [J],
    mut room: usize,
    config: &OutlierConfig,
    now: Instant,
    random: &Random,
) {
    let intervals: Vec<_> =
        endpoints.iter_mut().map(|one| one.parts().1.answers.take_since_sweep()).collect();
    for finding in sweep(&intervals, config) {
        let endpoint = &mut endpoints[finding.index];
        let enforced = random.fraction() * 100.0 < f64::from(finding.enforcement_percent);
        if !endpoint.parts().1.is_closed() {
            continue;
        }
        if room > 0 && enforced {
            eject(endpoint, finding.cause, config, now, random);
            room -= 1;
        } else {
            let reason =
                if enforced { Unenforced::MaxEjectionOverflow } else { Unenforced::EnforcementPercentage };
            endpoint.found(finding.cause.detection(), Some(reason));
        }
    }
    for endpoint in endpoints {
        endpoint.parts().1.calm_down();
    }
}

fn eject<J: Judged>(endpoint: &mut J, cause: Cause, config: &OutlierConfig, now: Instant, random: &Random) {
    let (record, breaker) = endpoint.parts();
    breaker.open(cause, config, now, random.fraction());
    tracing::debug!(?cause, until = ?breaker.due().map(|until| until - now), "ejected an endpoint");
    record.set(Standing::Open);
    endpoint.changed(Standing::Open);
    endpoint.found(cause.detection(), None);
}

#[cfg(test)]
mod tests;
