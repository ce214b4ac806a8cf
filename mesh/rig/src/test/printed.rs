//! What a run prints.

use std::io::{self, Read, Write};

/// Passes on what tests print, as it comes, and counts the tests that were executed.
pub(super) fn pass_on(from: &mut impl Read, to: &mut impl Write) -> io::Result<u64> {
    let mut executed = 0;
    let mut line = Vec::new();
    let mut chunk = [0; 8 * 1024];
    loop {
        let length = match from.read(&mut chunk) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if length == 0 {
            return Ok(executed);
        }
        to.write_all(&chunk[..length])?;
        to.flush()?;
        for &byte in &chunk[..length] {
            if byte == b'\n' {
                executed += executed_by(&String::from_utf8_lossy(&line));
                line.clear();
            } else {
                line.push(byte);
            }
        }
    }
}

/// The passed and the failed of `test result: ok. 7 passed; 0 failed; 1 ignored; …`; 0 for any other line.
fn executed_by(line: &str) -> u64 {
    let Some((_, counts)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else {
        return 0;
    };
    let count = |part: &str| {
        let (number, kind) = part.trim().split_once(' ')?;
        matches!(kind, "passed" | "failed").then(|| number.parse::<u64>().ok()).flatten()
    };
    counts.split(';').filter_map(count).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_executed_is_counted_and_passed_on() {
        let printed = "running 3 tests\ntest a ... ok\n\ntest result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 9 \
                       filtered out; finished in 0.01s\n\ntest result: FAILED. 3 passed; 4 failed; 0 ignored; 0 measured\n";
        let mut passed_on = Vec::new();
        assert_eq!(pass_on(&mut printed.as_bytes(), &mut passed_on).unwrap(), 2 + 3 + 4);
        assert_eq!(passed_on, printed.as_bytes());
        let nothing = "test result: ok. 0 passed; 0 failed; 7 ignored; 0 measured; 9 filtered out\n";
        assert_eq!(pass_on(&mut nothing.as_bytes(), &mut io::sink()).unwrap(), 0);
    }
}
