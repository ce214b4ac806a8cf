//! The command.

use std::process::ExitCode;

use super::{
    child::{Child, Outcome},
    interrupt::Interrupt,
    narrowed::Narrowed,
    needs::needs_servers,
    stage::Stage,
};

/// Runs the tests; those that may need servers get them. Whatever was started is stopped again, also when tests fail
/// and when it is interrupted.
pub(crate) fn run(extra: &[String]) -> anyhow::Result<ExitCode> {
    let narrowed = Narrowed::by(extra);
    let interrupt = Interrupt::expect()?;
    let stage = if !only_looks(extra) && needs_servers(&narrowed)? {
        match Stage::set(&interrupt)? {
            Some(stage) => Some(stage),
            None => return Ok(interrupted()),
        }
    } else {
        None
    };
    let environment = stage.as_ref().map(Stage::environment).unwrap_or_default();
    let outcome =
        Child::start(&words(&narrowed, extra), environment).and_then(|child| child.wait(&interrupt));
    // Before anything is told, whatever it is.
    let struck = stage.map_or(Ok(()), Stage::strike);
    let outcome = outcome?;
    struck?;
    Ok(match outcome {
        Outcome::Interrupted => interrupted(),
        Outcome::Failed => ExitCode::FAILURE,
        Outcome::Passed { executed: 0 } if !only_looks(extra) => {
            eprintln!("error: no test was run; no test has such a name, or its package has none");
            ExitCode::FAILURE
        }
        Outcome::Passed { .. } => ExitCode::SUCCESS,
    })
}

fn interrupted() -> ExitCode {
    eprintln!("error: interrupted");
    ExitCode::FAILURE
}

/// What cargo is called with.
fn words(narrowed: &Narrowed, extra: &[String]) -> Vec<String> {
    let whole = (!narrowed.is_to_packages()).then_some("--workspace");
    let ours = ["test"].into_iter().chain(whole).chain(["--all-features"]);
    ours.map(str::to_owned).chain(extra.iter().cloned()).collect()
}

/// Whether the run is meant to execute nothing.
fn only_looks(extra: &[String]) -> bool {
    extra.iter().any(|word| matches!(word.as_str(), "--list" | "--no-run" | "--help" | "-h"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_is_called_for_everything_unless_packages_are_named() {
        let words = |line: &str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
        for (extra, called) in [
            ("-- commit", "test --workspace --all-features -- commit"),
            ("-p user -- commit", "test --all-features -p user -- commit"),
        ] {
            let extra = words(extra);
            assert_eq!(super::words(&Narrowed::by(&extra), &extra), words(called));
        }
    }
}
