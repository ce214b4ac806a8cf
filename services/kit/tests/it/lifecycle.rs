//! Real signals to a real process: this test binary starts itself again as the process that is signalled.

use std::{
    env, future,
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
};

use service_kit::lifecycle::Shutdown;

const ROLE: &str = "SERVICE_KIT_SIGNALLED";

/// The process under test: it tells what it sees on stdout and never ends its drain.
#[test]
fn signalled_process() {
    if env::var_os(ROLE).is_none() {
        return;
    }
    let tell = |what: &str| writeln!(std::io::stdout(), "\n{what}").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let shutdown = Shutdown::listen().unwrap();
        tell("ready");
        shutdown.token().cancelled().await;
        tell("draining");
        future::pending::<()>().await;
    });
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _already_gone = self.0.kill();
        let _already_reaped = self.0.wait();
    }
}

#[test]
fn the_first_signal_drains_and_the_second_exits_at_once() {
    for (first, second, code) in [("TERM", "TERM", 143), ("INT", "TERM", 143), ("TERM", "INT", 130)] {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["signalled_process", "--nocapture", "--test-threads=1"]).env(ROLE, "1");
        let mut process = Process(command.stdout(Stdio::piped()).spawn().unwrap());
        let mut lines = BufReader::new(process.0.stdout.take().unwrap()).lines();
        let pid = process.0.id().to_string();
        let mut hears = |what: &str| lines.by_ref().any(|line| line.unwrap() == what);
        let signal = |name: &str| {
            let sent = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &pid]).status().unwrap();
            assert!(sent.success());
        };
        assert!(hears("ready"));
        signal(first);
        assert!(hears("draining"));
        signal(second);
        assert_eq!(process.0.wait().unwrap().code(), Some(code), "{first}, then {second}");
    }
}
