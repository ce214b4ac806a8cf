//! The import as a whole: one call for all rows, repeated under the same name when the connection breaks.

use std::{io::Write as _, path::PathBuf, time::Duration};

use anyhow::{Context, anyhow, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use mesh_rpc::{Channel, Target};
use proto::user::v1::{ImportUsersRequest, ImportUsersResponse, user_service_client::UserServiceClient};
use tokio::{
    sync::mpsc,
    task,
    time::{Instant, sleep},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};
use uuid::Uuid;

use super::{
    rows::{Fed, Rows},
    summary::Summary,
};

/// Rows read ahead of the network.
const READ_AHEAD: usize = 256;
/// The wait before the first repetition; it doubles, up to the longest one.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// What to import, and where to.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The CSV file.
    pub(super) file: PathBuf,
    /// The user service: HOST:PORT, or a target such as dns:///user:50051.
    #[arg(long, default_value = "127.0.0.1:50051", value_parser = target)]
    pub(super) target: Target,
    /// Names the import. The same file under the same name is resumed: rows that it created before count as
    /// created, nothing is created twice.
    #[arg(long)]
    pub(super) import_id: Option<Uuid>,
    /// How often an import whose connection broke is repeated.
    #[arg(long, default_value_t = 5)]
    pub(super) retries: u32,
}

/// A bare HOST:PORT is a name to resolve, an address one that is not.
fn target(text: &str) -> Result<Target, mesh_rpc::TargetError> {
    let scheme = match text.parse::<std::net::SocketAddr>() {
        _ if text.contains("://") => "",
        Ok(_) => "static:///",
        Err(_) => "dns:///",
    };
    format!("{scheme}{text}").parse()
}

/// Imports, and prints what it came to.
///
/// # Errors
/// When the import did not complete. Then it may be resumed under the name that the message gives.
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let summary = import(arguments).await?;
    // Whoever reads only the first lines, such as `head`, closes the pipe; the import is done all the same.
    let _ = writeln!(std::io::stdout(), "{summary}");
    Ok(())
}

pub(super) async fn import(arguments: &Arguments) -> anyhow::Result<Summary> {
    let import_id = arguments.import_id.unwrap_or_else(Uuid::new_v4);
    let channel = Channel::builder(arguments.target.clone()).policies(&proto::POLICIES).build()?;
    eprintln!("import {import_id} of {} into {}", arguments.file.display(), arguments.target);
    let start = Instant::now();
    let (mut repetitions, mut wait) = (0, FIRST_WAIT);
    loop {
        let status = match once(arguments, import_id, channel.clone()).await? {
            Ok((response, fed)) => return Ok(Summary { response, fed, took: start.elapsed() }),
            Err(status) => status,
        };
        // UNAVAILABLE says that a repetition may help; the name of the import makes it safe.
        if status.code() != Code::Unavailable {
            bail!(refusal(&status, import_id));
        }
        if repetitions == arguments.retries {
            return Err(anyhow!(refusal(&status, import_id))
                .context(format!("gave up after {repetitions} repetitions")));
        }
        repetitions += 1;
        let (message, most) = (status.message(), arguments.retries);
        eprintln!(
            "interrupted: {message}; repetition {repetitions} of {most} under the same name in {wait:?}"
        );
        sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

fn refusal(status: &Status, import_id: Uuid) -> String {
    let (code, message) = (status.code(), status.message());
    format!("{code:?}: {message} (--import-id {import_id} resumes this import)")
}

/// One call with all rows. The outer error is the file's, the inner one the call's.
async fn once(
    arguments: &Arguments,
    import_id: Uuid,
    channel: Channel,
) -> anyhow::Result<Result<(ImportUsersResponse, Fed), Status>> {
    let path = arguments.file.clone();
    let rows = task::spawn_blocking(move || Rows::open(&path)).await??;
    let length = std::fs::metadata(&arguments.file).map_or(0, |file| file.len());
    let progress = bar(length);
    let (sender, receiver) = mpsc::channel::<ImportUsersRequest>(READ_AHEAD);
    let feed = {
        let progress = progress.clone();
        task::spawn_blocking(move || rows.feed(&import_id.to_string(), &sender, &progress))
    };
    let called = UserServiceClient::new(channel).import_users(ReceiverStream::new(receiver)).await;
    // The call is over and its end of the rows is gone, so the reading ends too.
    let fed = feed.await?.with_context(|| format!("{} breaks off", arguments.file.display()));
    progress.finish_and_clear();
    Ok(match (called, fed) {
        (Ok(response), fed) => {
            let fed = fed?;
            ensure!(fed.complete, "the server ended the import before the last row");
            Ok((response.into_inner(), fed))
        }
        (Err(_), Err(broken)) => return Err(broken),
        (Err(status), Ok(_)) => Err(status),
    })
}

/// A bar over the bytes of the file; indicatif hides it when stderr is no terminal.
fn bar(length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(
        "{wide_bar} {percent:>3} %  {bytes}/{total_bytes}  {elapsed}, {eta} to go",
    );
    ProgressBar::new(length).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
