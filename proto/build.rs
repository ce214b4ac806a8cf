//! Compiles the contracts beside this file; an unsafe one fails the build with file, method and rule.

fn main() {
    if let Err(error) = mesh_build::Contracts::new(".").event_json("event.v1").compile() {
        eprintln!("{error}");
        std::process::exit(1);
    }
}
