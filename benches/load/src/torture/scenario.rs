//! A short story told by one client, during which the stack ends by itself at some point.

use std::time::Duration;

use mesh_rig::{
    history::{Answer, Call, Money},
    smtp::Mailbox,
};

use super::{
    Report,
    client::{Client, Manner},
    stage::{Setting, Stage},
};

/// No try of a call begins later than this after its first one.
const PATIENCE: Duration = Duration::from_secs(30);
/// The currency of the story.
const CURRENCY: &str = "EUR";

/// How long mails are waited for. One that is lost is for the checker to find.
const MAILS_WITHIN: Duration = Duration::from_secs(30);
/// How often it is looked whether they have arrived.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// One call of the story, or a wait. A call is about the user and the payment that were answered last; while there is none, it is
/// left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Creates a user, under an address of their own.
    CreateUser,
    /// Renames the user.
    UpdateUser,
    /// Renames the user's profile.
    UpdateProfile,
    /// Reads the user's profile.
    GetProfile,
    /// Deletes the user.
    DeleteUser,
    /// The user pays.
    Pay {
        /// With this token.
        method: &'static str,
        /// In minor units.
        minor: i64,
        /// Whether it is captured at once.
        capture: bool,
    },
    /// Captures so many minor units of the payment, or all.
    Capture(Option<i64>),
    /// Releases the payment.
    Cancel,
    /// Refunds so many minor units of the payment, or all that is left.
    Refund(Option<i64>),
    /// Reads the payment.
    GetPayment,
    /// No call: waits until so many different mails have arrived, so that none of them is sent together with one that
    /// comes of the rest of the story.
    AwaitMails(usize),
}

impl Step {
    /// How often it is begun until it succeeds. What the rest of the story is about is begun anew, under another
    /// request id: whoever gives up on a call in doubt tries something else.
    fn attempts(self) -> usize {
        if matches!(self, Self::CreateUser | Self::Pay { .. }) { 3 } else { 1 }
    }
}

/// A story in which everything happens that can be interrupted: somebody is created, renamed, pays in two ways, gets
/// back a part and the rest, changes their mind, is declined; somebody else comes and goes. The first three mails are
/// waited for: how often work behind the callers' backs comes to a point would otherwise depend on how much of it is
/// done together.
pub const STORY: [Step; 19] = [
    Step::CreateUser,
    Step::AwaitMails(1),
    Step::UpdateUser,
    Step::UpdateProfile,
    Step::GetProfile,
    Step::Pay { method: "tok_ok", minor: 1_000, capture: true },
    Step::AwaitMails(2),
    Step::Refund(Some(300)),
    Step::AwaitMails(3),
    Step::Refund(None),
    Step::Pay { method: "tok_ok", minor: 2_000, capture: false },
    Step::Capture(Some(1_500)),
    Step::GetPayment,
    Step::Pay { method: "tok_ok", minor: 500, capture: false },
    Step::Cancel,
    Step::Pay { method: "tok_decline", minor: 700, capture: true },
    Step::CreateUser,
    Step::GetProfile,
    Step::DeleteUser,
];

/// Tells the story, brings the stack back when it ends by itself, waits until all is quiet, and judges. How often the
/// stack ended is in the report's tally.
///
/// # Errors
/// When a program cannot be started, does not come back or does not answer, or the history cannot be written.
pub async fn tell(setting: &Setting, story: &[Step]) -> anyhow::Result<Report> {
    let mut stage = Stage::open(setting, 1, None).await?;
    let manner = Manner { retries: setting.retries, patience: PATIENCE };
    let (api, journal, mailbox) = (stage.api.clone(), stage.journal.clone(), stage.mailbox().clone());
    let telling = async {
        let mut client = Client::new(0, api, manner, setting.seed);
        let mut cast = Cast::default();
        for step in story {
            if let Step::AwaitMails(wanted) = step {
                await_mails(&mailbox, *wanted).await;
            }
            for _ in 0..step.attempts() {
                let unique = client.unique();
                let Some(call) = cast.call(*step, &unique) else { break };
                if let Some(answer) = client.perform(&call, &unique, &journal).await {
                    cast.hear(&answer);
                    break;
                }
            }
        }
    };
    stage.during(telling).await?;
    stage.close().await
}

async fn await_mails(mailbox: &Mailbox, wanted: usize) {
    let arrived = async {
        while mailbox.counts().await.len() < wanted {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    // Too late is for the checker, too.
    let _ = tokio::time::timeout(MAILS_WITHIN, arrived).await;
}

/// Whom and what the story is about at the moment.
#[derive(Debug, Default)]
struct Cast {
    user_id: Option<String>,
    payment_id: Option<String>,
}

impl Cast {
    fn call(&self, step: Step, unique: &str) -> Option<Call> {
        let request_id = unique.to_owned();
        let money = |minor| Money { minor, currency: CURRENCY.to_owned() };
        let (user_id, payment_id) = (self.user_id.clone(), self.payment_id.clone());
        Some(match step {
            Step::CreateUser => {
                let email = format!("user-{unique}@example.org");
                Call::CreateUser { request_id, email, display_name: format!("User {unique}") }
            }
            Step::UpdateUser => {
                let display_name = format!("Renamed {unique}");
                Call::UpdateUser { request_id, user_id: user_id?, display_name }
            }
            Step::UpdateProfile => {
                Call::UpdateProfile { user_id: user_id?, display_name: format!("Renamed {unique}") }
            }
            Step::GetProfile => Call::GetProfile { user_id: user_id? },
            Step::DeleteUser => Call::DeleteUser { request_id, user_id: user_id? },
            Step::Pay { method, minor, capture } => {
                let (user_id, amount, payment_method) = (user_id?, money(minor), method.to_owned());
                Call::CreatePayment { request_id, user_id, amount, payment_method, capture }
            }
            Step::Capture(minor) => {
                Call::CapturePayment { request_id, payment_id: payment_id?, amount: minor.map(money) }
            }
            Step::Cancel => Call::CancelPayment { request_id, payment_id: payment_id? },
            Step::Refund(minor) => {
                Call::RefundPayment { request_id, payment_id: payment_id?, amount: minor.map(money) }
            }
            Step::GetPayment => Call::GetPayment { payment_id: payment_id? },
            Step::AwaitMails(_) => return None,
        })
    }

    fn hear(&mut self, answer: &Answer) {
        match answer {
            Answer::User(user) => self.user_id = Some(user.user_id.clone()),
            Answer::Payment(payment) => self.payment_id = Some(payment.payment_id.clone()),
            Answer::Deleted => self.user_id = None,
            Answer::Profile(_) => {}
        }
    }
}
