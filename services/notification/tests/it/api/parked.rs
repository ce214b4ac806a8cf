//! The administration of events that a consumer could not digest.

use std::{num::NonZeroUsize, time::Duration};

use mesh_events::{Bus as _, Envelope};
use notification::events::WELCOME_QUEUE;
use proto::notification::v1::{
    DiscardParkedEventRequest, ListParkedEventsRequest, ListParkedEventsResponse, ParkedEvent,
    ReplayParkedEventRequest,
};
use tonic::{Code, Status};
use uuid::Uuid;

use super::{ADA, Api, OTHER_QUEUE, fields, told, until, welcome::created};

async fn list(
    api: &mut Api,
    queue: &str,
    page_size: i32,
    token: &str,
) -> Result<ListParkedEventsResponse, Status> {
    let (queue, page_token) = (queue.to_owned(), token.to_owned());
    let request = ListParkedEventsRequest { queue, page_size, page_token };
    Ok(api.client.list_parked_events(request).await?.into_inner())
}

async fn all(api: &mut Api, queue: &str) -> Vec<ParkedEvent> {
    list(api, queue, 0, "").await.unwrap().events
}

async fn replay(api: &mut Api, queue: &str, event_id: &str) -> Result<(), Status> {
    let request = ReplayParkedEventRequest { queue: queue.to_owned(), event_id: event_id.to_owned() };
    api.client.replay_parked_event(request).await.map(drop)
}

async fn discard(api: &mut Api, queue: &str, event_id: &str) -> Result<(), Status> {
    let request = DiscardParkedEventRequest { queue: queue.to_owned(), event_id: event_id.to_owned() };
    api.client.discard_parked_event(request).await.map(drop)
}

fn id(n: u128) -> String {
    Uuid::from_u128(n).to_string()
}

fn ids(events: &[ParkedEvent]) -> Vec<(&str, &str)> {
    events.iter().map(|event| (event.queue.as_str(), event.event_id.as_str())).collect()
}

/// An event whose body is no JSON.
fn poison(n: u128) -> Envelope {
    created(n, "no JSON")
}

/// Publishes events that the welcome consumer cannot digest, and waits until it has set them aside.
async fn publish_poison(api: &Api, numbers: impl IntoIterator<Item = u128>) {
    let events: Vec<_> = numbers.into_iter().map(poison).collect();
    api.bus.publish(&events).await.unwrap();
    parked(api, events.len()).await;
}

/// Waits until so many events are parked in the welcome queue, and none is in processing.
async fn parked(api: &Api, count: usize) {
    until(async || {
        let depth = api.bus.depth(WELCOME_QUEUE).await.unwrap();
        depth.is_quiet() && depth.parked == count as u64
    })
    .await;
}

/// Sets aside what lies in the other queue, as its consumer would.
async fn park_others(api: &Api, count: usize) {
    let mut deliveries = api.bus.subscribe(OTHER_QUEUE, NonZeroUsize::MIN).await.unwrap();
    for _ in 0..count {
        let delivery = deliveries.next().await.unwrap().unwrap();
        api.bus.park(&delivery.receipt, "by hand").await.unwrap();
    }
}

#[tokio::test]
async fn a_poison_event_is_set_aside_with_its_reason() {
    let mut api = Api::start().await;
    publish_poison(&api, [1]).await;
    let events = all(&mut api, WELCOME_QUEUE).await;
    assert_eq!(ids(&events), [(WELCOME_QUEUE, id(1).as_str())]);
    let event = &events[0];
    assert_eq!((event.event_type.as_str(), event.subject.as_str(), event.attempts), ("user.created", ADA, 1));
    assert_eq!(event.reason, "the body is no user.created: Syntax error at line 1, column 2");
    assert_eq!(event.park_time.unwrap().seconds, 1_700_000_000);
    api.stop().await;
}

