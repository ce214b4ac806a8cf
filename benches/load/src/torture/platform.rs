//! The stack and the provider, each in its own process or both in one, on ports that stay the same.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitStatus,
};

use anyhow::{Context as _, bail, ensure};
use tokio::process::Command;

use super::{ports, process::Process};

/// Where the built programs are.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The stack.
    pub stack: PathBuf,
    /// The sandbox provider; without one the stack runs its own, and the two live and die together.
    pub provider: Option<PathBuf>,
}

impl Programs {
    /// A stack that runs its own provider.
    #[must_use]
    pub fn alone(stack: &Path) -> Self {
        Self { stack: stack.to_owned(), provider: None }
    }

    /// Those that lie beside `program`.
    ///
    /// # Errors
    /// When one is missing.
    pub fn beside(program: &Path) -> anyhow::Result<Self> {
        let find = |name: &str| {
            let path = program.with_file_name(name);
            ensure!(
                path.exists(),
                "{} is missing; build it with cargo build --release -p {name}",
                path.display()
            );
            Ok(path)
        };
        Ok(Self { stack: find("stack")?, provider: Some(find("provider-sandbox")?) })
    }
}

/// A process that can be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// All services, in one process.
    Stack,
    /// The provider.
    Provider,
}

impl Target {
    /// Its name in a history.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stack => "stack",
            Self::Provider => "provider",
        }
    }
}

/// Where everybody listens.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// The user service.
    pub user: SocketAddr,
    /// The notification service.
    pub notification: SocketAddr,
    /// The payment service.
    pub payment: SocketAddr,
    /// The provider.
    pub provider: SocketAddr,
}

/// What the stack is started with.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// In every life, such as `FAILPOINTS`.
    pub always: Vec<(String, String)>,
    /// In its first life only, such as `CRASH_AT`.
    pub first: Vec<(String, String)>,
}

/// Both programs, running. Dropping it is kill -9 of both.
#[derive(Debug)]
pub struct Platform {
    programs: Programs,
    folder: PathBuf,
    environment: Environment,
    addresses: Addresses,
    stack: Option<Process>,
    provider: Option<Process>,
    crashed_at_start: bool,
}

impl Platform {
    /// Starts both on `folder`, which is made if it is missing. A stack that was given something for its first life
    /// only and does not become ready has a second one.
    ///
    /// # Errors
    /// When one does not become ready.
    pub async fn start(programs: &Programs, folder: &Path, environment: Environment) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let [user, notification, payment, provider] = ports::free()?;
        let mut platform = Self {
            programs: programs.clone(),
            folder: folder.to_owned(),
            environment,
            addresses: Addresses { user, notification, payment, provider },
            stack: None,
            provider: None,
            crashed_at_start: false,
        };
        if platform.can_kill(Target::Provider) {
            platform.restart(Target::Provider).await?;
        }
        match platform.restart(Target::Stack).await {
            // What it was given for its first life may well end it that early.
            Err(_) if !platform.environment.first.is_empty() => {
                platform.environment.first.clear();
                platform.crashed_at_start = true;
                platform.restart(Target::Stack).await?;
            }
            started => started?,
        }
        Ok(platform)
    }

    /// Whether the first life of the stack ended before it was ready.
    #[must_use]
    pub fn crashed_at_start(&self) -> bool {
        self.crashed_at_start
    }

    /// Where everybody listens.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// The folder into which the stack writes mails.
    #[must_use]
    pub fn mails(&self) -> PathBuf {
        self.data().join("mails")
    }

    /// The folder of the stack's data.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Whether it has a process of its own.
    #[must_use]
    pub fn can_kill(&self, target: Target) -> bool {
        target == Target::Stack || self.programs.provider.is_some()
    }

    /// kill -9; nothing if it is not running.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn kill(&mut self, target: Target) -> anyhow::Result<()> {
        let Some(process) = self.slot(target).take() else { return Ok(()) };
        if target == Target::Stack {
            self.environment.first.clear();
        }
        process.kill().await
    }

    /// Starts it again, on the same ports and data, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn restart(&mut self, target: Target) -> anyhow::Result<()> {
        self.kill(target).await?;
        let command = match (target, &self.programs.provider) {
            (Target::Stack, _) => self.stack_command(),
            (Target::Provider, Some(program)) => self.provider_command(program),
            (Target::Provider, None) => bail!("the provider is a part of the stack"),
        };
        let log = self.folder.join(format!("{}.log", target.name()));
        *self.slot(target) = Some(Process::start(command, &log).await?);
        Ok(())
    }

    /// Waits until the stack ends by itself; for ever while it is not running. What it was to be given in its first
    /// life only, it is not given again.
    ///
    /// # Errors
    /// When the system cannot say.
    pub async fn stack_ended(&mut self) -> anyhow::Result<(ExitStatus, String)> {
        let Some(stack) = &mut self.stack else { return std::future::pending().await };
        let status = stack.ended().await?;
        let said = stack.tail();
        self.stack = None;
        self.environment.first.clear();
        Ok((status, said))
    }

    /// Stops both, as one stops them on a good day.
    ///
    /// # Errors
    /// When one does not stop cleanly.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        for target in [Target::Stack, Target::Provider] {
            if let Some(process) = self.slot(target).take() {
                process.stop().await.with_context(|| format!("the {}", target.name()))?;
            }
        }
        Ok(())
    }

    fn slot(&mut self, target: Target) -> &mut Option<Process> {
        match target {
            Target::Stack => &mut self.stack,
            Target::Provider => &mut self.provider,
        }
    }

    fn stack_command(&self) -> Command {
        let mut command = Command::new(&self.programs.stack);
        command
            .env("STACK_DATA", self.data())
            .env("STACK_USER_LISTEN", self.addresses.user.to_string())
            .env("STACK_NOTIFICATION_LISTEN", self.addresses.notification.to_string())
            .env("STACK_PAYMENT_LISTEN", self.addresses.payment.to_string())
            .env("STACK_LOG_FILTER", "warn")
            .envs(self.environment.always.iter().map(|(name, value)| (name, value)))
            .envs(self.environment.first.iter().map(|(name, value)| (name, value)));
        let provider = self.addresses.provider;
        match self.programs.provider {
            Some(_) => command.env("STACK_PAYMENT_PROVIDER", format!("static:///{provider}")),
            None => command.env("STACK_SANDBOX_LISTEN", provider.to_string()),
        };
        command
    }

    fn provider_command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .arg("--listen")
            .arg(self.addresses.provider.to_string())
            .arg("--data")
            .arg(self.folder.join("provider"))
            .arg("--webhook")
            .arg(self.addresses.payment.to_string());
        command
    }
}
