//! The thread that talks to the servers on behalf of all tests of a process.

use std::{fmt::Display, sync::OnceLock, thread};

use tokio::sync::{mpsc, oneshot};

use super::{keyspaces::Keyspaces, vhosts::Vhosts};
use crate::servers::Broker;

/// Orders that wait at most; what is given back beyond that stays for `cargo rig test` to remove.
const WAITING_MAX: usize = 1024;

/// Hands out, and takes back. Its thread has a runtime of its own: those of tests come and go, and connections end
/// with the runtime that made them.
#[derive(Debug)]
pub(super) struct Clerk {
    orders: mpsc::Sender<Order>,
}

/// What was asked for, or why it could not be had.
pub(super) type Answer<T> = oneshot::Sender<Result<T, String>>;

#[derive(Debug)]
pub(super) enum Order {
    Keyspace { is_fresh: bool, to: Answer<(String, Vec<String>)> },
    TakeBack { name: String, is_fresh: bool },
    Vhost { to: Answer<(String, Broker)> },
    Delete { name: String },
}

impl Clerk {
    /// There is one, which ends with the process.
    pub(super) fn of_this_process() -> &'static Self {
        static CLERK: OnceLock<Clerk> = OnceLock::new();
        CLERK.get_or_init(|| {
            let (orders, waiting) = mpsc::channel(WAITING_MAX);
            let thread = thread::Builder::new().name("testing".to_owned()).spawn(move || serve(waiting));
            // Without it the orders are refused, one by one, in words.
            drop(thread);
            Self { orders }
        })
    }

    pub(super) async fn keyspace(&self, is_fresh: bool) -> Result<(String, Vec<String>), String> {
        let (to, answer) = oneshot::channel();
        self.ask(Order::Keyspace { is_fresh, to }, answer).await
    }

    pub(super) async fn vhost(&self) -> Result<(String, Broker), String> {
        let (to, answer) = oneshot::channel();
        self.ask(Order::Vhost { to }, answer).await
    }

    pub(super) fn take_back(&self, name: String, is_fresh: bool) {
        // Whoever gives something back cannot wait; what is refused here is removed by `cargo rig test`.
        let _ = self.orders.try_send(Order::TakeBack { name, is_fresh });
    }

    pub(super) fn delete(&self, name: String) {
        let _ = self.orders.try_send(Order::Delete { name });
    }

    async fn ask<T>(&self, order: Order, answer: oneshot::Receiver<Result<T, String>>) -> Result<T, String> {
        let gone = || "the thread that talks to the servers has ended".to_owned();
        self.orders.send(order).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

fn serve(mut orders: mpsc::Receiver<Order>) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    runtime.block_on(async move {
        let mut keyspaces = Keyspaces::default();
        let mut vhosts = Vhosts::default();
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::Keyspace { is_fresh, to }) => keyspaces.wanted(is_fresh, to),
                    Some(Order::TakeBack { name, is_fresh }) => keyspaces.returned(name, is_fresh),
                    Some(Order::Vhost { to }) => vhosts.wanted(to),
                    Some(Order::Delete { name }) => vhosts.returned(name),
                    None => return,
                },
                () = keyspaces.work() => {}
                () = vhosts.work() => {}
            }
        }
    });
}

/// An error with all that led to it, in one line.
pub(super) fn told(what: impl Display, error: &dyn std::error::Error) -> String {
    let mut line = format!("{what}: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        source = cause.source();
    }
    line
}
