use super::*;

const HOUR: Duration = Duration::from_secs(3600);
const HASHES: [u64; 5] = [0, 1 << 40, u64::MAX / 2, u64::MAX - 1, u64::MAX];

fn config() -> CacheConfig {
    CacheConfig::default()
}

fn present(version: u64, hash: u64, now: Instant) -> Slot<u64> {
    Slot::present(&config(), hash, version, Arc::new(version), moment(now))
}

fn moment(at: Instant) -> Moment {
    Moment { epoch: 0, at }
}

fn kind(slot: &Slot<u64>, at: Instant) -> &'static str {
    match slot.verdict(&Trust::at(moment(at))) {
        Verdict::Fresh(Some(_)) => "fresh",
        Verdict::Fresh(None) => "absent",
        Verdict::Stale { refresh: true, .. } => "stale",
        Verdict::Stale { refresh: false, .. } => "stale, not refreshed",
        Verdict::Failing(_) => "failing",
        Verdict::Missing => "missing",
    }
}

#[test]
fn a_value_is_fresh_then_stale_then_gone() {
    let now = Instant::now();
    for hash in HASHES {
        let slot = present(1, hash, now);
        let ttl = slot.hard_at - now;
        assert!(HOUR * 9 / 10 <= ttl && ttl <= HOUR * 11 / 10, "{ttl:?}");
        assert_eq!(kind(&slot, now + ttl * 79 / 100), "fresh");
        assert_eq!(kind(&slot, now + ttl * 81 / 100), "stale");
        assert_eq!(kind(&slot, now + ttl), "missing");
    }
}

#[test]
fn lifetimes_spread_over_the_whole_width_and_are_the_same_for_one_key() {
    let bounds = [(0, 90), (u64::MAX / 2, 100), (u64::MAX, 110)];
    for (hash, percent) in bounds {
        let off = spread(HOUR, PRESENT_SPREAD, hash).abs_diff(HOUR * percent / 100);
        assert!(off < Duration::from_millis(1), "{hash}: {off:?}");
    }
    let ttls: std::collections::BTreeSet<_> =
        (0..1000u32).map(|key| spread(HOUR, 10, hash_of(&key))).collect();
    assert!(ttls.len() > 990, "a thousand keys expire at {} moments", ttls.len());
    assert!(ttls.last().unwrap().abs_diff(*ttls.first().unwrap()) > HOUR * 19 / 100);
    assert_eq!(hash_of(&"ada"), hash_of(&"ada"));
}

#[test]
fn an_absence_is_short_and_its_version_outlives_it() {
    let now = Instant::now();
    for hash in HASHES {
        let slot = Slot::<u64>::absent(&config(), hash, 4, moment(now));
        let ttl = slot.hard_at - now;
        assert!(Duration::from_secs(5) <= ttl && ttl <= Duration::from_secs(15), "{ttl:?}");
        assert_eq!(kind(&slot, now + ttl - Duration::from_millis(1)), "absent");
        assert_eq!(kind(&slot, now + ttl), "missing");
        assert_eq!(slot.floor_version(now + Duration::from_secs(59)), 4);
        assert_eq!(slot.floor_version(now + Duration::from_secs(60)), 0);
        assert_eq!(Slot::<u64>::absent(&config(), hash, 0, moment(now)).forget_at, now + ttl);
    }
}

#[test]
fn what_fills_a_floor_lives_its_own_lifetime() {
    let now = Instant::now();
    let (key, floor, value) =
        (7u64, Arc::new(Slot::<u64>::floor(&config(), 2, moment(now))), Arc::new(present(2, 0, now)));
    let created = Garbage.expire_after_create(&key, &floor, now.into_std()).unwrap();
    let updated = Garbage.expire_after_update(&key, &value, now.into_std(), Some(created)).unwrap();
    assert!(created <= Duration::from_secs(60));
    assert!(updated > Duration::from_secs(3000), "the update kept the floor's deadline: {updated:?}");
}

#[test]
fn a_writer_replaces_only_what_is_older() {
    let now = Instant::now();
    let (held, floor) = (present(5, 0, now), Slot::<u64>::floor(&config(), 5, moment(now)));
    let absent = Slot::<u64>::absent(&config(), 0, 5, moment(now));
    for (version, over_value, over_floor) in [(4, false, false), (5, false, true), (6, true, true)] {
        assert_eq!(held.admits(version, now), over_value);
        assert_eq!(absent.admits(version, now), over_value);
        assert_eq!(floor.admits(version, now), over_floor);
        assert_eq!(held.covers(version, now), version <= 5);
    }
    assert!(floor.admits(1, now + Duration::from_secs(60)), "a forgotten floor refuses nobody");
}

#[test]
fn a_failure_fails_fast_serves_the_old_value_and_lengthens_no_lifetime() {
    let now = Instant::now();
    let until = now + Duration::from_secs(1);
    let nothing = Slot::<u64>::failed(None, until, LoadError::TimedOut, moment(now));
    assert_eq!((kind(&nothing, now), kind(&nothing, until)), ("failing", "missing"));

    let held = present(1, 0, now - HOUR * 85 / 100);
    assert_eq!(kind(&held, now), "stale");
    let failed = Slot::failed(Some(&held), until, LoadError::TimedOut, moment(now));
    assert_eq!((kind(&failed, now), kind(&failed, until)), ("stale, not refreshed", "stale"));
    assert_eq!((failed.hard_at, failed.forget_at, failed.version), (held.hard_at, held.forget_at, 1));

    let floor = Slot::<u64>::floor(&config(), 9, moment(now));
    let failed = Slot::failed(Some(&floor), until, LoadError::TimedOut, moment(now));
    assert_eq!((kind(&failed, now), failed.floor_version(until)), ("failing", 9));
}

#[test]
fn nothing_of_another_epoch_is_answered_and_its_version_stays_known() {
    let now = Instant::now();
    let later = Trust::at(Moment { epoch: 1, at: now });
    let (held, absent) = (present(3, 0, now), Slot::<u64>::absent(&config(), 0, 3, moment(now)));
    for slot in [&held, &absent] {
        assert!(matches!(slot.verdict(&later), Verdict::Missing));
        assert!(slot.is_doubted(&later) && !slot.is_doubted(&Trust::at(moment(now))));
        assert_eq!(slot.floor_version(now), 3);
    }
    // Nor when the store cannot say whether it is still right.
    let until = now + Duration::from_secs(1);
    let failed = Slot::failed(Some(&held), until, LoadError::TimedOut, Moment { epoch: 1, at: now });
    assert!(matches!(failed.verdict(&later), Verdict::Failing(_)));
    let floor = Slot::<u64>::floor(&config(), 3, moment(now));
    assert!(!floor.is_doubted(&later), "a floor has no answer anyway");
}
