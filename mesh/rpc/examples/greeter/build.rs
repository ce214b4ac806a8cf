//! Compiles the contract.

fn main() {
    let contracts = mesh_build::Contracts::new("proto").import_from("../../../../proto");
    if let Err(error) = contracts.compile() {
        eprintln!("{error}");
        std::process::exit(1);
    }
}
