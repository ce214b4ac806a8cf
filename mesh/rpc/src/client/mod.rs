//! The client: what it calls ([`Target`]), what each call passes through (`stack`), and the connections that
//! it keeps (`endpoint`).

mod adaptive_throttle;
mod address;
mod attempt;
mod backoff;
mod balance;
mod budget;
mod channel;
mod compress;
mod config;
mod deadline;
mod dial;
mod directory;
mod endpoint;
mod endpoints;
mod eyeballs;
mod health;
mod hedge;
mod latency;
mod methods;
mod outgoing;
mod outlier;
mod ping_interval;
mod pool;
#[cfg(feature = "probe")]
mod probe;
mod ready;
mod received;
mod resolve;
mod retry;
mod stack;
mod system;
mod target;
mod telemetry;
mod trail;
mod wires;

pub use adaptive_throttle::AdaptiveThrottleConfig;
#[cfg(feature = "probe")]
pub use adaptive_throttle::ThrottleDecisions;
pub use attempt::previous_attempts;
pub use balance::{BalanceConfig, Balancing, HashKey, SlowStartConfig, WaitForReady};
pub use budget::{BudgetConfig, ThrottleConfig};
pub use channel::{Channel, ChannelBuilder, ResponseBody, ResponseFuture};
pub use config::{ChannelConfig, ChannelConfigError};
pub use health::HealthConfig;
pub use latency::HedgeConfig;
pub use outlier::{
    ConsecutiveConfig, FailurePercentageConfig, OutlierConfig, RollingSuccessRateConfig, SuccessRateConfig,
};
pub use pool::PoolConfig;
#[cfg(feature = "probe")]
pub use probe::{Decisions, Picked};
#[cfg(feature = "probe")]
pub(crate) use received::repair;
#[cfg(all(feature = "probe", feature = "k8s"))]
pub(crate) use resolve::k8s::told as k8s_endpoints;
#[cfg(feature = "probe")]
pub use retry::RepeatDecisions;
pub use retry::{AttemptCounts, RetryConfig};
pub use target::{Target, TargetError};
pub(crate) use trail::Trail;
