//! The import through the API.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use mesh_rpc::{Channel, Target};
use proto::user::v1::{ImportUsersRequest, user_service_client::UserServiceClient};
use tokio::time::Instant;

use crate::stack::Stack;

/// How an import went.
pub(super) struct Import {
    /// The rows that became users.
    pub(super) created: Vec<ImportUsersRequest>,
    /// Seconds until the import was answered.
    pub(super) called: f64,
    /// Seconds until every profile and every mail was there, too.
    pub(super) done: f64,
    /// Commits of the store until then.
    pub(super) commits: u64,
}

/// The rows of the file.
pub(super) fn read(file: &Path) -> anyhow::Result<Vec<ImportUsersRequest>> {
    let mut reader =
        csv::Reader::from_path(file).with_context(|| format!("cannot read {}", file.display()))?;
    let row = |record: csv::StringRecord| ImportUsersRequest {
        email: record.get(0).unwrap_or_default().to_owned(),
        display_name: record.get(1).unwrap_or_default().to_owned(),
        locale: record.get(2).unwrap_or_default().to_owned(),
        import_id: "compare".to_owned(),
    };
    reader.records().map(|record| Ok(row(record?))).collect()
}

/// Imports `rows` into a new stack and waits until its consumers have nothing left to do.
pub(super) async fn run(program: &Path, data: &Path, rows: &[ImportUsersRequest]) -> anyhow::Result<Import> {
    let stack = Stack::start(program, data)?;
    let channel = Channel::builder(Target::fixed([stack.address])).policies(&proto::POLICIES).build()?;
    let mut users = UserServiceClient::new(channel);
    let start = Instant::now();
    let summary = users.import_users(tokio_stream::iter(rows.to_vec())).await?.into_inner();
    let called = start.elapsed().as_secs_f64();
    let created = usize::try_from(summary.created_count)?;
    let mails = data.join("mails");
    while count(mails.clone()).await? < created {
        // Seldom: while a folder is read, nobody can make a file in it.
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    let done = start.elapsed().as_secs_f64();
    let log = stack.stop()?;
    let commits =
        log.split_once("commits=").and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok());
    // Refused rows are told by number; what is left is what redb alone has to write.
    let refused: HashSet<i64> = summary.problems.iter().map(|problem| problem.row).collect();
    let created_rows: Vec<_> =
        (1..).zip(rows).filter(|(number, _)| !refused.contains(number)).map(|(_, row)| row.clone()).collect();
    ensure!(created_rows.len() == created, "more problems than the summary tells");
    Ok(Import { created: created_rows, called, done, commits: commits.context("the stack told no commits")? })
}

async fn count(mails: PathBuf) -> anyhow::Result<usize> {
    let counted = tokio::task::spawn_blocking(move || {
        let entries = std::fs::read_dir(mails)?.filter_map(Result::ok);
        std::io::Result::Ok(entries.filter(|entry| entry.path().extension().is_some()).count())
    });
    Ok(counted.await??)
}
