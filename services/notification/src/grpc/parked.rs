//! Requests about parked events.

use proto::notification::v1::{ListParkedEventsRequest, ListParkedEventsResponse};
use service_kit::{
    error::{Violation, Violations},
    paging,
};
use uuid::Uuid;

use super::convert;
use crate::{
    app::{Parked, ParkedKey},
    error::Error,
};

pub(super) async fn list(
    parked: &Parked,
    message: ListParkedEventsRequest,
) -> Result<ListParkedEventsResponse, Error> {
    let mut violations = Violations::default();
    let size = violations.keep(paging::page_size(message.page_size));
    let list = format!("notification.v1.parked/{}", message.queue);
    let after = violations.keep(read_token(&list, &message.page_token));
    let (size, after) = violations.finish(|| Some((size?, after?))).map_err(Error::Invalid)?;
    let queue = Some(message.queue.as_str()).filter(|queue| !queue.is_empty());
    let (listed, more) = parked.list(queue, after, size).await?;
    let last = listed.last().filter(|_| more);
    let next_page_token =
        last.map(|(queue, event)| write_token(&list, queue, event.envelope.id)).unwrap_or_default();
    let events = listed.into_iter().map(|(queue, event)| convert::parked(queue, event)).collect();
    Ok(ListParkedEventsResponse { events, next_page_token })
}

pub(super) fn event_id(text: &str) -> Result<Uuid, Error> {
    let id = Uuid::try_parse(text);
    id.map_err(|_| Violation::new("event_id", "EVENT_ID_INVALID", "must be a UUID").into())
}

fn write_token(list: &str, queue: &str, event: Uuid) -> String {
    let mut last = event.as_bytes().to_vec();
    last.extend_from_slice(queue.as_bytes());
    paging::encode(list, &last)
}

fn read_token(list: &str, token: &str) -> Result<Option<ParkedKey>, paging::BadToken> {
    let Some(last) = paging::decode(list, token)? else { return Ok(None) };
    let (event, queue) = last.split_first_chunk::<16>().ok_or(paging::BadToken)?;
    let queue = String::from_utf8(queue.to_vec()).map_err(|_| paging::BadToken)?;
    Ok(Some((queue, Uuid::from_bytes(*event))))
}
