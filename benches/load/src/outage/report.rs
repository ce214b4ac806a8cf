//! What came of it, and whether that is right.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    time::Duration,
};

use anyhow::ensure;
use mesh_rig::smtp::Delivery;
use tokio::time::Instant;

use crate::{
    callers::{Call, none_failed},
    figures::Times,
};

/// What came of it.
#[derive(Clone, Debug)]
pub struct Report {
    /// Every call.
    pub calls: Vec<Call>,
    /// When the broker was gone.
    pub gone: Instant,
    /// When it was back.
    pub back: Instant,
    /// What has arrived.
    pub mails: Mails,
}

/// What has arrived.
#[derive(Clone, Debug)]
pub struct Mails {
    /// Every mail, in the order of their arrival.
    pub deliveries: Vec<Delivery>,
    /// How long after the broker was back there were as many as there are users; `None`: never.
    pub all_arrived: Option<Duration>,
}

/// Users and mails that are not as they should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Wrong {
    /// Users without a mail.
    missing: usize,
    /// Users with several.
    several: usize,
    /// Mails under a Message-ID that had come before.
    again: usize,
    /// Mails to nobody who was created.
    stray: usize,
}

impl Report {
    /// Sees to it that nothing went wrong.
    ///
    /// # Errors
    /// What did.
    pub fn judge(&self) -> anyhow::Result<()> {
        none_failed(&self.calls)?;
        ensure!(self.wrong() == Wrong::default(), "not every user got one mail, once");
        ensure!(self.mails.all_arrived.is_some(), "not every mail arrived in time");
        Ok(())
    }

    fn wrong(&self) -> Wrong {
        let mut mails: HashMap<&str, usize> = HashMap::new();
        for recipient in self.mails.deliveries.iter().flat_map(|mail| &mail.recipients) {
            *mails.entry(recipient).or_default() += 1;
        }
        let ids: HashSet<_> = self.mails.deliveries.iter().map(|mail| &mail.message_id).collect();
        let mut wrong = Wrong { again: self.mails.deliveries.len() - ids.len(), ..Wrong::default() };
        for call in self.calls.iter().filter(|call| call.failure.is_none()) {
            match mails.remove(call.email.as_str()) {
                None => wrong.missing += 1,
                Some(1) => {}
                Some(_) => wrong.several += 1,
            }
        }
        wrong.stray = mails.values().sum();
        wrong
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "broker      calls   failed       p50       p99       max")?;
        let (gone, back) = (Some(self.gone), Some(self.back));
        for (name, from, until) in [("there", None, gone), ("away", gone, back), ("back", back, None)] {
            let is_in = |call: &&Call| {
                from.is_none_or(|from| call.begun >= from) && until.is_none_or(|until| call.begun < until)
            };
            let failed = self.calls.iter().filter(is_in).filter(|call| call.failure.is_some()).count();
            let times: Times = self.calls.iter().filter(is_in).map(|call| call.took).collect();
            let [p50, p99, max] = [0.5, 0.99, 1.0].map(|part| times.quantile(part));
            writeln!(f, "{name:<8} {:>8} {failed:>8} {p50:>7.1}ms {p99:>7.1}ms {max:>7.1}ms", times.count())?;
        }
        let Wrong { missing, several, again, stray } = self.wrong();
        writeln!(
            f,
            "{} mails: {missing} users without one, {several} with several, {again} that came again, {stray} to nobody",
            self.mails.deliveries.len()
        )?;
        match self.mails.all_arrived {
            Some(after) => writeln!(f, "the last one {:.1} s after the broker was back", after.as_secs_f64()),
            None => writeln!(f, "they did not all arrive in time"),
        }
    }
}
