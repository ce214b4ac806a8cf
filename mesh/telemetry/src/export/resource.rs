//! Who tells.

use std::{fmt, str::FromStr};

/// Who tells: the attributes of this process, the same on every number and span.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource(Vec<(String, String)>);

/// A text that is no list of attributes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no attribute: expected key=value, separated by commas")]
pub struct InvalidResource(String);

impl Resource {
    /// The name of the service, and of this instance of it.
    pub fn of_service(name: &str, instance: &str) -> Self {
        use crate::semconv::resource::{SERVICE_INSTANCE_ID, SERVICE_NAME};
        Self(vec![
            (SERVICE_NAME.to_owned(), name.to_owned()),
            (SERVICE_INSTANCE_ID.to_owned(), instance.to_owned()),
        ])
    }

    /// Both; where they say something different of the same key, `other` wins.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        for (key, value) in other.0 {
            match self.0.iter_mut().find(|(known, _)| *known == key) {
                Some((_, known)) => *known = value,
                None => self.0.push((key, value)),
            }
        }
        self
    }

    /// The attributes.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl FromStr for Resource {
    type Err = InvalidResource;

    fn from_str(text: &str) -> Result<Self, InvalidResource> {
        let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
        let pair = |pair: &str| match pair.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                Ok((key.trim().to_owned(), value.trim().to_owned()))
            }
            _ => Err(InvalidResource(pair.to_owned())),
        };
        let pairs: Vec<_> = pairs.map(pair).collect::<Result<_, _>>()?;
        Ok(Self::default().with(Self(pairs)))
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs: Vec<_> = self.iter().map(|(key, value)| format!("{key}={value}")).collect();
        f.write_str(&pairs.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_by_hand_wins() {
        let set: Resource = "service.name=mine, region = eu ,".parse().unwrap();
        let whole = Resource::of_service("user-service", "7").with(set);
        assert_eq!(whole.to_string(), "service.name=mine,service.instance.id=7,region=eu");
        assert_eq!("".parse::<Resource>().unwrap(), Resource::default());
        for wrong in ["a", "=b", "a=b,c"] {
            assert!(wrong.parse::<Resource>().is_err(), "{wrong}");
        }
    }
}
