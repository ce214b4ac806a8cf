//! `cargo rig test`: `cargo test` over everything, which cannot pass by running nothing.

use std::{
    io::{self, Read, Write},
    process::{ExitCode, Stdio},
};

use anyhow::Context;

use mesh_rig::workspace;

/// Runs the tests. Those of this workspace need nothing but cargo; servers that later tests need will be installed
/// here.
pub(crate) fn run(extra: &[String]) -> anyhow::Result<ExitCode> {
    let mut cargo = workspace::cargo();
    cargo.arg("test");
    if !Narrowed::by(extra).is_to_packages() {
        cargo.arg("--workspace");
    }
    cargo.arg("--all-features").args(extra).stdout(Stdio::piped());
    let mut child = cargo.spawn().context("cannot run cargo")?;
    let mut printed = child.stdout.take().context("cargo has no output")?;
    let executed = pass_on(&mut printed, &mut io::stdout())?;
    if !child.wait().context("cannot wait for cargo")?.success() {
        return Ok(ExitCode::FAILURE);
    }
    if executed == 0 && !only_looks(extra) {
        eprintln!("error: no test was run; no test has such a name, or its package has none");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether the run is meant to execute nothing.
fn only_looks(extra: &[String]) -> bool {
    extra.iter().any(|word| matches!(word.as_str(), "--list" | "--no-run" | "--help" | "-h"))
}

/// Passes on what tests print, as it comes, and counts the tests that were executed.
fn pass_on(from: &mut impl Read, to: &mut impl Write) -> io::Result<u64> {
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

/// What the words after `cargo test` narrow the run to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Narrowed {
    /// Packages, by `-p` in any of its forms. None: all of them.
    pub(crate) packages: Vec<String>,
    /// Parts of test names: those after `--`. None: all tests.
    pub(crate) filters: Vec<String>,
}

impl Narrowed {
    pub(crate) fn by(words: &[String]) -> Self {
        let mut narrowed = Self::default();
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            match word {
                "--" => break,
                "-p" | "--package" => narrowed.packages.extend(words.next().map(str::to_owned)),
                _ => {
                    let attached = word.strip_prefix("--package=").or_else(|| word.strip_prefix("-p"));
                    narrowed.packages.extend(attached.map(|name| name.trim_start_matches('=').to_owned()));
                }
            }
        }
        narrowed.filters = words.filter(|word| !word.starts_with('-')).map(str::to_owned).collect();
        narrowed
    }

    /// cargo refuses packages together with the whole workspace.
    fn is_to_packages(&self) -> bool {
        !self.packages.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_package_is_recognised_in_every_form() {
        for form in ["-p user", "-puser", "-p=user", "--package user", "--package=user"] {
            let narrowed = Narrowed::by(&words(&format!("{form} --test it -- import -p x")));
            assert_eq!((narrowed.packages, narrowed.filters), (words("user"), words("import x")), "{form}");
        }
        assert_eq!(Narrowed::by(&words("--release -- -p x")).packages, words(""));
        assert_eq!(Narrowed::by(&words("-p user -pstack")).packages, words("user stack"));
    }

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
