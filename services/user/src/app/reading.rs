//! What a read must see, as its caller says it.

use std::{fmt, str::FromStr};

use uuid::Uuid;

use crate::{domain::UserId, store::Consistency};

/// A write that a read must see: answered with the write, sent back with the read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsistencyToken {
    /// Whose user, or profile, was written.
    pub user: UserId,
    /// Its version after the write.
    pub version: u64,
}

/// A text that is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a consistency token")]
pub struct NoToken;

impl fmt::Display for ConsistencyToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.user, self.version)
    }
}

impl FromStr for ConsistencyToken {
    type Err = NoToken;

    fn from_str(text: &str) -> Result<Self, NoToken> {
        let (user, version) = text.split_once(':').ok_or(NoToken)?;
        let user = UserId(Uuid::try_parse(user).map_err(|_| NoToken)?);
        Ok(Self { user, version: version.parse().map_err(|_| NoToken)? })
    }
}

/// What a read must see.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// What the caller asked for; `None`: whatever suits the read.
    pub asked: Option<Consistency>,
    /// Writes that it must see in any case.
    pub tokens: Vec<ConsistencyToken>,
}

impl Reading {
    /// How to read first. Whoever sends tokens knows what must be seen, so that a read which would be strong by
    /// default can begin at the nearest copy.
    pub(super) fn at(&self, default: Consistency) -> Consistency {
        match self.asked {
            Some(asked) => asked,
            None if self.tokens.is_empty() => default,
            None => Consistency::Eventual,
        }
    }

    /// Whether `version` of what belongs to `user` is new enough.
    pub(super) fn sees(&self, user: UserId, version: u64) -> bool {
        self.tokens.iter().all(|token| token.user != user || version >= token.version)
    }

    /// As [`Reading::sees`], of what was found by another key: a token of somebody else may say that the key is
    /// theirs by now.
    pub(super) fn sees_only(&self, user: UserId, version: u64) -> bool {
        self.tokens.iter().all(|token| token.user == user && version >= token.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: UserId = UserId(Uuid::from_u128(1));
    const EVE: UserId = UserId(Uuid::from_u128(2));

    fn reading(tokens: &[ConsistencyToken]) -> Reading {
        Reading { asked: None, tokens: tokens.to_vec() }
    }

    #[test]
    fn a_token_reads_back_and_nothing_else_is_one() {
        let token = ConsistencyToken { user: ADA, version: 7 };
        assert_eq!(token.to_string().parse(), Ok(token));
        for wrong in ["", ":", "1:1", "00000000-0000-0000-0000-000000000001", "x:1"] {
            assert_eq!(wrong.parse::<ConsistencyToken>(), Err(NoToken), "{wrong}");
        }
        let negative = format!("{ADA}:-1");
        assert_eq!(negative.parse::<ConsistencyToken>(), Err(NoToken));
    }

    #[test]
    fn a_token_replaces_the_default_and_not_what_was_asked() {
        let token = ConsistencyToken { user: ADA, version: 7 };
        assert_eq!(reading(&[]).at(Consistency::Strong), Consistency::Strong);
        assert_eq!(reading(&[token]).at(Consistency::Strong), Consistency::Eventual);
        let asked = Reading { asked: Some(Consistency::Strong), ..reading(&[token]) };
        assert_eq!(asked.at(Consistency::Eventual), Consistency::Strong);
    }

    #[test]
    fn sees_what_is_at_least_as_new_as_its_own_token() {
        let reading = reading(&[ConsistencyToken { user: ADA, version: 7 }]);
        assert!(reading.sees(ADA, 7) && reading.sees(ADA, 8) && !reading.sees(ADA, 6));
        assert!(reading.sees(EVE, 1), "of whom nothing is said");
        assert!(reading.sees_only(ADA, 7) && !reading.sees_only(EVE, 7));
    }
}
