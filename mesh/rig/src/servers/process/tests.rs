use super::*;

fn server(home: &tempfile::TempDir) -> Server {
    Server { folder: home.path().join("sleeper") }
}

fn launch(server: &Server, script: &str) {
    server
        .launch(&[], Path::new("sh"), |command| {
            command.args(["-c", script]);
        })
        .unwrap();
}

async fn until_logged(server: &Server, text: &str) {
    while !server.logged().contains(text) {
        sleep(POLL).await;
    }
}

#[test]
fn the_mark_is_one_whole_entry_of_the_environment() {
    let folder = |environment: &[u8]| marked_folder(environment);
    assert_eq!(folder(b"A=1\0MESH_RIG_SERVER=/x/cql\0B=2\0"), Some(PathBuf::from("/x/cql")));
    assert_eq!(folder(b"A=MESH_RIG_SERVER=/x\0MESH_RIG_SERVERS=/y\0"), None);
    assert_eq!(folder(b""), None);
}

#[tokio::test]
async fn a_server_runs_until_it_is_stopped_and_leaves_no_process_behind() {
    let home = tempfile::tempdir().unwrap();
    let server = server(&home);
    assert!(!server.is_running());
    // The child moves to a session of its own and still belongs to the server.
    launch(&server, "setsid sleep 600 & echo started; wait");
    until_logged(&server, "started").await;
    while server.pids().len() < 2 {
        sleep(POLL).await;
    }
    assert!(server.is_running());
    signal("KILL", &[server.main().unwrap()]).unwrap();
    // The child outlives the process that was launched.
    while server.is_running() || server.pids().len() != 1 {
        sleep(POLL).await;
    }
    server.stop().await.unwrap();
    assert!(server.pids().is_empty());
    assert!(!server.pid_file().exists());
}

#[tokio::test]
async fn the_pid_of_another_program_is_not_taken_for_the_server() {
    let home = tempfile::tempdir().unwrap();
    let server = server(&home);
    folders::make(server.folder()).unwrap();
    let mut other = Command::new("sleep").arg("600").env(MARK, "/elsewhere").spawn().unwrap();
    for stale in [other.id().to_string(), "0".to_owned(), "4194305".to_owned(), "no number".to_owned()] {
        folders::write(&server.pid_file(), &stale).unwrap();
        assert_eq!(server.main(), None, "{stale}");
        server.stop().await.unwrap();
        assert!(!server.pid_file().exists(), "{stale}");
    }
    assert!(other.try_wait().unwrap().is_none(), "the other program was stopped");
    other.kill().unwrap();
    other.wait().unwrap();
}

#[tokio::test]
async fn the_log_of_the_run_before_is_kept() {
    let home = tempfile::tempdir().unwrap();
    let server = server(&home);
    for word in ["first", "second"] {
        launch(&server, &format!("echo {word}"));
        until_logged(&server, word).await;
    }
    let before = fs::read_to_string(server.folder().join("server.log.1")).unwrap();
    assert_eq!(before, "first\n");
    server.stop().await.unwrap();
}

#[test]
fn of_a_long_log_the_last_error_is_told() {
    let many = "INFO more\n".repeat(40);
    assert_eq!(telling(&many), ["INFO more"; 15]);
    let log = format!("ERROR first\n{many}ERROR last\n  because\n{many}");
    assert_eq!(telling(&log)[..3], ["ERROR last", "  because", "INFO more"]);
    assert_eq!(telling(&log).len(), 15);
    assert!(telling("").is_empty());
}
