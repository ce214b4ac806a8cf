//! The walk itself.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{self, ExitCode},
    thread,
    time::Duration,
};

use anyhow::{Context, ensure};

use super::{
    compare::{Shapes, difference},
    promises,
    readme::{Step, blessed, steps},
    shell::Shell,
    stack::Stack,
};
use mesh_rig::workspace;

use crate::tools;

/// What starts a program of this workspace, as README.md writes it.
const RUN: &str = "cargo run --release -p ";
/// A read whose events are still on their way is read again this often, after this long.
const REREADS: usize = 20;
const REREAD_AFTER: Duration = Duration::from_millis(200);

/// Walks through the tour and says how many commands printed what README.md shows.
pub(crate) fn run(bless: bool) -> anyhow::Result<ExitCode> {
    let path = workspace::root().join("README.md");
    let readme = fs::read_to_string(&path).context("cannot read README.md")?;
    let steps = steps(&readme);
    ensure!(!steps.is_empty(), "README.md has no console block that calls the stack");
    promises::check(&readme)?;
    let built = workspace::run(workspace::cargo().args(["build", "--release", "-p", "stack"]))?;
    if built != ExitCode::SUCCESS {
        return Ok(built);
    }
    let folder = Folder::new()?;
    let tools = tools::GRPCURL.find_or_install()?;
    let shell = Shell::start(&folder.0, tools.parent().unwrap_or(Path::new("/")))?;
    let mut walk = Walk {
        shell,
        stack: None,
        folder: &folder,
        bless,
        printed: Shapes::default(),
        shown: Shapes::default(),
    };
    let mut outputs = Vec::new();
    let mut failed = 0;
    for step in &steps {
        let (output, same) = walk.step(step)?;
        outputs.push(output);
        failed += usize::from(!same);
    }
    if bless {
        fs::write(&path, blessed(&readme, &steps, &outputs)).context("cannot write README.md")?;
        println!("README.md shows what {} commands print", steps.len());
        return Ok(ExitCode::SUCCESS);
    }
    if failed > 0 {
        let logged = walk.stack.as_ref().map(Stack::logged).unwrap_or_default();
        println!("the end of the stack's log:{logged}");
    }
    println!("{} passed, {failed} failed", steps.len() - failed);
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Walk<'a> {
    shell: Shell,
    stack: Option<Stack>,
    folder: &'a Folder,
    bless: bool,
    printed: Shapes,
    shown: Shapes,
}

impl Walk<'_> {
    /// Runs one step; returns what it printed and whether README.md shows the same.
    fn step(&mut self, step: &Step) -> anyhow::Result<(Vec<String>, bool)> {
        let headline = step.command.lines().next().unwrap_or_default();
        println!("$ {headline}");
        if self.bless {
            // Nothing says what to wait for, so events get the time that a reader would give them.
            pause(REREAD_AFTER * 5);
        }
        let shown = self.shown.of(&step.shown);
        let mut rereads = if self.bless || !reads_only(&step.command) { 0 } else { REREADS };
        loop {
            let output = self.execute(&step.command)?;
            // Identifiers of an attempt that is thrown away must not be counted.
            let mut shapes = self.printed.clone();
            let printed = shapes.of(&output);
            let same = self.bless || printed == shown;
            if same || rereads == 0 {
                self.printed = shapes;
                if !same {
                    print!("{}", difference(&shown, &printed));
                }
                return Ok((output, same));
            }
            rereads -= 1;
            pause(REREAD_AFTER);
        }
    }

    fn execute(&mut self, command: &str) -> anyhow::Result<Vec<String>> {
        let Some((name, arguments)) =
            command.strip_prefix(RUN).map(|rest| rest.split_once(' ').unwrap_or((rest, "")))
        else {
            return self.shell.run(command);
        };
        let program = workspace::target().join("release").join(name);
        let arguments = arguments.trim_start_matches("-- ");
        if name != "stack" {
            return self.shell.run(&format!("'{}' {arguments}", program.display()));
        }
        self.stack = None;
        let words: Vec<&str> = arguments.split_whitespace().collect();
        let stack = self.stack.insert(Stack::start(&program, &words, &self.folder.0)?);
        Ok(stack.greeting.clone())
    }
}

/// Whether running a command again changes nothing.
fn reads_only(command: &str) -> bool {
    let read =
        ["Service/Get", "Service/BatchGet", "Service/List"].iter().any(|method| command.contains(method));
    let looks = ["ls ", "cat ", "head ", "grep ", "find "].iter().any(|program| command.starts_with(program));
    (read || looks) && !command.contains(['>', ';'])
}

#[expect(clippy::disallowed_methods, reason = "no runtime here, and nothing but the time to wait for")]
fn pause(length: Duration) {
    thread::sleep(length);
}

/// A folder that stands in for the tree: the stack's `./data` is made in it, and what the tree holds is linked, so
/// that a command that names a file of the tree finds it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> anyhow::Result<Self> {
        let folder = Self(env::temp_dir().join(format!("mesh-tour-{}", process::id())));
        fs::create_dir(&folder.0).with_context(|| format!("cannot create {}", folder.0.display()))?;
        for entry in fs::read_dir(workspace::root())? {
            let entry = entry?;
            let name = entry.file_name();
            if name != "data" && name != "target" && !name.to_string_lossy().starts_with('.') {
                std::os::unix::fs::symlink(entry.path(), folder.0.join(name))?;
            }
        }
        Ok(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            eprintln!("cannot remove {}: {error}", self.0.display());
        }
    }
}
