//! Where the services will be served.

use std::net::SocketAddr;

use service_kit::process::listen;
use tokio::net::TcpListener;

use crate::config::StackConfig;

/// A listener for every service, open before anything has begun: a port that is taken should be heard of first.
pub(crate) struct Ports {
    pub(crate) user: TcpListener,
    pub(crate) payment: TcpListener,
    pub(crate) notification: TcpListener,
    /// Nothing when the payment service has another provider.
    pub(crate) sandbox: Option<TcpListener>,
}

impl Ports {
    pub(crate) async fn open(config: &StackConfig) -> anyhow::Result<Self> {
        let sandbox = match &config.sandbox {
            Some(sandbox) => Some(listen("sandbox.listen", sandbox.listen).await?),
            None => None,
        };
        Ok(Self {
            user: listen("user.listen", config.user.listen).await?,
            payment: listen("payment.listen", config.payment.listen).await?,
            notification: listen("notification.listen", config.notification.listen).await?,
            sandbox,
        })
    }

    /// What is where, in the order of the banner.
    pub(crate) fn addresses(&self) -> anyhow::Result<Vec<(&'static str, SocketAddr)>> {
        let mut addresses = vec![
            ("user", self.user.local_addr()?),
            ("payment", self.payment.local_addr()?),
            ("notification", self.notification.local_addr()?),
        ];
        if let Some(sandbox) = &self.sandbox {
            addresses.push(("provider", sandbox.local_addr()?));
        }
        Ok(addresses)
    }
}
