//! The examples, as somebody runs them who reads the README.

use std::{
    env,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

/// An example that `cargo test` has built beside this test; built now, if only this test was.
fn example(name: &str) -> PathBuf {
    let folder = env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("examples");
    let example = folder.join(name).with_extension(env::consts::EXE_EXTENSION);
    if !example.exists() {
        let build =
            Command::new(env!("CARGO")).args(["build", "--package", "mesh-rpc", "--example", name]).status();
        assert!(build.unwrap().success(), "cannot build {name}");
    }
    example
}

/// Ends with the test, however that ends.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_client_is_greeted_by_the_server() {
    let mut server = Command::new(example("greeter_server"));
    let mut server = Serving(server.arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap());
    let mut told = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut told).unwrap();
    let address = told.trim().strip_prefix("greeting at ").unwrap();
    let client =
        Command::new(example("greeter_client")).args([&format!("static:///{address}"), "World"]).output();
    let client = client.unwrap();
    assert_eq!(
        String::from_utf8(client.stdout).unwrap(),
        "Hello World!\n",
        "{}",
        String::from_utf8_lossy(&client.stderr)
    );
}

#[test]
fn both_are_at_most_sixty_lines_together() {
    let lines = include_str!("../../examples/greeter_server.rs").lines().count()
        + include_str!("../../examples/greeter_client.rs").lines().count();
    assert!(lines <= 60, "{lines}");
}
