//! README.md's tour, walked through for real: the stack is started, every command is run in one shell, and what is
//! printed must be what README.md shows.

mod compare;
mod promises;
mod readme;
mod shell;
mod stack;
mod walk;

pub(crate) use walk::run;
