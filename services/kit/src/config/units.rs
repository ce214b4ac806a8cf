//! Durations and sizes as people write them: a whole number and a unit, no spaces.

use std::time::Duration;

/// Units of time with their length in milliseconds, longest first so that rendering finds the shortest form.
const TIME: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
/// Units of size in bytes (IEC 80000-13), largest first.
const SIZE: [(&str, u64); 5] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Reads `250ms`, `10s`, `5m`, `1h` or `7d`.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    parse(text, &TIME).map(Duration::from_millis)
}

/// The shortest form that [`parse_duration`] reads back. What is finer than a millisecond is cut off.
pub(super) fn render_duration(value: Duration) -> String {
    // A configured duration was read as u64 milliseconds; only a default could be longer, and then it saturates.
    render(u64::try_from(value.as_millis()).unwrap_or(u64::MAX), &TIME, "0s")
}

/// Reads `512B`, `4KiB`, `64MiB`, `1GiB` or `2TiB`.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    parse(text, &SIZE)
}

/// The shortest form that [`parse_size`] reads back.
pub(super) fn render_size(value: u64) -> String {
    render(value, &SIZE, "0B")
}

fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

fn render(value: u64, units: &[(&str, u64)], zero: &str) -> String {
    if value == 0 {
        return zero.to_owned();
    }
    let exact = units.iter().find(|(_, factor)| value.is_multiple_of(*factor));
    // The last unit is one, which divides everything, so the fallback is only for the type.
    exact.map_or_else(|| value.to_string(), |(unit, factor)| format!("{}{unit}", value / factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write_and_refuses_the_rest() {
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(parse_duration("1h"), Some(Duration::from_secs(3600)));
        assert_eq!(parse_size("64MiB"), Some(64 << 20));
        for wrong in [
            "",
            "10",
            "s",
            "1.5s",
            "-1s",
            "10 s",
            "1h30m",
            "10S",
            "99999999999999999999s",
            "999999999999999d",
        ] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
        for wrong in ["64", "64MB", "64mib", "MiB", "99999999TiB"] {
            assert_eq!(parse_size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn renders_the_shortest_form() {
        assert_eq!(render_duration(Duration::from_secs(5400)), "90m");
        assert_eq!(render_duration(Duration::from_millis(1500)), "1500ms");
        assert_eq!(render_duration(Duration::ZERO), "0s");
        assert_eq!(render_size(64 << 20), "64MiB");
        assert_eq!(render_size(1025), "1025B");
    }
}
