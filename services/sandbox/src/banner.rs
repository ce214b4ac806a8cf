//! What the program says when it is ready.

use std::{io::Write as _, net::SocketAddr, path::Path};

/// Prints where everything is.
pub(crate) fn print(address: SocketAddr, data: &Path) {
    let text = format!("ready\n  {:<13} {address}\n  {:<13} {}\n", "provider", "data", data.display());
    // Whoever started the program may have closed the pipe; that is no reason to stop it.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    let _ = std::io::stdout().flush();
}
