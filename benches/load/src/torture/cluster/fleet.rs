//! All programs of a cluster.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, ensure};
use futures_util::future::try_join_all;
use mesh_rig::{
    nemesis::{Scene, Target},
    smtp::Sink,
};
use mesh_rpc::Target as Peers;
use notification::events::RECEIPTS_QUEUE;

use super::{
    bug::Bug,
    member::{Member, Recipe},
    servers::{NODES, Stand},
};
use crate::torture::{
    api::Replicas,
    ground::Keyspaces,
    journal::Journal,
    mails,
    ports::{self, Reserved},
};

/// Replicas of each service.
const REPLICAS: u8 = 2;
/// The provider's name; there is one of it.
pub(super) const PROVIDER: &str = "provider";
/// The program of each service, what its variables begin with, and what it is called.
const SERVICES: [(&str, &str, &str); 3] = [
    ("user-service", "USER_SERVICE", "user"),
    ("payment-service", "PAYMENT_SERVICE", "payment"),
    ("notification-service", "NOTIFICATION_SERVICE", "notification"),
];
const SANDBOX: &str = "provider-sandbox";
/// How long each of its servers is waited for when a service starts: a broker that is killed, cut off and stopped one
/// after the other may be away for more than the usual minute.
const START_TIMEOUT: &str = "2m";

/// What can be broken.
pub(super) fn scene() -> Scene {
    let services = SERVICES.map(|(_, _, name)| (name.to_owned(), REPLICAS));
    Scene {
        services: services.into_iter().chain([(PROVIDER.to_owned(), 1)]).collect(),
        nodes: NODES,
        lone_queues: vec![receipts()],
    }
}

/// The broker's queue that alone takes what happens to payments.
pub(super) fn receipts() -> String {
    format!("q.{RECEIPTS_QUEUE}")
}

/// What programs are started with.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    /// Where the programs are.
    pub(super) programs: &'a Path,
    /// Where their data and their logs are kept.
    pub(super) folder: &'a Path,
    pub(super) stand: &'a Stand,
    pub(super) sink: &'a Sink,
    pub(super) bug: Option<Bug>,
}

/// Programs that run, on ports that stay the same. Dropping it is kill -9 of all of them.
#[derive(Debug)]
pub(super) struct Fleet {
    members: Vec<Member>,
    addresses: Replicas,
    _reserved: Reserved,
}

impl Fleet {
    /// Lets the services make their tables, and starts everything.
    ///
    /// # Errors
    /// When a program is missing, or does not become ready.
    pub(super) async fn start(plan: &Plan<'_>, journal: &Arc<Journal>) -> anyhow::Result<Self> {
        let ([u1, u2, p1, p2, n1, n2, provider], _reserved) = ports::free()?;
        let (user, payment, notification) = (vec![u1, u2], vec![p1, p2], vec![n1, n2]);
        let addresses = Replicas { user, payment, notification, provider };
        let kept = plan.folder.join("programs");
        fs::create_dir_all(&kept).with_context(|| format!("cannot make {}", kept.display()))?;
        let mut members = vec![plan.provider(&keep(plan.programs, SANDBOX, &kept)?, &addresses, journal)];
        let mut migrations = Vec::new();
        for service @ (name, _, _) in SERVICES {
            let program = keep(plan.programs, name, &kept)?;
            for replica in 1..=REPLICAS {
                let (member, recipe) = plan.replica(service, replica, &program, &addresses, journal);
                members.push(member);
                migrations.extend((replica == 1).then_some(recipe));
            }
        }
        try_join_all(migrations.iter().map(Recipe::migrate)).await?;
        let fleet = Self { members, addresses, _reserved };
        fleet.heal().await?;
        Ok(fleet)
    }

    /// Where everybody listens.
    pub(super) fn addresses(&self) -> &Replicas {
        &self.addresses
    }

