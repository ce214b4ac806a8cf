//! Logging as a process has it: started once, on its own stderr.

use std::env;
use std::process::{Command, Output};

use mesh_telemetry::{InitError, LogConfig, LogFormat, init};
use tracing::info;

/// Set for the process that logs: the format.
const FORMAT: &str = "MESH_TELEMETRY_TEST_FORMAT";
const LINES: usize = 1_000;

/// Runs only as a process of its own, which the tests below start.
#[test]
fn logs_and_ends() {
    let Ok(format) = env::var(FORMAT) else { return };
    let config = LogConfig { format: format.parse().expect("a format"), ..LogConfig::default() };
    let guard = init(&config).expect("logging starts once");
    for number in 0..LINES {
        info!(number, "line");
    }
    assert!(matches!(init(&config), Err(InitError::AlreadyStarted)));
    drop(guard);
}

fn process(format: LogFormat) -> Output {
    let test = env::current_exe().expect("a test is a program");
    let output = Command::new(test)
        .args(["--exact", "logs_and_ends", "--nocapture"])
        .env(FORMAT, format.to_string())
        .output()
        .expect("the test starts again");
    assert!(output.status.success(), "{output:?}");
    output
}

#[test]
fn every_json_line_is_on_stderr_when_the_guard_is_gone() {
    let output = process(LogFormat::Json);
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    let numbers = stderr.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).expect(line);
        line["number"].as_u64()
    });
    assert!(numbers.eq((0..1_000).map(Some)), "{stderr}");
}

#[test]
fn human_lines_have_no_colour_when_stderr_is_no_terminal() {
    let output = process(LogFormat::Human);
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(stderr.lines().count(), LINES);
    assert!(!stderr.contains('\u{1b}'), "{stderr}");
}

#[test]
fn a_filter_that_cannot_be_followed_starts_nothing() {
    let config = LogConfig { filter: "loud".to_owned(), ..LogConfig::default() };
    assert!(matches!(init(&config), Err(InitError::Filter(_))));
}
