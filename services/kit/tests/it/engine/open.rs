//! Opening: each way to fail has a word of its own.

use std::fs;

use redb::{Database, TableDefinition};
use service_kit::embedded::{Engine, EngineConfig, OpenError};

use super::{list, open, put};

fn try_open(path: &std::path::Path) -> Result<Engine, OpenError> {
    Engine::open(path, EngineConfig::default())
}

#[tokio::test]
async fn makes_the_folder_and_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/test.redb");
    let engine = try_open(&path).unwrap();
    engine.write(put(1)).await.unwrap();
    assert!(path.is_file());
}

#[tokio::test]
async fn a_second_engine_is_refused_and_the_first_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    engine.write(put(1)).await.unwrap();
    let second = try_open(&folder.path().join("test.redb"));
    assert!(matches!(second, Err(OpenError::InUse { .. })), "{second:?}");
    engine.write(put(2)).await.unwrap();
    assert_eq!(engine.read(list).await.unwrap(), [1, 2]);
}

/// See the child of `a_full_disk_ends_the_engine`: here not even the first page fits.
#[test]
fn a_disk_that_is_full_from_the_start_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let child = std::process::Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "engine::open::finds_the_disk_full", "--ignored"])
        .env(FULL_DISK_FOLDER, folder.path())
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    // With room, the same folder is fine.
    drop(open(folder.path()));
}

const FULL_DISK_FOLDER: &str = "SERVICE_KIT_FULL_DISK_FOLDER";

#[test]
#[ignore = "the child of a_disk_that_is_full_from_the_start_is_told"]
fn finds_the_disk_full() {
    let Some(folder) = std::env::var_os(FULL_DISK_FOLDER) else { return };
    let opened = try_open(&std::path::Path::new(&folder).join("test.redb"));
    assert!(matches!(opened, Err(OpenError::DiskFull { .. })), "{opened:?}");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "not a folder").unwrap();
    let error = try_open(&folder.path().join("file/test.redb")).unwrap_err();
    assert!(matches!(&error, OpenError::Folder { path, .. } if path.ends_with("file")), "{error:?}");
}

#[test]
fn something_else_than_a_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.redb");
    let text = "dear diary, ".repeat(10_000);
    for (number, contents) in [&text[..], "short"].into_iter().enumerate() {
        fs::write(&path, contents).unwrap();
        let opened = try_open(&path);
        assert!(matches!(opened, Err(OpenError::NotADatabase { .. })), "{number}: {opened:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), contents);
    }
}

#[test]
fn a_folder_in_the_place_of_the_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("test.redb")).unwrap();
    let opened = try_open(&folder.path().join("test.redb"));
    assert!(matches!(opened, Err(OpenError::NotADatabase { .. })), "{opened:?}");
}

#[test]
fn a_database_of_somebody_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.redb");
    let database = Database::create(&path).unwrap();
    let txn = database.begin_write().unwrap();
    txn.open_table(TableDefinition::<u64, u64>::new("theirs")).unwrap();
    txn.commit().unwrap();
    drop(database);
    let opened = try_open(&path);
    assert!(matches!(opened, Err(OpenError::NotADatabase { .. })), "{opened:?}");
}

#[test]
fn a_newer_format_is_refused_with_both_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.redb");
    drop(open(folder.path()));
    let database = loop {
        match Database::open(&path) {
            Ok(database) => break database,
            Err(redb::DatabaseError::DatabaseAlreadyOpen) => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    };
    let txn = database.begin_write().unwrap();
    txn.open_table(TableDefinition::<&str, u64>::new("engine.format")).unwrap().insert("version", 7).unwrap();
    txn.commit().unwrap();
    drop(database);
    let error = try_open(&path).unwrap_err();
    assert!(error.to_string().ends_with("has format 7, this version reads format 1"), "{error}");
}

#[test]
fn a_first_start_that_was_cut_short_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.redb");
    // Cut before anything was in the file, and between the file's making and its mark.
    fs::write(&path, "").unwrap();
    drop(open(folder.path()));
    fs::remove_file(&path).unwrap();
    drop(Database::create(&path).unwrap());
    drop(open(folder.path()));
}

#[cfg(unix)]
#[test]
fn a_file_without_permission_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.redb");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::File::open(&path).is_ok() {
        // A user who may read everything cannot see this refusal.
        return;
    }
    let opened = try_open(&path);
    assert!(matches!(opened, Err(OpenError::Permission { .. })), "{opened:?}");
}

#[test]
fn a_damaged_file_is_refused_without_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.redb");
    drop(open(folder.path()));
    loop {
        match Database::open(&path) {
            Ok(_) => break,
            Err(redb::DatabaseError::DatabaseAlreadyOpen) => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
    let whole = fs::read(&path).unwrap();
    for (number, cut) in [64, 4096, whole.len() / 2].into_iter().enumerate() {
        fs::write(&path, &whole[..cut]).unwrap();
        let opened = try_open(&path);
        assert!(opened.is_err(), "cut {number} at {cut} of {} was opened", whole.len());
    }
}
