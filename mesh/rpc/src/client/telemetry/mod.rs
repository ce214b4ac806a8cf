//! What a channel tells of its calls and of their attempts: the numbers of gRFC A66 and A96, and, of a trace that is
//! sampled, a span for the call and one below it for each attempt (gRFC A72). The trace goes on in `traceparent`.
//!
//! Of a call that is not sampled nothing is allocated; the clock is read when it begins and when it ends, and an
//! attempt that begins and ends with its call reads it from there.

mod attempts;
mod calls;
mod instant;
mod instruments;
mod load;
mod observed;

pub(super) use attempts::{Attempt, Attempts, AttemptsLayer};
pub(super) use calls::{Calls, CallsLayer};
pub(super) use instruments::Instruments;
pub(super) use load::Load;
