//! `load import`: a CSV file streamed through `user.v1.UserService/ImportUsers`.

mod rows;
mod run;
mod summary;
#[cfg(test)]
mod tests;

pub(crate) use run::{Arguments, run};
