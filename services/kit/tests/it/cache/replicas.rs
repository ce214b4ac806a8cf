//! The cache of one replica among others: what it makes of their changes, and of not hearing of them.

use super::*;

#[tokio::test(start_paused = true)]
async fn after_a_gap_nothing_is_answered_before_it_is_read_again() {
    let store = Store::new([(1, 1), (2, 1)]);
    let cache = cache(&store);
    for key in [1, 2, 3] {
        version(&cache, key).await;
    }
    // Changed elsewhere, unheard.
    store.write(1, 2);
    store.write(3, 1);
    cache.interrupted();
    cache.resumed();
    assert_eq!(version(&cache, 1).await, Some(2));
    assert_eq!(version(&cache, 2).await, Some(1));
    assert_eq!(version(&cache, 3).await, Some(1), "an absence is no better than a value");
    assert_eq!((store.loads(), cache.stats().revalidated), (6, 3));
    for key in [1, 2, 3] {
        version(&cache, key).await;
    }
    assert_eq!(store.loads(), 6, "what was read again is believed again");
}

#[tokio::test(start_paused = true)]
async fn after_a_gap_an_unverified_value_is_not_served_even_if_the_store_is_down() {
    let store = Store::new([(1, 1)]);
    let cache = cache(&store);
    assert_eq!(version(&cache, 1).await, Some(1));
    cache.resumed();
    store.down.store(true, SeqCst);
    for _ in 0..3 {
        assert!(matches!(cache.get(&1).await, Err(LoadError::Failed(_))));
    }
    assert_eq!(cache.stats().load_error, 1, "and the store is not asked by everybody");
    advance(Duration::from_millis(1001)).await;
    store.down.store(false, SeqCst);
    assert_eq!(version(&cache, 1).await, Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_load_from_before_the_end_of_a_gap_answers_nobody_who_came_after_it() {
    let store = Store::gated([(1, 1)]);
    let cache = cache(&store);
    let early = tokio::spawn({
        let cache = cache.clone();
        async move { version(&cache, 1).await }
    });
    store.a_load_has_read().await;
    store.write(1, 2);
    cache.resumed();
    let late = tokio::spawn({
        let cache = cache.clone();
        async move { version(&cache, 1).await }
    });
    // The late one is on board of the early load before that may land.
    while cache.stats().coalesced == 0 {
        tokio::task::yield_now().await;
    }
    store.open_gate();
    assert_eq!(early.await.unwrap(), Some(1));
    let again = tokio::time::timeout(Duration::from_secs(1), store.a_load_has_read());
    again.await.expect("the late one was answered by the early load");
    store.open_gate();
    assert_eq!(late.await.unwrap(), Some(2));
    assert_eq!((version(&cache, 1).await, store.loads()), (Some(2), 2));
}

#[tokio::test(start_paused = true)]
async fn a_commit_from_before_the_end_of_a_gap_is_read_again() {
    let store = Store::new([(1, 2)]);
    let cache = cache(&store);
    let own = put(&cache, 1, 2);
    // Somebody else commits after that, unheard, and all that before the writer tells the cache.
    store.write(1, 3);
    cache.resumed();
    own.await;
    assert_eq!(version(&cache, 1).await, Some(3));
}

#[tokio::test(start_paused = true)]
async fn while_nothing_is_heard_nothing_is_older_than_seconds() {
    let store = Store::new([(1, 1)]);
    let cache = cache(&store);
    assert_eq!(version(&cache, 1).await, Some(1));
    advance(Duration::from_secs(60)).await;
    cache.interrupted();
    store.write(1, 2);
    advance(Duration::from_millis(4_999)).await;
    assert_eq!(version(&cache, 1).await, Some(1), "most interruptions are short");
    advance(Duration::from_millis(1)).await;
    assert_eq!(version(&cache, 1).await, Some(2));
    store.write(1, 3);
    advance(Duration::from_millis(4_999)).await;
    assert_eq!((version(&cache, 1).await, store.loads()), (Some(2), 2));
    advance(Duration::from_millis(1)).await;
    assert_eq!((version(&cache, 1).await, store.loads()), (Some(3), 3));
    store.down.store(true, SeqCst);
    advance(Duration::from_secs(5)).await;
    assert!(cache.get(&1).await.is_err(), "not even while the store is down");

    store.down.store(false, SeqCst);
    cache.resumed();
    advance(Duration::from_secs(2)).await;
    assert_eq!(version(&cache, 1).await, Some(3));
    let loads = store.loads();
    advance(Duration::from_secs(600)).await;
    assert_eq!((version(&cache, 1).await, store.loads()), (Some(3), loads), "lifetimes are whole again");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_begins_anew_is_read_again_whatever_its_version() {
    let store = Store::new([(1, 7)]);
    let cache = cache(&store);
    assert_eq!(version(&cache, 1).await, Some(7));
    store.write(1, 1);
    cache.forget(&1).await;
    assert_eq!(version(&cache, 1).await, Some(1));
    assert_eq!(cache.stats().floor_reject, 1, "below the last known version only a strong read is believed");
    // Nothing was held: nothing is to be remembered either.
    cache.forget(&2).await;
    store.write(2, 1);
    assert_eq!((version(&cache, 2).await, cache.stats().floor_reject), (Some(1), 1));
}

#[tokio::test(start_paused = true)]
async fn an_absence_is_forgotten_as_soon_as_somebody_is_there() {
    let store = Store::new([(2, 1)]);
    let cache = cache(&store);
    assert_eq!((version(&cache, 1).await, version(&cache, 2).await), (None, Some(1)));
    store.write(1, 1);
    for key in [1, 2] {
        cache.forget_absence(&key).await;
    }
    assert_eq!((version(&cache, 1).await, version(&cache, 2).await), (Some(1), Some(1)));
    assert_eq!(store.loads(), 3, "and a value stays");
}

#[tokio::test(start_paused = true)]
async fn an_absence_that_is_being_read_is_forgotten_too() {
    let store = Store::gated([]);
    let cache = cache(&store);
    let early = tokio::spawn({
        let cache = cache.clone();
        async move { version(&cache, 1).await }
    });
    store.a_load_has_read().await;
    store.write(1, 1);
    let told = tokio::spawn({
        let cache = cache.clone();
        async move { cache.forget(&1).await }
    });
    store.open_gate();
    store.open_gate();
    assert_eq!(early.await.unwrap(), None);
    told.await.unwrap();
    assert_eq!(version(&cache, 1).await, Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_commit_below_what_was_held_before_it_began_is_read_again() {
    let store = Store::new([(1, 7)]);
    let cache = cache(&store);
    assert_eq!(version(&cache, 1).await, Some(7));
    advance(Duration::from_millis(1)).await;
    // Deleted elsewhere, begun anew, and changed here.
    let own = put(&cache, 1, 2);
    store.write(1, 2);
    own.await;
    assert_eq!(version(&cache, 1).await, Some(2));
}

#[tokio::test(start_paused = true)]
async fn news_that_come_late_do_not_bring_back_what_was_deleted() {
    let store = Store::new([(1, 3)]);
    let cache = cache(&store);
    let late = put(&cache, 1, 3);
    advance(Duration::from_millis(1)).await;
    store.remove(1);
    cache.invalidate(&1, u64::MAX).await;
    assert_eq!(version(&cache, 1).await, None);
    // Of the change before the deletion: first the announcement, then its own writer.
    cache.invalidate(&1, 3).await;
    late.await;
    assert_eq!(version(&cache, 1).await, None);
}
