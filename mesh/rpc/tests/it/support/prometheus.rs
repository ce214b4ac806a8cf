//! Reads what Prometheus would, and as strictly.

use std::collections::BTreeMap;

use mesh_telemetry::{Telemetry, metrics::prometheus};

/// The samples of a text in the format 0.0.4, by name and labels as they stand there.
#[derive(Debug)]
pub(crate) struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    #[track_caller]
    pub(crate) fn of(telemetry: &Telemetry) -> Self {
        Self::read(&prometheus::render(&telemetry.snapshot()))
    }

    #[track_caller]
    pub(crate) fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has no end");
        let mut samples = BTreeMap::new();
        let mut kinds = BTreeMap::new();
        let mut family = String::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                family = rest.split(' ').next().unwrap().to_owned();
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert_eq!(name, family, "HELP and TYPE belong together");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} comes twice");
            } else {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let name = series.split('{').next().unwrap();
                is_name(name);
                labels(series.strip_prefix(name).unwrap());
                let suffixes = ["", "_bucket", "_sum", "_count"];
                assert!(suffixes.iter().any(|suffix| name == format!("{family}{suffix}")), "{line}");
                assert!(
                    samples.insert(series.to_owned(), value.parse().unwrap()).is_none(),
                    "{series} twice"
                );
            }
        }
        let scrape = Self(samples);
        let histograms = kinds.iter().filter(|(_, kind)| *kind == "histogram");
        histograms.for_each(|(name, _)| scrape.check_buckets(name));
        scrape
    }

    /// The value of a series; zero if there is none.
    pub(crate) fn get(&self, series: &str) -> f64 {
        self.0.get(series).copied().unwrap_or_default()
    }

    /// Those whose name begins so.
    pub(crate) fn series(&self, prefix: &str) -> Vec<&str> {
        self.0.keys().filter(|series| series.starts_with(prefix)).map(String::as_str).collect()
    }

    /// Buckets rise, and the last of them is the count.
    fn check_buckets(&self, name: &str) {
        for count in self.series(&format!("{name}_count")) {
            let labels = count.strip_prefix(&format!("{name}_count")).unwrap();
            let start = format!("{name}_bucket{}", labels.trim_end_matches('}'));
            let mut buckets: Vec<(f64, f64)> =
                self.series(&start).into_iter().map(|series| self.bucket(series)).collect();
            buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
            assert!(buckets.is_sorted_by(|one, other| one.1 <= other.1), "{count}");
            assert_eq!(buckets.last().unwrap(), &(f64::INFINITY, self.get(count)), "{count}");
            assert!(self.0.contains_key(&count.replacen("_count", "_sum", 1)), "{count} has no sum");
        }
    }

    fn bucket(&self, series: &str) -> (f64, f64) {
        let limit = series.split_once("le=\"").unwrap().1.trim_end_matches("\"}");
        (if limit == "+Inf" { f64::INFINITY } else { limit.parse().unwrap() }, self.get(series))
    }
}

#[track_caller]
fn is_name(name: &str) {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    assert!(!name.is_empty() && name.chars().all(plain), "{name:?}");
    assert!(!name.starts_with(|first: char| first.is_ascii_digit()), "{name:?}");
}

/// `{key="value",...}`, of values without escapes, or nothing.
#[track_caller]
fn labels(text: &str) {
    if text.is_empty() {
        return;
    }
    let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap();
    let mut keys = Vec::new();
    for pair in inner.split("\",") {
        let (key, value) = pair.split_once("=\"").unwrap();
        is_name(key);
        assert!(!value.trim_end_matches('"').contains(['"', '\\', '\n']), "{text}");
        assert!(!keys.contains(&key), "{key} twice in {text}");
        keys.push(key);
    }
}
