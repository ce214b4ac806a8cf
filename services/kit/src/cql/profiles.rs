//! How each purpose is run: consistency, routing, retries, second tries.

use std::{sync::Arc, time::Duration};

use scylla::{
    client::execution_profile::{ExecutionProfile, ExecutionProfileHandle},
    policies::{
        load_balancing::{DefaultPolicy, LoadBalancingPolicy},
        retry::{DefaultRetryPolicy, FallthroughRetryPolicy},
    },
    statement::{Consistency, SerialConsistency},
};

use super::{CqlConfig, CqlError, Purpose, SerialScope, second::SecondTry};

/// One profile per purpose.
#[derive(Clone, Debug)]
pub(super) struct Profiles {
    read: ExecutionProfileHandle,
    tolerant: ExecutionProfileHandle,
    decide: ExecutionProfileHandle,
    mark: ExecutionProfileHandle,
    cas: ExecutionProfileHandle,
}

impl Profiles {
    pub(super) fn new(config: &CqlConfig) -> Self {
        let routing = routing(config);
        let serial = match config.serial {
            SerialScope::Global => (Consistency::Serial, SerialConsistency::Serial),
            SerialScope::Local => (Consistency::LocalSerial, SerialConsistency::LocalSerial),
        };
        let profile = |purpose: Purpose, consistency| {
            ExecutionProfile::builder()
                .consistency(consistency)
                .serial_consistency(Some(serial.1))
                .request_timeout(Some(purpose.bound()))
                .load_balancing_policy(Arc::clone(&routing))
                .retry_policy(Arc::new(DefaultRetryPolicy::new()))
        };
        Self {
            read: profile(Purpose::Read, Consistency::LocalQuorum).build().into_handle(),
            tolerant: profile(Purpose::Tolerant, Consistency::LocalOne)
                .speculative_execution_policy(Some(Arc::new(SecondTry)))
                .build()
                .into_handle(),
            decide: profile(Purpose::Decide, serial.0).build().into_handle(),
            mark: profile(Purpose::Mark, Consistency::LocalOne).build().into_handle(),
            // A second attempt of a conditional write would be refused because of the first one.
            cas: profile(Purpose::Cas, Consistency::LocalQuorum)
                .retry_policy(Arc::new(FallthroughRetryPolicy::new()))
                .build()
                .into_handle(),
        }
    }

    pub(super) fn of(&self, purpose: Purpose) -> ExecutionProfileHandle {
        match purpose {
            Purpose::Read | Purpose::Write => self.read.clone(),
            Purpose::Tolerant => self.tolerant.clone(),
            Purpose::Decide => self.decide.clone(),
            Purpose::Mark => self.mark.clone(),
            Purpose::Cas => self.cas.clone(),
        }
    }
}

/// Replicas first, those nearby before the others; never another data center: its quorum is not ours, and a read
/// there would not see what was written here.
fn routing(config: &CqlConfig) -> Arc<dyn LoadBalancingPolicy> {
    let builder = DefaultPolicy::builder().token_aware(true).permit_dc_failover(false);
    match (config.datacenter.clone(), config.rack.clone()) {
        (Some(datacenter), Some(rack)) => builder.prefer_datacenter_and_rack(datacenter, rack).build(),
        (Some(datacenter), None) => builder.prefer_datacenter(datacenter).build(),
        (None, _) => builder.build(),
    }
}

/// What a call may still take: the purpose's bound, or what is left of the caller's deadline.
///
/// # Errors
/// [`CqlError::Refused`] when nothing is left: it is not sent at all, because the driver would still wait for an
/// answer of its next tick.
pub(super) fn time_left(purpose: Purpose) -> Result<Duration, CqlError> {
    let left = mesh_rpc::deadline::current().map_or(Duration::MAX, mesh_rpc::deadline::Deadline::remaining);
    if left.is_zero() {
        return Err(CqlError::Refused("the call's deadline has passed".into()));
    }
    Ok(purpose.bound().min(left))
}
