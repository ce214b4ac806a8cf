//! What the sandbox does: it answers, it settles what it took on, and it tells of it.

mod courier;
mod desk;
mod settler;

pub(crate) use courier::Courier;
pub(crate) use desk::Desk;
pub(crate) use settler::Settler;
