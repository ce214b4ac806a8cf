//! A checker that never failed is not evidence: every invariant is broken here, each by itself.

mod builder;
mod clean;
mod effects;
mod ledger;
mod mails;
mod payments;
mod reads;
mod report;
mod scale;
mod users;

use builder::Story;

use super::{Invariant, Violation, check};
use crate::history::{Found, History};
