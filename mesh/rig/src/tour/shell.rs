//! One shell for the whole tour, so that a variable set by one command is there for the next.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::Duration,
};

use anyhow::{Context, bail};

/// The line that ends the output of a command; nothing that the stack prints looks like it.
const END: &str = "--- end of the output of this step ---";
/// How long one command may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `sh`, killed when it is dropped.
#[derive(Debug)]
pub(super) struct Shell {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Shell {
    /// Starts a shell in `folder`, where `tools` is the first place that it looks for programs.
    pub(super) fn start(folder: &Path, tools: &Path) -> anyhow::Result<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(tools.to_owned()).chain(std::env::split_paths(&path));
        let mut child = Command::new("sh")
            .current_dir(folder)
            .env("PATH", std::env::join_paths(folders)?)
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run sh")?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let mut shell = Self {
            child,
            input: input.context("sh has no input")?,
            lines: lines_of(output.context("sh has no output")?),
        };
        writeln!(shell.input, "exec 2>&1")?;
        Ok(shell)
    }

    /// Runs one command and returns what it prints on both channels. How it exits is part of what it prints.
    pub(super) fn run(&mut self, command: &str) -> anyhow::Result<Vec<String>> {
        // Braces keep it in this shell. Without the redirection it would read the next commands as its input. An
        // output whose last line is not ended gets its end from the echo before the mark.
        writeln!(self.input, "{{ {command}\n}} </dev/null\necho\necho '{END}'")?;
        let mut printed = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line == END => break,
                Ok(line) => printed.push(line),
                Err(RecvTimeoutError::Timeout) => bail!("no end after {PATIENCE:?}: {command}"),
                Err(RecvTimeoutError::Disconnected) => bail!("the shell ended at: {command}"),
            }
        }
        if printed.last().is_some_and(String::is_empty) {
            printed.pop();
        }
        Ok(printed)
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _already_reaped = self.child.wait();
    }
}

/// The lines of a pipe as they come, from a thread that ends with the pipe.
pub(super) fn lines_of(pipe: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::sync_channel(1024);
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line);
            // Nobody may be listening any more; the writer must still not run into a full or closed pipe.
            let _unheard = sender.send(text.trim_end_matches(['\r', '\n']).to_owned());
            line.clear();
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_variables_and_takes_both_channels() {
        let mut shell = Shell::start(Path::new("/"), Path::new("/")).unwrap();
        assert_eq!(shell.run("A=$(printf 'x\\ny')").unwrap(), [""; 0]);
        assert_eq!(shell.run("echo \"$A\"; echo no >&2; cat; false").unwrap(), ["x", "y", "no"]);
        assert_eq!(shell.run("printf unended").unwrap(), ["unended"]);
        assert!(shell.run("exit 3").unwrap_err().to_string().contains("ended"));
    }
}
