//! All numbers at one moment.

use std::{
    borrow::Cow,
    collections::{BTreeMap, btree_map::Entry},
};

use super::{Counter, Descriptor, UpDownCounter};

/// What tells the points of a metric apart, sorted as they were given.
pub type Attributes = Vec<(&'static str, Cow<'static, str>)>;

/// All numbers at one moment, by name.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    families: BTreeMap<&'static str, Family>,
}

/// All points of one metric.
#[derive(Clone, Debug)]
pub struct Family {
    /// What it is.
    pub descriptor: &'static Descriptor,
    /// The points by their attributes.
    pub points: BTreeMap<Attributes, Value>,
}

/// The number or numbers of a point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Of a counter.
    Counter(u64),
    /// Of an up-down counter.
    UpDownCounter(i64),
    /// Of a histogram, in the units in which it was recorded.
    Histogram {
        /// The upper bounds of the buckets, included.
        bounds: &'static [u64],
        /// How many values each bucket has, and at the end how many are above all bounds.
        counts: Vec<u64>,
        /// All values together.
        sum: u64,
    },
}

/// What has a value to be read.
pub(super) trait Instrument {
    fn value(&self) -> Value;
}

impl Instrument for Counter {
    fn value(&self) -> Value {
        Value::Counter(self.get())
    }
}

impl Instrument for UpDownCounter {
    fn value(&self) -> Value {
        Value::UpDownCounter(self.get())
    }
}

impl Snapshot {
    /// The metrics, by name.
    pub fn families(&self) -> impl Iterator<Item = &Family> {
        self.families.values()
    }

    /// The value of one point; for tests and for whoever wants one number.
    pub fn get(&self, name: &str, attributes: &[(&str, &str)]) -> Option<&Value> {
        let points = &self.families.get(name)?.points;
        let same = |known: &Attributes| {
            known.len() == attributes.len()
                && known.iter().all(|(key, value)| attributes.contains(&(key, value.as_ref())))
        };
        points.iter().find(|(known, _)| same(known)).map(|(_, value)| value)
    }

    /// Adds a point. What has the same name and attributes is added up; what is of another kind than the first of
    /// that name is left out.
    pub fn add(&mut self, descriptor: &'static Descriptor, attributes: Attributes, value: Value) {
        let family = self
            .families
            .entry(descriptor.name)
            .or_insert_with(|| Family { descriptor, points: BTreeMap::new() });
        if family.descriptor.kind != descriptor.kind {
            return;
        }
        match family.points.entry(attributes) {
            Entry::Vacant(place) => _ = place.insert(value),
            Entry::Occupied(mut present) => present.get_mut().merge(value),
        }
    }
}

impl Snapshot {
    /// Adds what must not be forgotten of sources that are gone: what they have counted. Names and attributes that are
    /// new are left out when there are `most` points already.
    pub(super) fn keep(&mut self, last: Self, most: usize) {
        let mut points: usize = self.families().map(|family| family.points.len()).sum();
        for Family { descriptor, points: last } in last.families.into_values() {
            for (attributes, value) in last.into_iter().filter(|(_, value)| value.is_a_sum()) {
                let known = self.families.get(descriptor.name);
                let is_new = known.is_none_or(|family| !family.points.contains_key(&attributes));
                if is_new && points >= most {
                    continue;
                }
                points += usize::from(is_new);
                self.add(descriptor, attributes, value);
            }
        }
    }
}

impl Value {
    /// Whether it says what has happened, and that something has; not what is.
    fn is_a_sum(&self) -> bool {
        match self {
            Self::Counter(sum) => *sum > 0,
            Self::UpDownCounter(_) => false,
            Self::Histogram { counts, .. } => counts.iter().any(|count| *count > 0),
        }
    }

    fn merge(&mut self, other: Self) {
        match (self, other) {
            (Self::Counter(sum), Self::Counter(more)) => *sum += more,
            (Self::UpDownCounter(sum), Self::UpDownCounter(more)) => *sum += more,
            (
                Self::Histogram { bounds, counts, sum },
                Self::Histogram { bounds: same, counts: more, sum: further },
            ) if *bounds == same => {
                counts.iter_mut().zip(more).for_each(|(count, more)| *count += more);
                *sum = sum.wrapping_add(further);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Kind, Unit};

    static CALLS: Descriptor =
        Descriptor { name: "mesh.calls", kind: Kind::Counter, unit: Unit::Of("call"), help: "Calls." };

    #[test]
    fn what_has_the_same_attributes_is_added_up() {
        let mut snapshot = Snapshot::default();
        for (method, count) in [("a", 1), ("b", 2), ("a", 4)] {
            snapshot.add(&CALLS, vec![("grpc.method", method.into())], Value::Counter(count));
        }
        assert_eq!(snapshot.get("mesh.calls", &[("grpc.method", "a")]), Some(&Value::Counter(5)));
        assert_eq!(snapshot.get("mesh.calls", &[("grpc.method", "b")]), Some(&Value::Counter(2)));
        assert_eq!(snapshot.get("mesh.calls", &[]), None);
        assert_eq!(snapshot.families().count(), 1);
    }

    #[test]
    fn histograms_are_added_bucket_by_bucket() {
        let value = |counts: [u64; 3], sum| Value::Histogram { bounds: &[1, 2], counts: counts.into(), sum };
        let mut one = value([1, 0, 2], 9);
        one.merge(value([0, 3, 1], 8));
        assert_eq!(one, value([1, 3, 3], 17));
    }
}
