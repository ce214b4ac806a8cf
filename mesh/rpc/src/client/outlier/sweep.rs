//! gRFC A50's comparison of endpoints with each other, once an interval.

use super::{OutlierConfig, breaker::Cause, counts::Interval};

/// What a sweep has against an endpoint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Finding {
    /// The endpoint's place in the list.
    pub(super) index: usize,
    pub(super) cause: Cause,
    pub(super) enforcement_percent: u32,
}

/// Whom A50 would eject of endpoints that answered so, the worst first. A50 takes them as they come: then the bound
/// on ejections can spare the one that fails always for one that fails sometimes.
pub(super) fn sweep(intervals: &[Interval], config: &OutlierConfig) -> Vec<Finding> {
    let mut findings = by_success_rate(intervals, config);
    findings.extend(by_failure_percentage(intervals, config));
    findings
}

fn by_success_rate(intervals: &[Interval], config: &OutlierConfig) -> Vec<Finding> {
    let Some(algorithm) = &config.success_rate else { return Vec::new() };
    let rates = rates(intervals, algorithm.request_volume);
    if rates.is_empty() || rates.len() < algorithm.minimum_hosts {
        return Vec::new();
    }
    let count = rates.len() as f64;
    let mean = rates.iter().map(|(_, rate)| rate).sum::<f64>() / count;
    let variance = rates.iter().map(|(_, rate)| (rate - mean).powi(2)).sum::<f64>() / count;
    let bound = mean - variance.sqrt() * f64::from(algorithm.stdev_factor) / 1_000.0;
    let below = rates.into_iter().filter(|(_, rate)| *rate < bound);
    let enforcement_percent = algorithm.enforcement_percent;
    below.map(|(index, _)| Finding { index, cause: Cause::SuccessRate, enforcement_percent }).collect()
}

fn by_failure_percentage(intervals: &[Interval], config: &OutlierConfig) -> Vec<Finding> {
    let Some(algorithm) = &config.failure_percentage else { return Vec::new() };
    let rates = rates(intervals, algorithm.request_volume);
    if rates.len() < algorithm.minimum_hosts {
        return Vec::new();
    }
    let above = rates.into_iter().filter(|(_, rate)| (1.0 - rate) * 100.0 > f64::from(algorithm.threshold));
    let enforcement_percent = algorithm.enforcement_percent;
    above.map(|(index, _)| Finding { index, cause: Cause::FailurePercentage, enforcement_percent }).collect()
}

/// Those with enough answers and their success rates, the lowest first.
fn rates(intervals: &[Interval], volume: u32) -> Vec<(usize, f64)> {
    let enough = |interval: &Interval| interval.volume() >= volume.max(1);
    let known = intervals.iter().enumerate().filter(|(_, interval)| enough(interval));
    let mut rates: Vec<_> = known.map(|(index, interval)| (index, interval.success_rate())).collect();
    rates.sort_by(|(_, one), (_, other)| one.total_cmp(other));
    rates
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(successes: u32, failures: u32) -> Interval {
        Interval { successes, failures }
    }

    fn found(intervals: &[Interval]) -> Vec<(usize, Cause)> {
        let findings = sweep(intervals, &OutlierConfig::default());
        findings.into_iter().map(|finding| (finding.index, finding.cause)).collect()
    }

    #[test]
    fn ejects_below_the_mean_less_1_9_standard_deviations() {
        // Nine at 100 % and one at x: the mean is 1 - (1-x)/10, the deviation 0.3 (1-x), the bound
        // 1 - 0.67 (1-x), which x is below however good it is.
        let mut intervals = vec![answers(100, 0); 9];
        intervals.push(answers(90, 10));
        assert_eq!(found(&intervals), [(9, Cause::SuccessRate)]);
        // Four at 100 % and one at x: the bound is 1 - (0.2 + 1.9 * 0.4)(1-x) = 1 - 0.96 (1-x).
        let intervals = [answers(100, 0), answers(90, 10), answers(100, 0), answers(100, 0), answers(100, 0)];
        assert_eq!(found(&intervals), [(1, Cause::SuccessRate)]);
        // Three at 100 % and two at 50 %: 1 - (0.2 + 1.9 * 0.245) = 0.335. Not one stands out.
        let intervals = [answers(100, 0), answers(50, 50), answers(100, 0), answers(50, 50), answers(100, 0)];
        assert_eq!(found(&intervals), []);
        assert_eq!(found(&[answers(90, 10); 10]), [], "all alike");
    }

    #[test]
    fn compares_only_five_hosts_of_a_hundred_calls_or_more() {
        let bad = answers(90, 10);
        assert_eq!(found(&[answers(100, 0), answers(100, 0), answers(100, 0), bad]), []);
        assert_eq!(
            found(&[answers(100, 0), answers(100, 0), answers(100, 0), answers(99, 0), bad]),
            [],
            "one has but 99 calls"
        );
        let five = [answers(100, 0), answers(100, 0), answers(100, 0), answers(100, 0), bad];
        assert_eq!(found(&five), [(4, Cause::SuccessRate)]);
        let few = [
            answers(100, 0),
            answers(100, 0),
            answers(100, 0),
            answers(100, 0),
            answers(100, 0),
            answers(49, 50),
        ];
        assert_eq!(found(&few), [], "who has but 99 calls is not judged");
    }

    #[test]
    fn ejects_above_85_percent_of_failures_of_five_hosts_with_fifty_calls() {
        // 50 calls are too few for the success rate, so that this algorithm speaks alone.
        let intervals = |failures: u32| {
            [answers(50, 0), answers(50, 0), answers(50, 0), answers(50, 0), answers(60 - failures, failures)]
        };
        assert_eq!(found(&intervals(51)), [], "51 of 60 are 85 %");
        assert_eq!(found(&intervals(52)), [(4, Cause::FailurePercentage)]);
        let mut few = intervals(52);
        few[0] = answers(49, 0);
        assert_eq!(found(&few), [], "four hosts with fifty calls");
    }

    /// A50: one pass after the other, so that where both find something the first one is the cause.
    #[test]
    fn success_rates_are_compared_before_failures_are_counted() {
        let mut intervals = vec![answers(100, 0); 9];
        intervals.push(answers(10, 90));
        assert_eq!(found(&intervals), [(9, Cause::SuccessRate), (9, Cause::FailurePercentage)]);
    }

    #[test]
    fn the_worst_comes_first() {
        let mut intervals = vec![answers(1_000, 0); 20];
        intervals[3] = answers(500, 500);
        intervals[7] = answers(100, 900);
        let found = found(&intervals);
        assert_eq!(found[..2], [(7, Cause::SuccessRate), (3, Cause::SuccessRate)]);
    }

    #[test]
    fn nobody_is_judged_without_algorithms_or_answers() {
        let config =
            OutlierConfig { success_rate: None, failure_percentage: None, ..OutlierConfig::default() };
        assert_eq!(sweep(&[answers(0, 100); 10], &config), []);
        assert_eq!(found(&[]), []);
        assert_eq!(found(&[answers(0, 0); 10]), []);
    }
}
