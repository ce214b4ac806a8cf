//! The provider's list, from its beginning to its end.

use crate::{
    error::Error,
    provider::{Page, Provider, ProviderError},
};

/// Pages in a row that may be empty though others follow.
const EMPTY_MAX: u32 = 100;

/// The provider's list, page by page. A list that leads nowhere or in a circle is an error: nobody reads it for ever.
pub(super) struct Pages<'a> {
    provider: &'a dyn Provider,
    /// Where the next page begins; nothing before the first.
    cursor: Option<String>,
    is_over: bool,
    is_endless: bool,
    empty: u32,
    circle: Circle,
}

/// Finds out that cursors repeat, by keeping one of them: a later one each time that twice as many have passed
/// (Brent's algorithm), so that at last it is one of the circle, and the circle leads back to it.
#[derive(Default)]
struct Circle {
    kept: Option<String>,
    passed: u64,
    until: u64,
}

impl<'a> Pages<'a> {
    pub(super) fn new(provider: &'a dyn Provider) -> Self {
        Self {
            provider,
            cursor: None,
            is_over: false,
            is_endless: false,
            empty: 0,
            circle: Circle::default(),
        }
    }

    /// The next page; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Page>, Error> {
        if self.is_over {
            return Ok(None);
        }
        if self.is_endless {
            let why = "the provider lists the same pages for ever, or none";
            return Err(ProviderError::Unknown(why.into()).into());
        }
        let page = self.provider.list(self.cursor.take()).await?;
        self.empty = if page.is_empty() { self.empty + 1 } else { 0 };
        let is_circle = page.next.as_ref().is_some_and(|next| self.circle.closes(next));
        // What is on this page is worth being looked at all the same.
        self.is_endless = is_circle || self.empty > EMPTY_MAX;
        self.is_over = page.next.is_none();
        self.cursor.clone_from(&page.next);
        Ok(Some(page))
    }
}

impl Circle {
    fn closes(&mut self, cursor: &str) -> bool {
        if self.kept.as_deref() == Some(cursor) {
            return true;
        }
        self.passed += 1;
        if self.passed > self.until {
            (self.kept, self.until, self.passed) = (Some(cursor.to_owned()), self.until * 2 + 1, 0);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_circle_closes_and_nothing_else_does() {
        for before in 0..20_u64 {
            for around in 1..20_u64 {
                let mut circle = Circle::default();
                let cursor = |n: u64| if n < before { n } else { before + (n - before) % around };
                let closed = (0..500).position(|n| circle.closes(&cursor(n).to_string()));
                assert!(closed.is_some_and(|n| n as u64 >= before + around), "{before} {around}: {closed:?}");
            }
        }
        let mut circle = Circle::default();
        assert!((0..10_000).all(|n: u64| !circle.closes(&n.to_string())));
    }
}
