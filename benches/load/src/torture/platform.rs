//! The stack and the provider, each in its own process or both in one, on ports that stay the same.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use tokio::{process::Command, select};

use super::{
    life::Life,
    ports::{self, Reserved},
};

/// Where the built programs are.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The stack.
    pub stack: PathBuf,
    /// The sandbox provider.
    pub provider: Provider,
}

/// Where the sandbox provider runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provider {
    /// In the stack: the two live and die together.
    Inside,
    /// In this process, with books of its own: it survives the stack. Killing it cuts it off.
    Here,
    /// In a process of its own.
    Program(PathBuf),
}

impl Programs {
    /// A stack that runs its own provider.
    #[must_use]
    pub fn alone(stack: &Path) -> Self {
        Self { stack: stack.to_owned(), provider: Provider::Inside }
    }

    /// A stack whose provider runs in this process.
    #[must_use]
    pub fn with_provider_here(stack: &Path) -> Self {
        Self { stack: stack.to_owned(), provider: Provider::Here }
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
        Ok(Self { stack: find("stack")?, provider: Provider::Program(find("provider-sandbox")?) })
    }
}

/// What can be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// All services, in one process.
    Stack,
    /// The provider.
    Provider,
}

impl Target {
    /// Its name in a history.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Stack => "stack",
            Self::Provider => "provider",
        }
    }
}

/// Where everybody listens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addresses {
    /// The user service.
    pub(super) user: SocketAddr,
    /// The notification service.
    pub(super) notification: SocketAddr,
    /// The payment service.
    pub(super) payment: SocketAddr,
    /// The provider.
    pub(super) provider: SocketAddr,
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
pub(super) struct Platform {
    programs: Programs,
    folder: PathBuf,
    environment: Environment,
    addresses: Addresses,
    _reserved: Reserved,
    stack: Option<Life>,
    provider: Option<Life>,
    crashed_at_start: bool,
}

impl Platform {
    /// Starts both on `folder`, which is made if it is missing. A stack that was given something for its first life
    /// only and does not become ready has a second one.
    ///
    /// # Errors
    /// When one does not become ready.
    pub(super) async fn start(
        programs: &Programs,
        folder: &Path,
        environment: Environment,
    ) -> anyhow::Result<Self> {
        let ([user, notification, payment, provider], _reserved) = ports::free()?;
        let mut platform = Self {
            programs: programs.clone(),
            folder: folder.to_owned(),
            environment,
            addresses: Addresses { user, notification, payment, provider },
            _reserved,
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
    pub(super) fn crashed_at_start(&self) -> bool {
        self.crashed_at_start
    }

    /// Where everybody listens.
    pub(super) fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// The folder of the stack's data.
    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Whether it can be killed without the other.
    pub(super) fn can_kill(&self, target: Target) -> bool {
        target == Target::Stack || self.programs.provider != Provider::Inside
    }

    /// kill -9; nothing if it is not running.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) async fn kill(&mut self, target: Target) -> anyhow::Result<()> {
        let Some(life) = self.slot(target).take() else { return Ok(()) };
        if target == Target::Stack {
            self.environment.first.clear();
        }
        life.kill().await
    }

    /// Starts it again, on the same ports and data, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not become ready.
    pub(super) async fn restart(&mut self, target: Target) -> anyhow::Result<()> {
        self.kill(target).await?;
        let log = self.folder.join(format!("{}.log", target.name()));
        let life = match (target, &self.programs.provider) {
            (Target::Stack, _) => Life::start(self.stack_command(), &log).await?,
            (Target::Provider, Provider::Program(program)) => {
                Life::start(self.provider_command(program), &log).await?
            }
            (Target::Provider, Provider::Here) => {
                let Addresses { provider, payment, .. } = self.addresses;
                Life::host(provider, &self.provider_data(), payment).await?
            }
            (Target::Provider, Provider::Inside) => bail!("the provider is a part of the stack"),
        };
        *self.slot(target) = Some(life);
        Ok(())
    }

    /// Waits until one of them ends by itself; for ever while none is running. Answers which, and what it said. What
    /// the stack was to be given in its first life only, it is not given again.
    ///
    /// # Errors
    /// When the system cannot say.
    pub(super) async fn ended(&mut self) -> anyhow::Result<(Target, String)> {
        let (target, said) = select! {
            said = ended(&mut self.stack) => (Target::Stack, said?),
            said = ended(&mut self.provider) => (Target::Provider, said?),
        };
        *self.slot(target) = None;
        if target == Target::Stack {
            self.environment.first.clear();
        }
        Ok((target, said))
    }

    /// Stops it as on a good day; nothing if it is not running.
    ///
    /// # Errors
    /// When it has ended before, or does not stop cleanly.
    pub(super) async fn stop(&mut self, target: Target) -> anyhow::Result<()> {
        match self.slot(target).take() {
            Some(life) => life.stop().await.with_context(|| format!("the {}", target.name())),
            None => Ok(()),
        }
    }

    fn slot(&mut self, target: Target) -> &mut Option<Life> {
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
            .env("STACK_TELEMETRY_ADMIN", "off")
            .envs(self.environment.always.iter().map(|(name, value)| (name, value)))
            .envs(self.environment.first.iter().map(|(name, value)| (name, value)));
        let provider = self.addresses.provider;
        match &self.programs.provider {
            Provider::Inside => command.env("STACK_SANDBOX_LISTEN", provider.to_string()),
            _ => command.env("STACK_PAYMENT_PROVIDER", format!("static:///{provider}")),
        };
        command
    }

    fn provider_data(&self) -> PathBuf {
        self.folder.join("provider")
    }

    fn provider_command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .arg("--listen")
            .arg(self.addresses.provider.to_string())
            .arg("--data")
            .arg(self.provider_data())
            .arg("--webhook")
            .arg(self.addresses.payment.to_string());
        command
    }
}

async fn ended(life: &mut Option<Life>) -> anyhow::Result<String> {
    match life {
        Some(life) => life.ended().await,
        None => std::future::pending().await,
    }
}
