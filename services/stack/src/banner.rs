//! What the stack says when it is ready: where everything is, and what to try first.

use std::{io::Write as _, net::SocketAddr};

use notification::MailConfig;

use crate::config::StackConfig;

/// Prints the addresses and the first lines to try.
pub(crate) fn print(addresses: &[(&'static str, SocketAddr)], config: &StackConfig) {
    let mut text = String::from("ready\n");
    for (name, address) in addresses {
        text += &format!("  {name:<13} {address}\n");
    }
    text += &format!("  {:<13} {}\n", "data", config.data.display());
    match &config.notification.mail {
        MailConfig::Files => {
            text += &format!("  {:<13} {}/*.eml\n", "mails", config.data.join("mails").display())
        }
        MailConfig::Smtp(smtp) => text += &format!("  {:<13} {}:{}\n", "mails", smtp.host, smtp.port),
    }
    let address =
        |wanted| addresses.iter().find(|(name, _)| *name == wanted).map(|(_, address)| address.to_string());
    if let (Some(user), Some(payment), Some(notification)) =
        (address("user"), address("payment"), address("notification"))
    {
        text += &format!(
            "try\n  \
             grpcurl -plaintext {user} list\n  \
             grpcurl -plaintext -d '{{\"email\":\"ada@example.org\",\"display_name\":\"Ada\"}}' {user} user.v1.UserService/CreateUser\n  \
             grpcurl -plaintext {payment} describe payment.v1.PaymentService.CreatePayment\n  \
             grpcurl -plaintext {notification} describe notification.v1.NotificationService\n"
        );
    }
    // Whoever started the stack may have closed the pipe; that is no reason to stop it.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    let _ = std::io::stdout().flush();
}
