//! What every service needs beside the mesh: configuration, start and drain, the embedded engine, the
//! read-through cache, and the few rules that all their APIs share (errors, pages, repeated requests).

pub mod cache;
pub mod clock;
pub mod config;
pub mod cql;
pub mod embedded;
pub mod error;
pub mod lifecycle;
pub mod paging;
pub mod process;
pub mod record;
pub mod requests;
pub mod whole;
