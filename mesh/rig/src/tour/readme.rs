//! The tour as README.md holds it: ```` ```console ```` blocks, `$ ` before each command, its output below.

use std::ops::Range;

/// One command of the tour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// The command, with its continuation lines, without the `$ `.
    pub(super) command: String,
    /// What README.md shows below it.
    pub(super) shown: Vec<String>,
    /// The lines of README.md that show it, counted from 0.
    lines: Range<usize>,
}

/// The steps of every console block that calls the stack; other blocks (of `cargo rig test`, say) are no part of
/// the tour.
pub(super) fn steps(readme: &str) -> Vec<Step> {
    let lines: Vec<&str> = readme.lines().collect();
    let mut steps = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let start = at + 1;
        let console = lines[at].trim_end() == "```console";
        at = start;
        if !console {
            continue;
        }
        while at < lines.len() && lines[at].trim_end() != "```" {
            at += 1;
        }
        let block = block_steps(&lines, start..at);
        if block.iter().any(|step| step.command.contains("grpcurl") || step.command.contains("-p stack")) {
            steps.extend(block);
        }
        at += 1;
    }
    steps
}

fn block_steps(lines: &[&str], block: Range<usize>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut at = block.start;
    while at < block.end {
        let line = lines[at];
        at += 1;
        if let Some(first) = line.strip_prefix("$ ") {
            let mut command = first.to_owned();
            // As in a shell, a backslash or an open quote carries the command on to the next line.
            while at < block.end && (command.ends_with('\\') || command.matches('\'').count() % 2 == 1) {
                command = format!("{command}\n{}", lines[at]);
                at += 1;
            }
            steps.push(Step { command, shown: Vec::new(), lines: at..at });
        } else if let Some(step) = steps.last_mut() {
            step.shown.push(line.to_owned());
            step.lines.end = at;
        }
    }
    steps
}

/// README.md with `printed` in place of what it shows, step by step.
pub(super) fn blessed(readme: &str, steps: &[Step], printed: &[Vec<String>]) -> String {
    let mut lines: Vec<String> = readme.lines().map(str::to_owned).collect();
    // From the end, so that the lines before keep their numbers.
    for (step, printed) in steps.iter().zip(printed).rev() {
        lines.splice(step.lines.clone(), printed.iter().cloned());
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = "# Title\n```console\n$ cargo rig test\nok\n```\ntext\n```console\n$ grpcurl -d '{\n  \"a\": 1\n}' \\\n    \
                          host m\n{\n}\n$ ls\n```\nend\n";

    #[test]
    fn finds_commands_with_their_continuations_and_outputs() {
        let steps = steps(README);
        assert_eq!(steps.len(), 2, "the block without a call is no part of the tour");
        assert_eq!(steps[0].command, "grpcurl -d '{\n  \"a\": 1\n}' \\\n    host m");
        assert_eq!(steps[0].shown, ["{", "}"]);
        assert_eq!((steps[1].command.as_str(), steps[1].shown.len()), ("ls", 0));
    }

    #[test]
    fn blesses_outputs_and_leaves_the_rest() {
        let printed = [vec!["[]".to_owned()], vec!["one".to_owned(), "two".to_owned()]];
        let blessed = blessed(README, &steps(README), &printed);
        assert_eq!(blessed, README.replace("{\n}\n$ ls\n", "[]\n$ ls\none\ntwo\n"));
    }
}
