//! From the command line to the exit code.

use std::{error::Error, io::Write as _, path::PathBuf, process::ExitCode, time::Duration};

use mesh_rpc::ServerConfig;
use mesh_telemetry::LogConfig;

use super::{AdminAddress, Arguments, TelemetryConfig, crash_points, log, server};
use crate::config::{Source, environment};

/// Why a program ended badly; its sources say why that was.
pub type Failure = Box<dyn Error + Send + Sync>;

/// How long a handler that blocks its thread may keep the process once everything else has ended.
const BLOCKED: Duration = Duration::from_secs(1);

/// A program: what it is called, and how its variables begin.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// What it is called: `user-service`.
    pub name: &'static str,
    /// What its variables in the environment begin with: with `USER_SERVICE`, `USER_SERVICE_USER_LISTEN` is `listen`
    /// of `[user]`.
    pub prefix: &'static str,
    /// Where its admin port is, if the settings say nothing.
    pub admin: AdminAddress,
}

/// The settings that every program has.
#[derive(Clone, Debug)]
pub struct Common {
    /// Where everything is kept that is kept on this machine.
    pub data: PathBuf,
    /// What is logged, and how.
    pub log: LogConfig,
    /// What is told beside the log, and to whom.
    pub telemetry: TelemetryConfig,
    /// How the servers end; their other bounds are the default ones.
    pub server: ServerConfig,
}

// === impl Program ===

impl Program {
    /// Reads the settings, runs `work` on a runtime of its own, and says on standard error what went wrong.
    ///
    /// `read` takes the program's own settings; every mistake, its own and the common ones', is told at once, and
    /// nothing is begun then.
    pub fn run<C, E, F>(
        self,
        arguments: &Arguments,
        read: impl FnOnce(&mut Source) -> C,
        work: impl FnOnce(Common, C) -> F,
    ) -> ExitCode
    where
        F: Future<Output = Result<(), E>>,
        E: Into<Failure>,
    {
        match self.start(arguments, read, work) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                // The whole chain on one line each: what could not be done, and why.
                eprintln!("{}: {failure}", self.name);
                let mut cause = failure.source();
                while let Some(error) = cause {
                    eprintln!("  because: {error}");
                    cause = error.source();
                }
                ExitCode::FAILURE
            }
        }
    }

    fn start<C, E, F>(
        self,
        arguments: &Arguments,
        read: impl FnOnce(&mut Source) -> C,
        work: impl FnOnce(Common, C) -> F,
    ) -> Result<(), Failure>
    where
        F: Future<Output = Result<(), E>>,
        E: Into<Failure>,
    {
        crash_points::arm(self.name)?;
        let mut source = Source::load(arguments.config.as_deref(), environment(), self.prefix)?;
        let common = Common::read(&mut source, arguments, self.admin);
        let own = read(&mut source);
        let effective = source.finish()?;
        if arguments.print_config {
            // Whoever reads only the first lines closes the pipe; that is no failure.
            let _ = write!(std::io::stdout(), "{effective}");
            return Ok(());
        }
        let _logs = mesh_telemetry::init(&common.log)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let ran = runtime.block_on(work(common, own));
        runtime.shutdown_timeout(BLOCKED);
        ran.map_err(Into::into)
    }
}

// === impl Common ===

impl Common {
    fn read(source: &mut Source, arguments: &Arguments, admin: AdminAddress) -> Self {
        let doc = "Where everything is kept that is kept on this machine";
        let read = source.section("").path("data", PathBuf::from("data"), doc);
        Self {
            data: arguments.data.clone().unwrap_or(read),
            log: log::read(&mut source.section("log")),
            telemetry: TelemetryConfig::read(&mut source.section("telemetry"), admin),
            server: server::read(&mut source.section("server")),
        }
    }
}
