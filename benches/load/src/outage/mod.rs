//! The broker is away under load: no call may fail, and every mail must be sent afterwards, once.
//!
//! The programs of both services run on CQL and RabbitMQ, and users are created all the time. In the middle of it the
//! broker goes away for a while. In the end the mail server has one mail for every user.

mod absence;
mod command;
mod program;
mod quiet;
mod report;
mod run;

pub use command::{Arguments, command};
pub use report::{Mails, Report};
pub use run::{Plan, run};
