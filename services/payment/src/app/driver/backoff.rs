//! How long to wait before the provider is asked again.

use std::time::Duration;

/// The most that the first wait can be.
const BASE: Duration = Duration::from_millis(200);

/// The most that any wait can be.
const CAP: Duration = Duration::from_secs(300);

/// The wait after the `tries`th time without an answer: anything up to a bound that doubles each time, so that
/// those who failed together do not come back together. `random` is from 0 to 1.
pub(super) fn backoff(tries: u32, random: f64) -> Duration {
    let doublings = tries.saturating_sub(1).min(16);
    (BASE * 2_u32.pow(doublings)).min(CAP).mul_f64(random)
}

/// The least that the first wait is when somebody hints.
const FLOOR: Duration = Duration::from_millis(250);

/// The least that a later wait can be asked to be, at most.
const FLOOR_CAP: Duration = Duration::from_secs(5);

/// The part of that wait which no hint can shorten. Anybody can hint, so hints must not make the provider be
/// asked all the time.
pub(super) fn floor(tries: u32) -> Duration {
    let doublings = tries.saturating_sub(1).min(16);
    (FLOOR * 2_u32.pow(doublings)).min(FLOOR_CAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_up_to_five_minutes() {
        let bounds = [1, 2, 3, 11, 12, 13, u32::MAX].map(|tries| backoff(tries, 1.0).as_millis());
        assert_eq!(bounds, [200, 400, 800, 204_800, 300_000, 300_000, 300_000]);
        assert_eq!(backoff(7, 0.0), Duration::ZERO);
        assert_eq!(backoff(1, 0.5), Duration::from_millis(100));
    }

    #[test]
    fn the_floor_doubles_up_to_five_seconds() {
        let floors = [0, 1, 2, 5, 6, u32::MAX].map(|tries| floor(tries).as_millis());
        assert_eq!(floors, [250, 250, 500, 4_000, 5_000, 5_000]);
    }
}
