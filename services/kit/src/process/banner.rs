//! What a program says when it is ready: where everything is, and what to try first.

use std::{fmt, fmt::Display, io::Write as _};

/// What a program says on standard output when it is ready.
#[derive(Clone, Debug, Default)]
pub struct Banner {
    text: String,
}

impl Banner {
    /// Begins with the word that says it.
    #[must_use]
    pub fn new() -> Self {
        Self { text: "ready\n".to_owned() }
    }

    /// Adds what something is called and where it is.
    #[must_use]
    pub fn line(mut self, name: &str, place: impl Display) -> Self {
        self.text += &format!("  {name:<13} {place}\n");
        self
    }

    /// Adds what to try first, a command each.
    #[must_use]
    pub fn tries(mut self, commands: &[String]) -> Self {
        self.text += "try\n";
        commands.iter().for_each(|command| self.text += &format!("  {command}\n"));
        self
    }

    /// Says it.
    pub fn print(&self) {
        // Whoever started the program may have closed the pipe; that is no reason to stop it.
        let mut stdout = std::io::stdout().lock();
        let _ = stdout.write_all(self.text.as_bytes());
        let _ = stdout.flush();
    }
}

impl Display for Banner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
