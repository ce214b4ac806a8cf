//! Where a process runs, and how much processor time it has had.

use std::time::Duration;

use anyhow::Context as _;
use rustix::{
    process::Pid,
    thread::{CpuSet, sched_setaffinity},
};

/// Binds the calling thread, and all that it starts, to one core.
pub(crate) fn pin(core: usize) -> anyhow::Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None::<Pid>, &set).with_context(|| format!("cannot run on core {core}"))
}

/// The processor time that a process has had, its system calls included (`proc_pid_stat(5)`, fields 14 and 15, in
/// hundredths of a second).
pub(crate) fn used(pid: u32) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields = stat.rsplit_once(')').context("no name in stat")?.1;
    let mut ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let mut next = || Ok::<_, anyhow::Error>(ticks.next().context("too few fields in stat")??);
    Ok(Duration::from_millis(10 * (next()? + next()?)))
}
