//! Keyspaces that are lent again and again.

use std::collections::VecDeque;

use tokio::task::JoinSet;

use super::{
    clerk::{Answer, told},
    cql::{Cql, CqlError},
    names,
};
use crate::servers::contact_points;

/// How often what is given back is looked at until it is empty: somebody who writes to it without end holds it still.
const CLEAN_ATTEMPTS: u32 = 5;

/// Keyspaces of this process.
#[derive(Debug, Default)]
pub(super) struct Keyspaces {
    cql: Option<(Cql, Vec<String>)>,
    clean: Vec<String>,
    waiting: VecDeque<Answer<(String, Vec<String>)>>,
    /// Those that are being emptied.
    cleaning: usize,
    tasks: JoinSet<Done>,
}

/// The outcome of a piece of work.
#[derive(Debug)]
enum Done {
    /// A keyspace is empty, or could not be emptied and is out of use.
    Cleaned(Option<String>),
    /// Somebody got what was asked for, or was told why not.
    Served,
    /// A keyspace is empty and whoever asked for it has given up.
    Unwanted(String),
    /// A keyspace turned out to be of no use: whoever asked gets a new one.
    Unfit(Answer<(String, Vec<String>)>),
    /// The connection, and who asked for it.
    Connected(Result<(Cql, Vec<String>), String>, bool, Answer<(String, Vec<String>)>),
}

impl Keyspaces {
    /// Somebody wants one.
    pub(super) fn wanted(&mut self, is_fresh: bool, to: Answer<(String, Vec<String>)>) {
        let Some((cql, contact_points)) = self.cql.clone() else {
            self.tasks.spawn(async move { Done::Connected(connect().await, is_fresh, to) });
            return;
        };
        if is_fresh {
            self.create(cql, contact_points, to);
        } else if let Some(name) = self.clean.pop() {
            self.tasks.spawn(lend(cql, contact_points, name, to));
        } else if self.cleaning > self.waiting.len() {
            // One that is being emptied is there sooner than a new one with its tables.
            self.waiting.push_back(to);
        } else {
            self.create(cql, contact_points, to);
        }
    }

    /// Somebody gives one back.
    pub(super) fn returned(&mut self, name: String, is_fresh: bool) {
        let Some((cql, _)) = self.cql.clone() else { return };
        if is_fresh {
            self.tasks.spawn(async move {
                // What stays is removed by `cargo rig test`.
                let _ = cql.drop_keyspace(&name).await;
                Done::Served
            });
            return;
        }
        self.cleaning += 1;
        self.tasks.spawn(async move { Done::Cleaned(clean(&cql, &name).await.ok().map(|()| name)) });
    }

    /// Brings one piece of work to its end; never ends when there is none.
    pub(super) async fn work(&mut self) {
        let Some(done) = self.tasks.join_next().await else { return std::future::pending().await };
        match done {
            Ok(Done::Connected(Ok(connected), is_fresh, to)) => {
                self.cql.get_or_insert(connected);
                self.wanted(is_fresh, to);
            }
            Ok(Done::Connected(Err(error), _, to)) => {
                // Whoever asked may have given up.
                let _ = to.send(Err(error));
            }
            Ok(Done::Cleaned(name)) => {
                self.cleaning -= 1;
                self.clean.extend(name);
                // Nobody waits for one that is not coming.
                while self.waiting.len() > self.cleaning {
                    let Some(to) = self.waiting.pop_front() else { break };
                    self.wanted(false, to);
                }
            }
            Ok(Done::Served) => {}
            Ok(Done::Unwanted(name)) => self.clean.push(name),
            Ok(Done::Unfit(to)) => {
                if let Some((cql, contact_points)) = self.cql.clone() {
                    self.create(cql, contact_points, to);
                }
            }
            Err(error) => eprintln!("a keyspace is out of use: {error}"),
        }
    }

    fn create(&mut self, cql: Cql, contact_points: Vec<String>, to: Answer<(String, Vec<String>)>) {
        self.tasks.spawn(async move {
            let name = names::next();
            let made = cql.create(&name).await.map_err(|error| told("no keyspace can be made", &*error));
            let _ = to.send(made.map(|()| (name, contact_points)));
            Done::Served
        });
    }
}

async fn connect() -> Result<(Cql, Vec<String>), String> {
    let contact_points = contact_points().map_err(|error| told("no CQL node is known", &error))?;
    let what = || format!("no CQL node answers at {}", contact_points.join(", "));
    let cql = Cql::connect(&contact_points).await.map_err(|error| told(what(), &error))?;
    Ok((cql, contact_points))
}

/// Lends a keyspace. It is looked at once more: what its last user had under way may have come after it was emptied.
async fn lend(
    cql: Cql,
    contact_points: Vec<String>,
    name: String,
    to: Answer<(String, Vec<String>)>,
) -> Done {
    if clean(&cql, &name).await.is_err() {
        return Done::Unfit(to);
    }
    match to.send(Ok((name.clone(), contact_points))) {
        Ok(()) => Done::Served,
        Err(_) => Done::Unwanted(name),
    }
}

async fn clean(cql: &Cql, name: &str) -> Result<(), CqlError> {
    for _ in 0..CLEAN_ATTEMPTS {
        if cql.empty(name).await? == 0 {
            return Ok(());
        }
    }
    Err(format!("keyspace {name} is written to although it was given back").into())
}