#[tokio::test]
async fn whatever_makes_no_sense_is_set_aside_and_the_next_event_is_not_held_up() {
    let mut api = Api::start().await;
    let events = [
        created(1, "{}"),
        created(2, r#"{"user_id":"42","email":"ada@example.org"}"#),
        created(3, format!(r#"{{"user_id":"{ADA}","email":"nobody"}}"#)),
        created(4, format!(r#"{{"user_id":"{ADA}","email":"ada@example.org"}}"#)),
    ];
    api.bus.publish(&events).await.unwrap();
    parked(&api, 3).await;
    let events = all(&mut api, WELCOME_QUEUE).await;
    assert_eq!(ids(&events), [1, 2, 3].map(id).each_ref().map(|id| (WELCOME_QUEUE, id.as_str())));
    assert!(events[2].reason.contains("mail address"), "{}", events[2].reason);
    api.stop().await;
}

#[tokio::test]
async fn pages_cover_all_queues_or_one_once() {
    let mut api = Api::start().await;
    publish_poison(&api, [5, 3, 1, 4, 2]).await;
    park_others(&api, 5).await;
    let numbers: Vec<_> = (1..=5).map(id).collect();
    let of = |queue| numbers.iter().map(move |id| (queue, id.as_str()));
    // By queue, then by id.
    let everywhere: Vec<_> = of(WELCOME_QUEUE).chain(of(OTHER_QUEUE)).collect();
    let cases = [
        ("", everywhere),
        (WELCOME_QUEUE, of(WELCOME_QUEUE).collect()),
        (OTHER_QUEUE, of(OTHER_QUEUE).collect()),
    ];
    for (queue, expected) in cases {
        // Pages that end within a queue, with it, and with everything.
        for size in [1, 3, 5, 10] {
            let (mut seen, mut token) = (Vec::new(), String::new());
            loop {
                let page = list(&mut api, queue, size, &token).await.unwrap();
                assert!(i32::try_from(page.events.len()).unwrap() <= size);
                seen.extend(page.events);
                assert!(seen.len() <= expected.len(), "the pages go round in circles");
                token = page.next_page_token;
                if token.is_empty() {
                    break;
                }
            }
            assert_eq!(ids(&seen), expected, "{queue:?} by {size}");
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn a_replayed_event_is_tried_again_and_set_aside_anew() {
    let mut api = Api::start().await;
    publish_poison(&api, [1, 2]).await;
    let before = all(&mut api, WELCOME_QUEUE).await;
    api.hand.advance(Duration::from_secs(60));
    replay(&mut api, WELCOME_QUEUE, &id(1)).await.unwrap();
    parked(&api, 2).await;
    let after = all(&mut api, WELCOME_QUEUE).await;
    let later = before[0].park_time.map(|time| prost_types::Timestamp { seconds: time.seconds + 60, ..time });
    assert_eq!(after, [ParkedEvent { park_time: later, ..before[0].clone() }, before[1].clone()]);
    api.stop().await;
}

#[tokio::test]
async fn a_discarded_event_is_gone_from_its_queue_only() {
    let mut api = Api::start().await;
    publish_poison(&api, [1, 2]).await;
    park_others(&api, 2).await;
    discard(&mut api, WELCOME_QUEUE, &id(1)).await.unwrap();
    assert_eq!(ids(&all(&mut api, WELCOME_QUEUE).await), [(WELCOME_QUEUE, id(2).as_str())]);
    assert_eq!(all(&mut api, OTHER_QUEUE).await.len(), 2);
    for again in
        [discard(&mut api, WELCOME_QUEUE, &id(1)).await, replay(&mut api, WELCOME_QUEUE, &id(1)).await]
    {
        assert_eq!(told(&again.unwrap_err()), (Code::NotFound, "EVENT_NOT_PARKED".to_owned()));
    }
    api.stop().await;
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused() {
    let mut api = Api::start().await;
    let no_queue = (Code::NotFound, "QUEUE_NOT_FOUND".to_owned());
    assert_eq!(told(&list(&mut api, "nowhere", 0, "").await.unwrap_err()), no_queue);
    assert_eq!(told(&replay(&mut api, "nowhere", &id(1)).await.unwrap_err()), no_queue);
    assert_eq!(told(&discard(&mut api, "nowhere", &id(1)).await.unwrap_err()), no_queue);
    let no_id = (Code::InvalidArgument, "EVENT_ID_INVALID".to_owned());
    assert_eq!(told(&replay(&mut api, WELCOME_QUEUE, "42").await.unwrap_err()), no_id);
    assert_eq!(told(&discard(&mut api, WELCOME_QUEUE, "42").await.unwrap_err()), no_id);
    assert_eq!(fields(&list(&mut api, "", -1, "made up").await.unwrap_err()), ["page_size", "page_token"]);
    publish_poison(&api, [1, 2]).await;
    let token = list(&mut api, "", 1, "").await.unwrap().next_page_token;
    let of_another = list(&mut api, WELCOME_QUEUE, 1, &token).await.unwrap_err();
    assert_eq!(told(&of_another), (Code::InvalidArgument, "PAGE_TOKEN_INVALID".to_owned()));
    api.stop().await;
}
