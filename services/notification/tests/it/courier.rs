//! The courier: what it makes of each verdict, and of a mailer that gives none.

mod post;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use notification::{
    domain::{Content, Notification, NotificationId, Recipient, State, Verdict},
    store::{HOLD_MAX, NotificationStore as _, embedded::EmbeddedStore},
};
use uuid::Uuid;

use post::{Act, Post};

fn busy() -> Act {
    Act::Answer(vec![Verdict::Transient("451 busy".to_owned())])
}

#[tokio::test]
async fn what_is_taken_on_is_sent_once() {
    let mut post = Post::start([]).await;
    let id = post.order().await;
    let sending = post.told(State::Sending).await;
    assert_eq!((sending.id, sending.attempts), (id, 0));
    let sent = post.told(State::Sent).await;
    assert_eq!((sent.id, sent.attempts, sent.last_error.as_str()), (id, 1, ""));
    assert_eq!(
        post.store.notification(id).await.unwrap().as_ref(),
        Some(&*sent),
        "durable before it is told"
    );
    post.stop().await;
    assert_eq!(post.given(), [id]);
}

#[tokio::test]
async fn transient_failures_climb_the_ladder_and_end_after_eight_tries() {
    let mut post = Post::start((0..8).map(|_| busy())).await;
    let id = post.order().await;
    for wait in [5, 60, 600, 3_600, 3_600, 3_600, 3_600].map(Duration::from_secs) {
        let retrying = post.told(State::Retrying).await;
        assert_eq!((retrying.due, retrying.last_error.as_str()), (post.clock.now().after(wait), "451 busy"));
        post.advance(wait);
    }
    let failed = post.told(State::Failed).await;
    assert_eq!((failed.attempts, failed.last_error.as_str()), (8, "451 busy"));
    // The script is over: one more try would succeed.
    post.advance(Duration::from_secs(24 * 3_600));
    let next = post.order().await;
    assert_eq!(post.told(State::Sent).await.id, next);
    post.stop().await;
    assert_eq!(post.given(), [[id; 8].as_slice(), &[next]].concat());
}

#[tokio::test]
async fn a_permanent_failure_ends_at_once() {
    let refusal = Verdict::Permanent("550 no such mailbox".to_owned());
    let mut post = Post::start([Act::Answer(vec![refusal])]).await;
    let id = post.order().await;
    let failed = post.told(State::Failed).await;
    assert_eq!((failed.attempts, failed.last_error.as_str()), (1, "550 no such mailbox"));
    post.advance(Duration::from_secs(24 * 3_600));
    let next = post.order().await;
    assert_eq!(post.told(State::Sent).await.id, next);
    post.stop().await;
    assert_eq!(post.given(), [id, next]);
}

#[tokio::test]
async fn a_mailer_that_panics_takes_nobody_with_it() {
    let mut post = Post::start([Act::Panic]).await;
    let id = post.order().await;
    assert_eq!(post.told(State::Retrying).await.last_error, "the mailer panicked");
    post.advance(Duration::from_secs(5));
    assert_eq!(post.told(State::Sent).await.attempts, 2);
    post.stop().await;
    assert_eq!(post.given(), [id, id]);
}

#[tokio::test]
async fn a_mail_without_a_verdict_is_tried_again_and_the_others_are_not() {
    let mut post = Post::open([Act::Answer(vec![Verdict::Sent])]).await;
    post.order().await;
    post.order().await;
    post.begin();
    let (sent, lost) = (post.told(State::Sent).await, post.told(State::Retrying).await);
    assert_eq!(lost.last_error, "the mailer gave no answer");
    post.advance(Duration::from_secs(5));
    assert_eq!(post.told(State::Sent).await.id, lost.id);
    post.stop().await;
    assert_eq!(post.given(), [sent.id, lost.id, lost.id]);
}

#[tokio::test]
async fn each_mail_of_a_batch_gets_its_own_verdict() {
    let verdicts = [Verdict::Transient("t".to_owned()), Verdict::Permanent("p".to_owned()), Verdict::Sent];
    let mut post = Post::open([Act::Answer(verdicts.to_vec())]).await;
    for _ in 0..3 {
        post.order().await;
    }
    post.begin();
    post.told(State::Sent).await;
    post.stop().await;
    let mut states = Vec::new();
    for id in post.given() {
        states.push(post.store.notification(id).await.unwrap().unwrap().state);
    }
    assert_eq!(states, [State::Retrying, State::Failed, State::Sent]);
}

#[tokio::test]
async fn what_cannot_be_written_fails_for_good_and_holds_nobody_up() {
    let mut post = Post::open([]).await;
    let id = NotificationId::random();
    let content = Content::Template { name: "gone".to_owned(), parameters: BTreeMap::new() };
    let recipient = Recipient::parse("recipient", "ada@example.org").unwrap();
    // As an older version took it on, which had the template.
    let old = Notification::new(id, Uuid::nil(), recipient, content, "Gone".to_owned(), post.clock.now());
    post.store.enqueue(old, None, false).await.unwrap();
    let other = post.order().await;
    post.begin();
    post.told(State::Sent).await;
    post.stop().await;
    let failed = post.store.notification(id).await.unwrap().unwrap();
    assert_eq!((failed.state, failed.last_error.as_str()), (State::Failed, "there is no template \"gone\""));
    assert_eq!(post.given(), [other]);
}

#[tokio::test]
async fn a_stop_finishes_what_is_under_way_and_begins_nothing() {
    let mut post = Post::start([Act::Hold, Act::Hold]).await;
    // One for each lane, and one that finds both busy.
    let mut under_way = Vec::new();
    for _ in 0..2 {
        under_way.push(post.order().await);
        post.told(State::Sending).await;
    }
    let waiting = post.order().await;
    post.stop.cancel();
    // Others may have it while the lanes are still at work.
    let mut left = Vec::new();
    while left.is_empty() {
        left = post.store.claim(post.clock.now(), 10).await.unwrap();
    }
    assert_eq!(left.iter().map(|notification| notification.id).collect::<Vec<_>>(), [waiting]);
    post.let_go();
    post.let_go();
    post.stop().await;
    assert_eq!(post.given(), under_way);
    for id in under_way {
        assert_eq!(post.store.notification(id).await.unwrap().unwrap().state, State::Sent);
    }
    assert_eq!(post.store.notification(waiting).await.unwrap().unwrap().state, State::Queued);
}

#[tokio::test]
async fn what_was_in_the_tray_for_too_long_is_claimed_anew_and_sent_once() {
    let mut post = Post::open([]).await;
    let late = post.order().await;
    tokio::time::pause();
    tokio::time::advance(HOLD_MAX).await;
    tokio::time::resume();
    let in_time = post.order().await;
    post.begin();
    let told = [post.told(State::Sent).await.id, post.told(State::Sent).await.id];
    assert_eq!(told, [in_time, late]);
    post.stop().await;
    assert_eq!(post.given(), [in_time, late]);
}

#[tokio::test]
async fn what_was_under_way_when_the_process_died_is_sent_by_the_next_one() {
    let mut post = Post::start([Act::Hold]).await;
    let id = post.order().await;
    post.told(State::Sending).await;
    let killed = post.at_work.take().unwrap();
    killed.abort();
    assert!(killed.await.unwrap_err().is_cancelled());
    post.store = Arc::new(EmbeddedStore::open(post.engine.clone(), post.clock.clone()).await.unwrap());
    post.begin();
    // Under the same id, and so under the same Message-ID.
    assert_eq!(post.told(State::Sent).await.id, id);
    post.stop().await;
    assert_eq!(post.given(), [id, id]);
}
