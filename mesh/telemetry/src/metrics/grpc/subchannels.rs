//! What a channel counts of its connections (gRFC A94) and of the endpoints that it leaves alone (gRFC A91).

use super::ClientMetrics;
use crate::{
    metrics::{Attributes, Counter, Snapshot, UpDownCounter, Value},
    semconv::grpc::{self, describe},
};

/// How an endpoint was found to be worse than others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detection {
    /// Its success rate is too far below that of the others.
    SuccessRate,
    /// Too much of what it answers is a failure.
    FailurePercentage,
    /// Too many failures in a row; gRFC A91 does not know it.
    Consecutive,
    /// Too few successes lately, whatever others do; nor this.
    RollingSuccessRate,
}

/// Why an endpoint that was found was not ejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unenforced {
    /// The dice said so.
    EnforcementPercentage,
    /// As many are ejected as may be.
    MaxEjectionOverflow,
}

const DETECTIONS: [(Detection, &str); 4] = [
    (Detection::SuccessRate, "success_rate"),
    (Detection::FailurePercentage, "failure_percentage"),
    (Detection::Consecutive, "consecutive_failures"),
    (Detection::RollingSuccessRate, "rolling_success_rate"),
];
const REASONS: [(Unenforced, &str); 2] = [
    (Unenforced::EnforcementPercentage, "enforcement_percentage"),
    (Unenforced::MaxEjectionOverflow, "max_ejection_overflow"),
];

#[derive(Debug, Default)]
pub(super) struct Subchannels {
    connected: Counter,
    failed: Counter,
    disconnected: Counter,
    open: UpDownCounter,
    ejected: [Counter; DETECTIONS.len()],
    spared: [[Counter; REASONS.len()]; DETECTIONS.len()],
}

impl ClientMetrics {
    /// An attempt to connect succeeded, and there is a connection more.
    pub fn connected(&self) {
        self.subchannels.connected.one();
        self.subchannels.open.add(1);
    }

    /// An attempt to connect failed.
    pub fn connect_failed(&self) {
        self.subchannels.failed.one();
    }

    /// A connection is over.
    pub fn disconnected(&self) {
        self.subchannels.disconnected.one();
        self.subchannels.open.add(-1);
    }

    /// An endpoint was ejected.
    pub fn ejected(&self, detection: Detection) {
        self.subchannels.ejected[detection as usize].one();
    }

    /// An endpoint should have been ejected and was not.
    pub fn spared(&self, detection: Detection, reason: Unenforced) {
        self.subchannels.spared[detection as usize][reason as usize].one();
    }
}

impl Subchannels {
    pub(super) fn collect(
        &self,
        target: &impl Fn() -> (&'static str, std::borrow::Cow<'static, str>),
        snapshot: &mut Snapshot,
    ) {
        for (descriptor, counter) in [
            (&describe::SUBCHANNEL_CONNECTED, &self.connected),
            (&describe::SUBCHANNEL_CONNECT_FAILED, &self.failed),
            (&describe::SUBCHANNEL_DISCONNECTED, &self.disconnected),
        ] {
            snapshot.add(descriptor, vec![target()], Value::Counter(counter.get()));
        }
        let open = Value::UpDownCounter(self.open.get());
        snapshot.add(&describe::SUBCHANNEL_OPEN_CONNECTIONS, vec![target()], open);
        for ((detection, method), (ejected, spared)) in
            DETECTIONS.iter().zip(self.ejected.iter().zip(&self.spared))
        {
            debug_assert_eq!(DETECTIONS[*detection as usize].1, *method);
            let attributes = || -> Attributes { vec![target(), (grpc::DETECTION_METHOD, (*method).into())] };
            if ejected.get() > 0 {
                snapshot.add(
                    &describe::OUTLIER_EJECTIONS_ENFORCED,
                    attributes(),
                    Value::Counter(ejected.get()),
                );
            }
            for ((_, reason), counter) in REASONS.iter().zip(spared).filter(|(_, counter)| counter.get() > 0)
            {
                let mut attributes = attributes();
                attributes.push((grpc::UNENFORCED_REASON, (*reason).into()));
                snapshot.add(
                    &describe::OUTLIER_EJECTIONS_UNENFORCED,
                    attributes,
                    Value::Counter(counter.get()),
                );
            }
        }
    }
}
