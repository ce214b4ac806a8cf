//! What a metric is.

/// What a metric is: its name, from [`semconv`](crate::semconv), and how its numbers are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The name, in dots.
    pub name: &'static str,
    /// How it is counted.
    pub kind: Kind,
    /// What is counted.
    pub unit: Unit,
    /// A sentence for whoever reads the numbers.
    pub help: &'static str,
}

/// How a metric is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    UpDownCounter,
    /// Values, sorted into buckets.
    Histogram,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Time: recorded in whole nanoseconds, told in seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Things of this name, in the singular: `call`.
    Of(&'static str),
}

impl Unit {
    /// The value that was recorded as `raw`, in this unit.
    pub fn scale(self, raw: u64) -> f64 {
        match self {
            Self::Seconds => raw as f64 / 1e9,
            Self::Bytes | Self::Of(_) => raw as f64,
        }
    }
}
