//! Virtual hosts: made and deleted in a few tens of milliseconds, so each is used once.

use tokio::task::JoinSet;

use super::{
    clerk::{Answer, told},
    names,
};
use crate::servers::{Broker, broker};

/// Virtual hosts of this process.
#[derive(Debug, Default)]
pub(super) struct Vhosts {
    tasks: JoinSet<()>,
}

impl Vhosts {
    /// Somebody wants one.
    pub(super) fn wanted(&mut self, to: Answer<(String, Broker)>) {
        self.tasks.spawn(async move {
            let made = create().await;
            // Whoever asked may have given up; `cargo rig test` removes it then.
            let _ = to.send(made);
        });
    }

    /// Somebody gives one back.
    pub(super) fn returned(&mut self, name: String) {
        self.tasks.spawn(async move {
            if let Ok(broker) = broker() {
                // What stays is removed by `cargo rig test`.
                let _ = broker.management().delete_vhost(&name).await;
            }
        });
    }

    /// Brings one piece of work to its end; never ends when there is none.
    pub(super) async fn work(&mut self) {
        match self.tasks.join_next().await {
            Some(Ok(())) => {}
            Some(Err(error)) => eprintln!("a virtual host is out of use: {error}"),
            None => std::future::pending().await,
        }
    }
}

async fn create() -> Result<(String, Broker), String> {
    let broker = broker().map_err(|error| told("no broker is known", &error))?;
    let name = names::next();
    let management = broker.management();
    let what = || format!("no virtual host can be made at http://{}", management.address());
    management.create_vhost(&name).await.map_err(|error| told(what(), &error))?;
    Ok((name, broker))
}
