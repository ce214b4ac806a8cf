//! What the tests stand on.

mod echo_service;
pub(crate) mod frames;
mod network;
mod node;
mod policies;
mod prometheus;
mod raw;

pub(crate) use echo_service::{Echo, EchoClient};
pub(crate) use network::{Network, address};
pub(crate) use node::{Node, channel, channel_to, spawn};
pub(crate) use policies::{ENDLESS_UNARY, HEDGES, KEYED, POLICIES, RETRIES, UNSAFE_RETRIES};
pub(crate) use prometheus::Scrape;
pub(crate) use raw::{long_answer, message, post, send, send_body, status_of};

use tonic::Status;
use tonic_types::StatusExt as _;

/// `ErrorInfo.reason` of an error that the mesh made.
#[track_caller]
pub(crate) fn reason(status: &Status) -> String {
    let Some(info) = status.get_details_error_info() else { panic!("no ErrorInfo in {status:?}") };
    assert_eq!(info.domain, mesh_rpc::DOMAIN);
    info.reason
}
