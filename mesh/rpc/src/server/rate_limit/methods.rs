//! The limits of each method.

use std::{
    borrow::Cow,
    hash::{DefaultHasher, Hasher as _},
};

use mesh_policy::{MessageField, PolicyTable, RateLimit};

use super::{RateLimitConfig, gcra::Gcra};

/// The limits of one method.
#[derive(Debug)]
pub(super) struct Method {
    pub(super) path: Cow<'static, str>,
    /// A number that stands for the path.
    pub(super) hash: u64,
    /// For one caller.
    pub(super) calls: Option<Gcra>,
    /// For one caller and one value of a field of the request.
    pub(super) keys: Option<KeyLimit>,
}

/// A limit for one value of a field.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyLimit {
    pub(super) gcra: Gcra,
    pub(super) field: MessageField,
}

/// The limits of contracts, as far as the configuration does not tighten them, and those that it adds: by path.
///
/// # Errors
/// When the configuration limits the values of a field that no contract names.
pub(super) fn methods(
    config: &RateLimitConfig,
    policies: PolicyTable,
) -> Result<Box<[Method]>, &'static str> {
    let mut methods = Vec::new();
    if !config.enabled {
        return Ok(methods.into());
    }
    for policy in policies.iter() {
        if let Some(limit) = policy.rate_limit {
            of(&mut methods, Cow::Borrowed(policy.path)).tighten_calls(limit);
        }
        if let (Some(limit), Some(field)) = (policy.key_rate_limit, policy.hash_key) {
            of(&mut methods, Cow::Borrowed(policy.path)).tighten_keys(limit, field);
        }
    }
    for (path, limit) in &config.methods {
        of(&mut methods, Cow::Owned(path.clone())).tighten_calls(*limit);
    }
    for (path, limit) in &config.key_methods {
        let field = policies.get(path).and_then(|policy| policy.hash_key);
        let field = field.ok_or("rate_limit.key_methods names a method whose contract has no hash_key")?;
        of(&mut methods, Cow::Owned(path.clone())).tighten_keys(*limit, field);
    }
    Ok(methods.into())
}

/// The method at `path`, which is there from now on.
fn of<'a>(methods: &'a mut Vec<Method>, path: Cow<'static, str>) -> &'a mut Method {
    let place = match methods.binary_search_by(|method| method.path.cmp(&path)) {
        Ok(place) => place,
        Err(place) => {
            let hash = hash_of(path.as_bytes());
            methods.insert(place, Method { path, hash, calls: None, keys: None });
            place
        }
    };
    &mut methods[place]
}

impl Method {
    fn tighten_calls(&mut self, limit: RateLimit) {
        self.calls = Some(Gcra::new(tighter(self.calls, limit)));
    }

    fn tighten_keys(&mut self, limit: RateLimit, field: MessageField) {
        let gcra = Gcra::new(tighter(self.keys.map(|keys| keys.gcra), limit));
        self.keys = Some(KeyLimit { gcra, field });
    }
}

fn tighter(known: Option<Gcra>, other: RateLimit) -> RateLimit {
    let Some(known) = known.map(|gcra| gcra.limit()) else { return other };
    RateLimit { per_second: known.per_second.min(other.per_second), burst: known.burst.min(other.burst) }
}

/// A number that stands for a name.
pub(super) fn hash_of(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}
