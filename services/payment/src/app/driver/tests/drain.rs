//! The end of the service, while the provider is slow.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;

use super::{Bench, Scripted};
use crate::{app::driver::desk::ASKING_MAX, provider::Answer};

#[tokio::test]
async fn what_waits_to_be_asked_when_the_service_stops_is_not_asked() {
    let queued = 40;
    let provider = Scripted::silent((0..ASKING_MAX + queued).map(|_| Ok(Answer::Settled)));
    let bench = Bench::new(Arc::clone(&provider)).await;
    let count = u128::try_from(ASKING_MAX + queued).unwrap();
    for at in join_all((0..count).map(|n| bench.begun(n))).await {
        assert!(bench.desk.begin(at).is_some());
    }
    while provider.asked() < ASKING_MAX {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let closing = Arc::clone(&bench.desk);
    let closing = tokio::spawn(async move { closing.close().await });
    bench.desk.stop.cancelled().await;
    provider.open();
    closing.await.unwrap();
    assert_eq!(provider.asked(), ASKING_MAX, "what it was asked is finished, and no more");
    let open = bench.books.store().open_operations(None, 1_000).await.unwrap();
    assert_eq!(open.len(), queued, "the answers were kept, and the rest is left for the next start");
}
