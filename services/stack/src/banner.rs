//! What the stack says when it is ready: where everything is, and what to try first.

use std::{net::SocketAddr, path::Path};

use notification::MailConfig;
use service_kit::process::Banner;

use crate::config::StackConfig;

/// Prints the addresses and the first lines to try.
pub(crate) fn print(
    addresses: &[(&'static str, SocketAddr)],
    admin: Option<SocketAddr>,
    data: &Path,
    config: &StackConfig,
) {
    let mut banner = Banner::new();
    for (name, address) in addresses {
        banner = banner.line(name, address);
    }
    if let Some(admin) = admin {
        banner = banner.line("metrics", format_args!("http://{admin}/metrics"));
    }
    banner = banner.line("data", data.display());
    banner = match &config.notification.mail {
        MailConfig::Files => banner.line("mails", format_args!("{}/*.eml", data.join("mails").display())),
        MailConfig::Smtp(smtp) => banner.line("mails", format_args!("{}:{}", smtp.host, smtp.port)),
    };
    let address =
        |wanted| addresses.iter().find(|(name, _)| *name == wanted).map(|(_, address)| address.to_string());
    if let (Some(user), Some(payment), Some(notification)) =
        (address("user"), address("payment"), address("notification"))
    {
        banner = banner.tries(&[
            format!("grpcurl -plaintext {user} list"),
            format!(
                "grpcurl -plaintext -d '{{\"email\":\"ada@example.org\",\"display_name\":\"Ada\"}}' {user} user.v1.UserService/CreateUser"
            ),
            format!("grpcurl -plaintext {payment} describe payment.v1.PaymentService.CreatePayment"),
            format!("grpcurl -plaintext {notification} describe notification.v1.NotificationService"),
        ]);
    }
    banner.print();
}
