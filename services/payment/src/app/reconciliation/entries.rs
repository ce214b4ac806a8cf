//! Every entry, against the operation that caused it.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{Inner, Report, books::wrong, seen::Seen, verdict::here};
use crate::{
    domain::{BookId, Direction, Operation, OperationKind, Outcome, Phase, Transfer},
    error::Error,
    store::Entry,
};

/// Operations read at once.
const LANES: usize = 16;

impl Inner {
    /// Sees to it that each entry is in the book of its payment, and that its operation ended as the entry says and
    /// with its amount. The operations that this decides are added to `entered`.
    pub(super) async fn tie(
        &self,
        book: BookId,
        entries: Vec<Entry>,
        entered: &mut Seen,
        report: &mut Report,
    ) -> Result<(), Error> {
        let read = stream::iter(entries).map(async |entry: Entry| {
            let operation = self.books.store().operation(entry.transfer.operation()).await?;
            Ok::<_, Error>((entry, operation, self.is_misplaced(book, &entry.transfer).await?))
        });
        let read: Vec<_> = read.buffered(LANES).try_collect().await?;
        for (Entry { version, transfer }, operation, is_misplaced) in read {
            let key = transfer.operation();
            if is_misplaced {
                wrong(book, format!("entry {version}: {key} is of no payment of this book"), report);
            }
            let Some(operation) = operation else {
                wrong(book, format!("entry {version}: operation {key} is not there"), report);
                continue;
            };
            if !fits(&transfer, &operation) {
                let (amount, told) = (transfer.amount(), told(&operation));
                wrong(book, format!("entry {version}: {amount} does not follow from {told}"), report);
            }
            if decides(&transfer) && report.is_due(&operation) {
                entered.add(key);
            }
        }
        Ok(())
    }

    /// Whether the entry is in another book than its payment. Only what reserves money is looked at: whatever resolves
    /// that is in the same book, or does not add up.
    async fn is_misplaced(&self, book: BookId, transfer: &Transfer) -> Result<bool, Error> {
        if transfer.phase() != Phase::Pending {
            return Ok(false);
        }
        let at = self.books.store().payment(transfer.operation().payment).await?;
        Ok(at.is_none_or(|at| at.payment.book() != book))
    }
}

/// Whether the entry is the one that says how its operation ended. Only what reserves a refund is kept before that.
pub(super) fn decides(transfer: &Transfer) -> bool {
    (transfer.phase(), transfer.direction()) != (Phase::Pending, Direction::Refund)
}

/// Whether there is one entry that says how the operation ended: one that moved nothing left nothing to be said,
/// unless it was reserved.
pub(super) fn is_entered(operation: &Operation) -> bool {
    match &operation.outcome {
        Some(Outcome::Settled) => true,
        Some(Outcome::Declined(_)) => operation.kind == OperationKind::Refund,
        Some(Outcome::Failed) | None => false,
    }
}

/// The operation, for a person.
pub(super) fn told(operation: &Operation) -> String {
    let Operation { key, kind, amount, outcome, .. } = operation;
    let ended = outcome.as_ref().map_or("open", here);
    format!("{kind:?} of {amount} under {key}, {ended}")
}

fn fits(transfer: &Transfer, operation: &Operation) -> bool {
    let is_settled = operation.outcome == Some(Outcome::Settled);
    let (kind, has_ended_so) = match (transfer.phase(), transfer.direction()) {
        (Phase::Pending, Direction::Charge) => (OperationKind::Authorize, is_settled),
        (Phase::Post(_), Direction::Charge) => (OperationKind::Capture, is_settled),
        (Phase::Void(_), Direction::Charge) => (OperationKind::Void, is_settled),
        // Kept when it was decided: it may have ended since, in any way.
        (Phase::Pending, Direction::Refund) => (OperationKind::Refund, true),
        (Phase::Post(_), Direction::Refund) => (OperationKind::Refund, is_settled),
        (Phase::Void(_), Direction::Refund) => {
            (OperationKind::Refund, matches!(operation.outcome, Some(Outcome::Declined(_))))
        }
    };
    has_ended_so && operation.kind == kind && operation.amount == transfer.amount()
}
