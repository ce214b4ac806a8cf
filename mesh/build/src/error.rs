//! Why contracts do not compile.
//!
//! A build script prints one text and ends, so the messages here are whole: they carry their cause
//! instead of leaving it to a chain that nobody would walk.

use std::fmt;
use std::io;
use std::path::PathBuf;

use mesh_policy::Unsafe;
use thiserror::Error;

/// The contracts did not compile.
#[derive(Debug, Error)]
pub enum BuildError {
    /// A folder of contracts cannot be listed.
    #[error("cannot list the contracts in {}: {reason}", path.display())]
    Read {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// An import could never name such a file.
    #[error("the path {} is not UTF-8", path.display())]
    NotUtf8 {
        /// The path.
        path: PathBuf,
    },
    /// A folder without a single contract is a wrong path.
    #[error("there is no .proto file below {}", root.display())]
    NoContracts {
        /// The folder.
        root: PathBuf,
    },
    /// Files are no valid protocol buffers: one line a finding, with file, line and column.
    #[error("the contracts are wrong:{}", lines(.0))]
    Wrong(Vec<String>),
    /// The definition of `(mesh.v1.method)` is missing, or not the one that this crate reads.
    #[error("cannot read the option (mesh.v1.method): {0}")]
    Options(String),
    /// Promises that must not be made: one line a finding.
    #[error("the contracts are unsafe:{}", lines(.0))]
    Unsafe(Vec<Refusal>),
    /// Messages that cannot have the JSON form of events: one line a finding.
    #[error("the events have no JSON form:{}", lines(.0))]
    Events(Vec<String>),
    /// A build script without an output folder is not run by cargo.
    #[error("OUT_DIR is not set: contracts are compiled in a build script")]
    NoOutDir,
    /// An output file cannot be written.
    #[error("cannot write {}: {reason}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// The code generator failed.
    #[error("cannot generate the code of the contracts: {0}")]
    Generate(io::Error),
}

impl BuildError {
    /// A file that is imported by others fails with each of them, and is reported once.
    pub(crate) fn parse(errors: impl IntoIterator<Item = protox::Error>) -> Self {
        let mut lines: Vec<_> = errors.into_iter().map(place).collect();
        lines.sort_unstable();
        lines.dedup();
        Self::Wrong(lines)
    }
}

/// A promise that must not be made, and where.
#[derive(Debug, PartialEq)]
pub struct Refusal {
    /// The file, relative to the root of the contracts.
    pub file: String,
    /// The line where the method is declared, from 1.
    pub line: Option<usize>,
    /// The method: `user.v1.UserService/GetUser`.
    pub method: String,
    /// Why.
    pub reason: Reason,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {} {}", self.method, self.reason)
    }
}

/// Why a method is refused. Reads on after the method's name.
#[derive(Debug, PartialEq, Error)]
pub enum Reason {
    /// What is not said is not meant: every method of every service has a policy.
    #[error("has no policy: give it `option (mesh.v1.method) = {{ ... }}`")]
    NoPolicy,
    /// A name that is no `google.rpc.Code`.
    #[error("has a retry policy with the unknown code `{0}`; codes are named like UNAVAILABLE")]
    UnknownCode(String),
    /// Below zero, or beyond what `google.protobuf.Duration` allows.
    #[error("gives `{0}` a negative or invalid google.protobuf.Duration")]
    Duration(&'static str),
    /// What the policy promises is unsafe.
    #[error(transparent)]
    Unsafe(Unsafe),
}

/// The error with file, line and column: only its Debug form has them, and at the end of a file not even that.
fn place(error: protox::Error) -> String {
    let text = format!("{error:?}");
    match error.file() {
        Some(file) if !text.starts_with(file) => format!("{file}: {text}"),
        _ => text,
    }
}

fn lines(findings: &[impl fmt::Display]) -> String {
    findings.iter().map(|finding| format!("\n  {finding}")).collect()
}
