//! The run: programs, callers, and a broker that is away for a while.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use mesh_rig::smtp::{Security, Sink};
use mesh_rpc::{Channel, Target};
use tokio::time::{Instant, sleep_until};

use super::{
    absence::Absence,
    program::{NOTIFICATION, Program, USER},
    quiet,
    report::{Mails, Report},
};
use crate::{
    callers::call,
    servers::{Lent, with_servers},
};

/// What is to happen.
#[derive(Clone, Debug)]
pub struct Plan {
    /// A program beside which those of the services lie.
    pub beside: PathBuf,
    /// Users created in a second.
    pub rate: u32,
    /// For how long users are created.
    pub length: Duration,
    /// For how long the broker is away, in the middle of that.
    pub away: Duration,
    /// Whether it is killed, and started again, rather than cut off.
    pub kill: bool,
}

/// Both programs.
struct Programs {
    user: Program,
    notification: Program,
}

/// Runs it on the servers that the environment names, else on those of `cargo rig up`.
///
/// # Errors
/// When something is not there, does not stop, or the queues do not become empty.
pub async fn run(plan: &Plan) -> anyhow::Result<Report> {
    with_servers(async |lent| outage(plan, lent).await).await
}

async fn outage(plan: &Plan, lent: &Lent) -> anyhow::Result<Report> {
    let folder = tempfile::tempdir().context("cannot make a folder")?;
    let sink = Sink::start(Security::Plain).await?;
    let absence = match plan.kill {
        true => Absence::killed(lent.broker.amqp)?,
        false => Absence::unreachable(lent.broker.amqp).await?,
    };
    let programs = Programs::start(plan, lent, &absence, &sink, folder.path()).await?;
    let channel =
        Channel::builder(Target::fixed([programs.user.address])).policies(&proto::POLICIES).build()?;

    let (start, first) = (Instant::now(), plan.length.saturating_sub(plan.away) / 2);
    let breaking = async {
        sleep_until(start + first).await;
        absence.begin().await?;
        let gone = Instant::now();
        sleep_until(start + first + plan.away).await;
        absence.end().await?;
        anyhow::Ok((gone, Instant::now()))
    };
    let (absent, calls) = tokio::join!(breaking, call(&channel, plan.rate, plan.length, "user"));
    let ((gone, back), calls) = (absent.context("the broker")?, calls?);

    let created = calls.iter().filter(|call| call.failure.is_none()).count();
    let all_arrived = quiet::mails(sink.mailbox(), created).await;
    // Nothing may be under way any more that could still make a second mail.
    quiet::queues(&lent.broker.management(), lent.vhost()).await?;
    channel.close().await;
    programs.stop().await?;
    let all_arrived = all_arrived.map(|at| at.saturating_duration_since(back));
    let mails = Mails { deliveries: sink.mailbox().deliveries().await, all_arrived };
    Ok(Report { calls, gone, back, mails })
}

impl Programs {
    async fn start(
        plan: &Plan,
        lent: &Lent,
        absence: &Absence,
        sink: &Sink,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let settings = |service: &str| {
            vec![
                ("STORAGE_KIND", "cql".to_owned()),
                ("STORAGE_CONTACT_POINTS", lent.nodes.join(",")),
                ("STORAGE_KEYSPACE", lent.keyspace(service)),
                ("STORAGE_REPLICATION_FACTOR", "1".to_owned()),
                ("BUS_URI", lent.uri(absence.address())),
                ("LOG_FILTER", "warn".to_owned()),
            ]
        };
        let user = USER.start(&plan.beside, folder, &settings("user")).await?;
        let mut settings = settings("notification");
        settings.extend([
            ("PEERS_USER", format!("static:///{}", user.address)),
            ("NOTIFICATION_SMTP_HOST", sink.address().ip().to_string()),
            ("NOTIFICATION_SMTP_PORT", sink.address().port().to_string()),
            ("NOTIFICATION_SMTP_TLS", "none".to_owned()),
        ]);
        Ok(Self { user, notification: NOTIFICATION.start(&plan.beside, folder, &settings).await? })
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.user.stop().await?;
        self.notification.stop().await
    }
}
