//! What README.md points to: files of the tree, and tests.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};
use serde_json::Value;

use mesh_rig::workspace;

use crate::test::Narrowed;

const TEST: &str = "cargo rig test";

/// Fails with everything that README.md points to and that is not there.
pub(super) fn check(readme: &str) -> anyhow::Result<()> {
    let mut missing: Vec<String> = relative_links(readme)
        .filter(|link| !workspace::root().join(link).exists())
        .map(|link| format!("the link {link} leads nowhere"))
        .collect();
    let binaries = binaries()?;
    for promise in promises(readme) {
        if tests(&binaries, &promise.narrowed)? == 0 {
            missing.push(format!("`{}` has no test", promise.command));
        }
    }
    ensure!(missing.is_empty(), "README.md promises too much:\n  {}", missing.join("\n  "));
    Ok(())
}

/// The targets of Markdown links into the tree, without their fragments.
fn relative_links(readme: &str) -> impl Iterator<Item = &str> {
    let targets = readme.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets
        .map(|(target, _)| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty() && !target.contains(':'))
}

/// A line of the table of promises, as a run of tests.
#[derive(Debug, PartialEq, Eq)]
struct Promise {
    command: String,
    narrowed: Narrowed,
}

/// The runs of tests that the tables of README.md name in code: whole ones, and `-- other` right after a whole one,
/// which is short for the same packages and another filter.
fn promises(readme: &str) -> Vec<Promise> {
    let mut promises: Vec<Promise> = Vec::new();
    for row in readme.lines().filter(|line| line.starts_with('|')) {
        let first = promises.len();
        for code in row.split('`').skip(1).step_by(2) {
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            if let Some(extra) = code.strip_prefix(TEST) {
                promises.push(Promise { command: code.to_owned(), narrowed: Narrowed::by(&words(extra)) });
            } else if let (true, Some(last)) = (code.starts_with("-- "), promises[first..].last()) {
                let Narrowed { filters, .. } = Narrowed::by(&words(code));
                let packages = last.narrowed.packages.clone();
                let command = format!("{TEST} -p {} {code}", packages.join(" -p "));
                promises.push(Promise { command, narrowed: Narrowed { packages, filters } });
            }
        }
    }
    promises
}

/// A program of tests, and the package it tests.
#[derive(Debug)]
struct Binary {
    package: String,
    program: PathBuf,
}

/// All programs of tests, built as `cargo rig test` builds them, so that after it nothing is left to build.
fn binaries() -> anyhow::Result<Vec<Binary>> {
    let mut cargo = workspace::cargo();
    cargo.args(["test", "--workspace", "--all-features", "--no-run", "--quiet", "--message-format=json"]);
    let output = cargo.stderr(Stdio::inherit()).output().context("cannot run cargo")?;
    ensure!(output.status.success(), "the tests cannot be built");
    let messages = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let mut binaries = Vec::new();
    for message in messages {
        let message: Value = serde_json::from_slice(message).context("cargo's messages are no JSON")?;
        if message["profile"]["test"] == true
            && let (Some(program), Some(manifest)) =
                (message["executable"].as_str(), message["manifest_path"].as_str())
        {
            binaries.push(Binary { package: package(Path::new(manifest))?, program: program.into() });
        }
    }
    Ok(binaries)
}

/// The name of the package of a manifest.
fn package(manifest: &Path) -> anyhow::Result<String> {
    let text =
        std::fs::read_to_string(manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
    let name = text.lines().find_map(|line| line.strip_prefix("name = "));
    let name = name.with_context(|| format!("{} names no package", manifest.display()))?;
    Ok(name.trim_matches('"').to_owned())
}

/// How many tests such a run executes. Doc tests are not counted.
fn tests(binaries: &[Binary], narrowed: &Narrowed) -> anyhow::Result<usize> {
    let mut tests = 0;
    for binary in binaries {
        if narrowed.packages.is_empty() || narrowed.packages.contains(&binary.package) {
            let list = Command::new(&binary.program).arg("--list").args(&narrowed.filters).output();
            let list = list.with_context(|| format!("cannot run {}", binary.program.display()))?;
            let listed = String::from_utf8_lossy(&list.stdout);
            tests += listed.lines().filter(|line| line.ends_with(": test")).count();
        }
    }
    Ok(tests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_links_into_the_tree() {
        let readme = "[a](benches/README.md) [b](https://x.y/z) ![c](proto#user) [d](#map) [e](mailto:a@b)";
        assert_eq!(relative_links(readme).collect::<Vec<_>>(), ["benches/README.md", "proto"]);
    }

    #[test]
    fn finds_runs_of_tests_in_tables_and_nowhere_else() {
        let readme = "`cargo rig test -p no`\n| `kill -9` is survived | `cargo rig test -p stack -- kills` and `-- disk` |\n\
                      | other | the same tests count, `-- nothing` |\n| x | `cargo rig test -p build` |\n";
        let narrowed = |package: &str, filters: &[&str]| Narrowed {
            packages: vec![package.to_owned()],
            filters: filters.iter().map(|&filter| filter.to_owned()).collect(),
        };
        let expected = [
            ("cargo rig test -p stack -- kills", narrowed("stack", &["kills"])),
            ("cargo rig test -p stack -- disk", narrowed("stack", &["disk"])),
            ("cargo rig test -p build", narrowed("build", &[])),
        ];
        let expected = expected.map(|(command, narrowed)| Promise { command: command.to_owned(), narrowed });
        assert_eq!(promises(readme), expected);
    }

    #[test]
    fn counts_the_tests_that_a_filter_leaves() {
        let program = std::env::current_exe().unwrap();
        let binaries = [Binary { package: "mesh-rig".to_owned(), program }];
        let count = |words: &str| {
            let words: Vec<_> = words.split_whitespace().map(str::to_owned).collect();
            tests(&binaries, &Narrowed::by(&words)).unwrap()
        };
        assert_eq!(count("-p mesh-rig -- counts_the_tests_that_a_filter_leaves"), 1);
        assert!(count("-p mesh-rig") > 1);
        assert_eq!(count("-- no_test_has_this_name"), 0);
        assert_eq!(count("-p another -- counts_the_tests_that_a_filter_leaves"), 0);
    }
}
