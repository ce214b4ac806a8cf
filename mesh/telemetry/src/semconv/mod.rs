//! The names of every metric, span and attribute: the only place where they are spelt.
//!
//! Two worlds meet here, each where it is at home. Metrics of calls have gRPC's own names (gRFC A66 and
//! A96), so that stock dashboards work; spans and everything about messages and databases follow
//! OpenTelemetry's semantic conventions, version 1.45. What neither of them knows is ours and starts with
//! `mesh.`.
//!
//! Names are constants, and a `tracing` macro takes a constant in braces for the name of a field:
//! `info_span!("call", { rpc::METHOD } = "user.v1.UserService/GetUser")`.
//!
//! The rules for our own: lower case, words joined by `_`, namespaces by `.`; the unit is not part of the
//! name; a counter is plural and has no `_total`; attributes have few values.

/// Declares names, and lists them for the test of the rules.
macro_rules! names {
    ($($(#[$doc:meta])+ $name:ident = $text:literal;)+) => {
        $($(#[$doc])+ pub const $name: &str = $text;)+

        #[cfg(test)]
        pub(super) const ALL: &[&str] = &[$($name),+];
    };
}

pub mod database;
pub mod grpc;
pub mod mesh;
pub mod messaging;
pub mod resource;
pub mod rpc;

/// The version of the conventions that these names follow, as instrumentation scopes state it.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.45.0";

#[cfg(test)]
mod tests;
