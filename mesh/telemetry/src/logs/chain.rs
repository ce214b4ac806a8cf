//! Errors, on one line.

use std::{
    error::Error,
    fmt::{self, Display, Formatter},
};

/// An error and everything below it: `cannot connect: connection refused`. For the field of a log line, which
/// reads the same in every format: `tracing::warn!(error = %chain(&error), "…")`. An error that is given to
/// `tracing` as an error loses its sources in JSON lines.
///
/// A source that the error above it already ends with is not repeated.
pub fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Display + 'a {
    Chain(error)
}

struct Chain<'a>(&'a (dyn Error + 'static));

impl Display for Chain<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut above = self.0.to_string();
        f.write_str(&above)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            let text = error.to_string();
            if !above.ends_with(&text) {
                write!(f, ": {text}")?;
                above = text;
            }
            source = error.source();
        }
        Ok(())
    }
}
