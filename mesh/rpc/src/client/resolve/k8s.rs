//! Following a service of Kubernetes: its EndpointSlices by list and watch, as the API server tells them.
//!
//! Against DNS that is sooner (a pod that is not ready any more is out at once, not when a TTL is over), and it says
//! more: whether a pod is ready, still serving while it stops, and in which zone it is.
//!
//! The issue asks for the crate `kube`. It would bring some forty crates, licences that are not on our list, and a
//! second HTTP stack, for two GET requests; so they are made here, over hyper and rustls, with the service account of
//! the pod. That account must be allowed to `list` and `watch` `endpointslices` of `discovery.k8s.io` in the namespace.
//!
//! The protocol is that of "Efficient detection of changes" (kubernetes.io/docs/reference/using-api/api-concepts):
//! a list has a resource version, and a watch tells what changed since. A watch that ends goes on from the last version
//! that was told, by an event or a bookmark; when the server does not know that version any more (410 Gone), all is
//! listed anew. What was known stays while nobody can be asked.

mod account;
mod api;
mod lines;
mod slices;

use std::time::Duration;

use mesh_telemetry::chain;
use tokio::time::{Instant, sleep};

use self::{
    account::Account,
    api::{Api, ApiError},
    slices::Slices,
};
use crate::client::{directory::Directory, target::ServicePort};

/// A watch that ended sooner counts as one that failed: the next one waits.
const SHORTEST_WATCH: Duration = Duration::from_secs(1);

/// Keeps the directory up to date until the channel is closed.
pub(super) async fn follow(directory: &Directory, port: &ServicePort) {
    let wires = &directory.wires;
    let account = Account::of_pod();
    let api = Api::new(account, port, wires.config.connect_timeout, wires.tasks.clone());
    tokio::select! {
        biased;
        () = wires.closed.cancelled() => {}
        () = watch(directory, &api, port) => {}
    }
}

/// Lists and watches, again and again.
async fn watch(directory: &Directory, api: &Api, port: &ServicePort) {
    let wires = &directory.wires;
    let mut slices = Slices::default();
    // `None`: all must be listed.
    let mut version = None;
    let mut failures = 0;
    loop {
        let begun = Instant::now();
        let result = match version.clone() {
            None => list(directory, api, &mut slices, port).await,
            Some(known) => changes(directory, api, &mut slices, port, known).await,
        };
        let failure = match result {
            Ok(next) => {
                let failed = next.watched && begun.elapsed() < SHORTEST_WATCH;
                version = Some(next.version);
                failed.then(|| "the watch ended at once".to_owned())
            }
            // What was missed in between is in the list.
            Err(ApiError::Gone) => {
                version = None;
                Some("its versions are gone".to_owned())
            }
            Err(error) => {
                // When a server was away, its clients do not all list everything at once.
                version = version.filter(|_| error.is_about_the_way());
                let cause = chain(&error).to_string();
                directory.unresolved(cause.clone());
                Some(cause)
            }
        };
        match failure {
            None => failures = 0,
            Some(cause) => {
                failures = u32::saturating_add(failures, 1);
                let wait = wires.backoff.after(failures);
                tracing::debug!(channel = %directory.target, cause, failures, wait_ms = wait.as_millis(), "the watch of the service begins anew");
                sleep(wait).await;
            }
        }
    }
}

/// How far what is known goes.
struct Known {
    version: String,
    watched: bool,
}

async fn list(
    directory: &Directory,
    api: &Api,
    slices: &mut Slices,
    port: &ServicePort,
) -> Result<Known, ApiError> {
    let (listed, version) = api.list().await?;
    *slices = Slices::of(listed);
    publish(directory, slices, port);
    Ok(Known { version, watched: false })
}

/// Watches until the watch is over, which is no failure.
async fn changes(
    directory: &Directory,
    api: &Api,
    slices: &mut Slices,
    port: &ServicePort,
    mut version: String,
) -> Result<Known, ApiError> {
    let wires = &directory.wires;
    // Watches of many clients that began together do not end together.
    let patience = api::WATCH.mul_f64(1.0 - 0.2 * wires.random.fraction());
    let mut watch = api.watch(&version, patience).await?;
    loop {
        match watch.next().await {
            Ok(None) => return Ok(Known { version, watched: true }),
            Ok(Some((change, at))) => {
                version = at;
                if slices.take(change) {
                    publish(directory, slices, port);
                }
            }
            // The stream broke; what was told before is true all the same.
            Err(ApiError::Broken(error)) => {
                tracing::debug!(channel = %directory.target, %error, "the watch of the service broke off");
                return Ok(Known { version, watched: true });
            }
            Err(error) => return Err(error),
        }
    }
}

fn publish(directory: &Directory, slices: &Slices, port: &ServicePort) {
    let endpoints = slices.endpoints(&port.port);
    tracing::debug!(channel = %directory.target, endpoints = endpoints.len(), zones = ?slices.zones(), "the service has");
    directory.update(&endpoints);
}

/// The endpoints that a list, and a watch after it that comes in pieces, come to at a port. What makes no sense ends
/// it.
#[cfg(feature = "probe")]
pub(crate) fn told(list: &[u8], watch: &[&[u8]], port: &str) -> Vec<String> {
    use futures_util::{FutureExt as _, stream};
    use http_body::Frame;
    use http_body_util::StreamBody;

    let Ok(page) = api::page_of(list) else { return Vec::new() };
    let mut slices = Slices::of(page.items);
    let pieces = watch.iter().map(|piece| Ok(Frame::data(bytes::Bytes::copy_from_slice(piece))));
    let mut lines = lines::Lines::new(StreamBody::new(stream::iter(pieces)));
    while let Some(Ok(Some(line))) = lines.next().now_or_never()
        && let Ok((change, _)) = api::change(&line)
    {
        slices.take(change);
    }
    slices.endpoints(port).iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod doubles;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;
