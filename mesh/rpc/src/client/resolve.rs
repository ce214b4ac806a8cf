//! Discovery: which endpoints a target has, now and whenever that may have changed. It names endpoints and never
//! judges them; and when nobody can say which there are, those that were known stay.

mod answer;
pub(super) mod dns;
mod file;
#[cfg(feature = "k8s")]
pub(crate) mod k8s;
mod names;
mod schedule;

pub(super) use answer::{Answer, Unresolved};

use std::sync::Arc;

use super::{directory::Directory, target::Kind};

/// Keeps the directory up to date until the channel is closed.
pub(super) async fn follow(directory: Arc<Directory>) {
    match &directory.target.0 {
        Kind::Dns(name) => names::follow(&directory, name).await,
        Kind::File(path) => file::follow(&directory, path).await,
        // Known from the beginning.
        Kind::Static(_) | Kind::Unix(_) => {}
        #[cfg(feature = "k8s")]
        Kind::K8s(port) => k8s::follow(&directory, port).await,
        // Without the feature no text is such a target.
        #[cfg(not(feature = "k8s"))]
        Kind::K8s(_) => {}
    }
}
