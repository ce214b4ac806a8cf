//! `payment.v1.ReconciliationService`.

use async_trait::async_trait;
use proto::payment::v1::{
    self, CurrencyTotal, GetReportRequest, GetReportResponse, ReconcileRequest, ReconcileResponse,
    ResumePaymentRequest, ResumePaymentResponse, finding::Kind,
    reconciliation_service_server::ReconciliationService,
};
use service_kit::clock::timestamp;
use tonic::{Request, Response, Status};

use super::convert;
use crate::app::{Finding, FindingKind, Reconciliation, Report, Total};

/// The reconciliation as gRPC sees it.
#[derive(Clone, Debug)]
pub struct ReconciliationApi(Reconciliation);

impl ReconciliationApi {
    /// An API of these use cases.
    #[must_use]
    pub fn new(reconciliation: Reconciliation) -> Self {
        Self(reconciliation)
    }
}

#[async_trait]
impl ReconciliationService for ReconciliationApi {
    async fn reconcile(
        &self,
        _request: Request<ReconcileRequest>,
    ) -> Result<Response<ReconcileResponse>, Status> {
        let report = Some(report(self.0.run().await?));
        Ok(Response::new(ReconcileResponse { report }))
    }

    async fn resume_payment(
        &self,
        request: Request<ResumePaymentRequest>,
    ) -> Result<Response<ResumePaymentResponse>, Status> {
        let id = convert::payment_id(&request.into_inner().payment_id)?;
        let payment = self.0.resume(id).await?;
        Ok(Response::new(ResumePaymentResponse { payment: Some(convert::payment(&payment)) }))
    }

    async fn get_report(
        &self,
        _request: Request<GetReportRequest>,
    ) -> Result<Response<GetReportResponse>, Status> {
        let report = Some(report(self.0.last()?));
        Ok(Response::new(GetReportResponse { report }))
    }
}

fn report(report: Report) -> v1::Report {
    v1::Report {
        start_time: Some(timestamp(report.started)),
        end_time: Some(timestamp(report.ended)),
        books: count(report.books),
        entries: count(report.entries),
        operations: count(report.operations),
        transactions: count(report.transactions),
        totals: report.totals.into_iter().map(|(code, sums)| total(code, sums)).collect(),
        healed: count(report.healed),
        finding_count: count(report.found),
        findings: report.findings.into_iter().map(finding).collect(),
        incomplete: report.incomplete.unwrap_or_default(),
    }
}

fn total(code: &str, total: Total) -> CurrencyTotal {
    CurrencyTotal {
        currency: code.to_owned(),
        captured_minor: at_most(total.captured),
        refunded_minor: at_most(total.refunded),
    }
}

fn finding(finding: Finding) -> v1::Finding {
    let kind = match finding.kind {
        FindingKind::MissingHere => Kind::MissingHere,
        FindingKind::MissingThere => Kind::MissingThere,
        FindingKind::AmountMismatch => Kind::AmountMismatch,
        FindingKind::StateMismatch => Kind::StateMismatch,
        FindingKind::BookWrong => Kind::BookWrong,
        FindingKind::Undecided => Kind::Undecided,
        FindingKind::TwiceThere => Kind::TwiceThere,
    };
    let (operation, book) = if finding.is_about_operation() {
        (finding.about, String::new())
    } else {
        (String::new(), finding.about)
    };
    v1::Finding { kind: kind.into(), operation, book, description: finding.description }
}

fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The sum, or the nearest that 64 bits hold.
fn at_most(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
}
