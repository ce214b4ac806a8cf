//! Random walks against a store and against a model small enough to be seen to be right.

mod books;
mod walk;

pub(crate) use walk::agrees_with_the_model;
