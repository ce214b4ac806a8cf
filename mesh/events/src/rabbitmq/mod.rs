//! The bus on RabbitMQ: tested with 3.10, made for 4 as well.
//!
//! # Layout
//! | thing | what it is |
//! |---|---|
//! | `events` | topic exchange; the routing key is the kind and a shard of the subject, `user.created.07` |
//! | `q.<queue>` | what is ready or out; bound twice to `<kind>.*` for each kind |
//! | `q.<queue>.wait.<step>` | what waits; when its time is over the broker moves it to `q.<queue>` |
//! | `dlq.<queue>` | what is parked |
//! | the listener's name | what one instance hears; exclusive, gone with its connection |
//!
//! All but the last are quorum queues that refuse when they are full and dead-letter at least once. Dead letters go
//! to queues by name, by the default exchange: there is no binding that could be missing.
//!
//! # Connections
//! Two, one for publishing and one for everything else, each kept by a task that rebuilds connection, topology and
//! channels when anything fails, for as long as it takes. While the broker blocks publishers, publishing answers
//! [`BusError::Unavailable`](crate::BusError) and acknowledging goes on.
//!
//! # What is not as with the embedded bus
//! - An acknowledgement is read by the broker when `ack` returns, and not yet on its disk: when the broker itself
//!   fails in that moment, the event may come again.
//! - A full queue is noticed before publishing; when several publishers fill it at the same moment, the event may
//!   be in the other queues although it was refused.
//! - [`Depth::leased`](crate::Depth) and the ready events that were read ahead are those of this process.
//! - Parking an event again adds an entry. Lists show the latest, replaying or discarding removes all;
//!   [`Depth::parked`](crate::Depth) counts each.
//! - A binding to a kind that no declaration of this process knows, left by an earlier version, stays.

mod announcements;
mod bus;
mod config;
mod depth;
mod error;
mod lease;
mod link;
mod message;
mod names;
mod parked;
mod publisher;
mod reader;
mod rooms;
mod settle;
mod spans;
mod stats;
mod subscriptions;
mod topology;

pub use bus::RabbitBus;
pub use config::{InvalidRabbitUri, RabbitConfig, RabbitUri};
pub use link::LinkState;
pub use stats::RabbitStats;
