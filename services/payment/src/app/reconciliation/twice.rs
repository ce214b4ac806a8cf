//! What the provider lists more than once.

use std::collections::BTreeMap;

use super::{FindingKind, Inner, Report, pages::Pages, seen::Seen};
use crate::{domain::ProviderKey, error::Error};

/// Keys that are counted at most. With more of them the books do not agree in other ways, too.
const KEYS_MAX: usize = 100_000;

impl Inner {
    /// Reads the provider's list once more and counts, but only the keys of the sums that came out uneven although
    /// everything in them was looked up.
    pub(super) async fn count_again(&self, seen: &Seen, report: &mut Report) -> Result<(), Error> {
        let (mut counts, mut pages) = (BTreeMap::<ProviderKey, u32>::new(), Pages::new(&*self.provider));
        while let Some(page) = pages.next().await? {
            for key in page.keys().filter_map(|key| key.parse::<ProviderKey>().ok()) {
                if !seen.is_even_about(key) && (counts.len() < KEYS_MAX || counts.contains_key(&key)) {
                    *counts.entry(key).or_default() += 1;
                }
            }
        }
        for (key, count) in counts.into_iter().filter(|(_, count)| *count > 1) {
            let description = format!("the provider lists it {count} times");
            report.find(FindingKind::TwiceThere, &key.to_string(), description);
        }
        Ok(())
    }
}