    /// The one that a fault is about.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn member(&self, target: &Target) -> anyhow::Result<&Member> {
        let name = target.to_string();
        let found = self.members.iter().find(|member| member.name() == name);
        found.with_context(|| format!("there is no {name}"))
    }

    /// Brings back whatever ends by itself.
    ///
    /// # Errors
    /// When something does not come back.
    pub(super) async fn keep(&self) -> anyhow::Result<std::convert::Infallible> {
        let (ended, _, _) =
            futures_util::future::select_all(self.members.iter().map(|member| Box::pin(member.keep()))).await;
        ended
    }

    /// Lets everything go on that stands still, and starts everything that is down.
    ///
    /// # Errors
    /// When something does not become ready.
    pub(super) async fn heal(&self) -> anyhow::Result<()> {
        let healed = self.members.iter().map(async |member: &Member| {
            member.stand_still(false).await?;
            member.start().await
        });
        try_join_all(healed).await.map(drop)
    }

    /// Stops everything as on a good day.
    ///
    /// # Errors
    /// When something does not stop cleanly.
    pub(super) async fn stop(&self) -> anyhow::Result<()> {
        try_join_all(self.members.iter().map(Member::stop)).await.map(drop)
    }
}

impl Plan<'_> {
    fn provider(&self, program: &Path, addresses: &Replicas, journal: &Arc<Journal>) -> Member {
        let name = format!("{PROVIDER}-1");
        let words = [
            ("--listen", addresses.provider.to_string()),
            ("--data", self.data(&name)),
            ("--webhook", peers(&addresses.payment)),
        ];
        let arguments = words.into_iter().flat_map(|(word, value)| [word.to_owned(), value]).collect();
        let recipe = Recipe { program: program.to_owned(), arguments, environment: Vec::new() };
        let log = self.log(&name);
        Member::new(name, recipe, log, Arc::clone(journal))
    }

    fn replica(
        &self,
        (_, prefix, service): (&str, &str, &str),
        replica: u8,
        program: &Path,
        addresses: &Replicas,
        journal: &Arc<Journal>,
    ) -> (Member, Recipe) {
        let target = Target::Service { name: service.to_owned(), replica };
        let name = target.to_string();
        let Keyspaces { user, payment, notification } = &self.stand.ground.keyspaces;
        let (listens, keyspace) = match service {
            "user" => (&addresses.user, user),
            "payment" => (&addresses.payment, payment),
            _ => (&addresses.notification, notification),
        };
        let listen = listens[usize::from(replica) - 1];
        let mut settings = vec![
            ("DATA".to_owned(), self.data(&name)),
            (format!("{}_LISTEN", service.to_uppercase()), listen.to_string()),
            ("LOG_FILTER".to_owned(), "warn".to_owned()),
            ("STORAGE_KIND".to_owned(), "cql".to_owned()),
            ("STORAGE_CONTACT_POINTS".to_owned(), self.stand.contact_points.clone()),
            ("STORAGE_KEYSPACE".to_owned(), keyspace.clone()),
            ("STORAGE_REPLICATION_FACTOR".to_owned(), NODES.to_string()),
            ("STORAGE_START_TIMEOUT".to_owned(), START_TIMEOUT.to_owned()),
            ("BUS_URI".to_owned(), self.stand.uri()),
            ("BUS_START_TIMEOUT".to_owned(), START_TIMEOUT.to_owned()),
        ];
        if service != "user" {
            settings.push(("PEERS_USER".to_owned(), peers(&addresses.user)));
        }
        match service {
            "payment" => settings.push(("PAYMENT_PROVIDER".to_owned(), peers(&[addresses.provider]))),
            "notification" => settings.extend(mails::settings(self.sink)),
            _ => {}
        }
        let mut environment: Vec<_> =
            settings.into_iter().map(|(key, value)| (format!("{prefix}_{key}"), value)).collect();
        environment.extend(self.bug.map(Bug::variable));
        let recipe = Recipe { program: program.to_owned(), arguments: Vec::new(), environment };
        let log = self.log(&name);
        (Member::new(name, recipe.clone(), log, Arc::clone(journal)), recipe)
    }

    fn data(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }
}

/// The target of these addresses.
fn peers(addresses: &[SocketAddr]) -> String {
    Peers::fixed(addresses.iter().copied()).to_string()
}

/// The program as it is now: what is built meanwhile must not change what is tortured.
fn keep(programs: &Path, name: &str, kept: &Path) -> anyhow::Result<PathBuf> {
    let (from, to) = (programs.join(name), kept.join(name));
    ensure!(from.exists(), "{} is missing; `cargo rig torture` builds it", from.display());
    // A link costs nothing; another file system needs a copy.
    fs::hard_link(&from, &to)
        .or_else(|_| fs::copy(&from, &to).map(drop))
        .with_context(|| format!("cannot keep {}", from.display()))?;
    Ok(to)
}
