//! What an operator sees: the exact text of every kind of mistake, and a printed configuration that reads back.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use proptest::prelude::*;
use service_kit::config::{ConfigErrors, Effective, FileError, Secret, Source};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Format {
    Human,
    Json,
}

#[derive(Debug, PartialEq)]
struct Everything {
    data: PathBuf,
    format: Format,
    listen: SocketAddr,
    limit: u32,
    offset: i64,
    cache: u64,
    ttl: Duration,
    eager: bool,
    host: Option<String>,
    name: String,
    password: Option<Secret>,
}

/// A reader with one setting of every kind.
fn read(source: &mut Source) -> Everything {
    let mut top = source.section("");
    let data = top.path("data", "./data".into(), "where the store lies");
    let mut log = source.section("log");
    let formats = [("human", Format::Human), ("json", Format::Json)];
    let format = log.choice("format", Format::Human, &formats, "how log lines look");
    let mut user = source.section("user");
    let default: SocketAddr = ([127, 0, 0, 1], 50051).into();
    let listen = user.get("listen", default, "an address like 127.0.0.1:50051", "where the service listens");
    let limit = user.integer("limit", 100, 1..=1000, "users in one page at most");
    let offset = user.integer("offset", 0, -10..=10, "a number that may be negative");
    let cache = user.size("cache", 64 << 20, 1 << 20..=1 << 40, "memory for profiles at most");
    let bounds = Duration::from_millis(1)..=Duration::from_secs(86_400);
    let ttl = user.duration("ttl", Duration::from_secs(3600), bounds, "how long a profile is believed");
    let eager = user.flag("eager", false, "whether to start before the bus is there");
    let mut smtp = source.section("notification.smtp");
    let host = smtp.optional_if("host", |host: &String| !host.is_empty(), "a host name", "the mail server");
    let name = smtp.get("name", "the mesh".to_owned(), "a name", "who mails are from");
    let password = smtp.secret("password", "the mail server's password");
    Everything { data, format, listen, limit, offset, cache, ttl, eager, host, name, password }
}

fn load(file: Option<&Path>, env: &[(&str, &str)]) -> Result<Source, FileError> {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Source::load(file, env, "STACK")
}

fn outcome(file: Option<&Path>, env: &[(&str, &str)]) -> Result<(Everything, Effective), ConfigErrors> {
    let mut source = load(file, env).expect("a readable file");
    let everything = read(&mut source);
    source.finish().map(|effective| (everything, effective))
}

fn written(content: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a readable file");
    let path = folder.path().join("stack.toml");
    fs::write(&path, content).expect("a readable file");
    (folder, path)
}

/// The text of an error without the folder of this test run.
fn shown(error: &impl ToString, path: &Path) -> String {
    error.to_string().replace(&*path.to_string_lossy(), "stack.toml")
}

#[test]
fn every_mistake_is_reported_at_once() {
    let (_folder, path) = written(
        r#"dat = "x"

[log]
format = "pretty"

[user]
listen = "localhost"
limit = 0
offset = 1.5
cache = "64MB"
ttl = 10
eager = "yes"
lissten = "127.0.0.1:1"

[notification]
smtp.password = 5
smtp.host = ""
smtp.passwrod = "hunter2"

[payment]
currency = ["EUR"]
"#,
    );
    let env =
        [("STACK_USER_LIMIT", "5000"), ("STACK_USER_LISTN", "x"), ("STACK_DATA", ""), ("HOME", "/root")];
    let errors = outcome(Some(&path), &env).unwrap_err();
    assert_eq!(
        shown(&errors, &path),
        r#"15 mistakes in the configuration
  dat (stack.toml:1): unknown key, did you mean data?
  log.format = "pretty" (stack.toml:4): expected one of "human", "json"
  user.listen = "localhost" (stack.toml:7): expected an address like 127.0.0.1:50051
  user.offset = 1.5 (stack.toml:9): expected a whole number from -10 to 10
  user.cache = "64MB" (stack.toml:10): expected a size from 1MiB to 1TiB, like 64MiB
  user.ttl = 10 (stack.toml:11): expected a duration from 1ms to 1d, like 250ms, 10s or 1h
  user.eager = "yes" (stack.toml:12): expected true or false
  user.lissten (stack.toml:13): unknown key, did you mean user.listen?
  notification.smtp.password = *** (stack.toml:16): expected a secret, not empty
  notification.smtp.host = "" (stack.toml:17): expected a host name
  notification.smtp.passwrod (stack.toml:18): unknown key, did you mean notification.smtp.password?
  payment.currency (stack.toml:21): unknown key
  data = "" (STACK_DATA): expected a path
  user.limit = "5000" (STACK_USER_LIMIT): expected a whole number from 1 to 1000
  STACK_USER_LISTN: unknown variable, did you mean STACK_USER_LISTEN?"#
    );
}

#[test]
fn a_value_where_a_section_belongs_is_a_mistake_and_an_empty_section_is_none() {
    let (_folder, path) = written("user = 5\n[log]\n[nothing]\n");
    let errors = outcome(Some(&path), &[]).unwrap_err();
    assert_eq!(
        shown(&errors, &path),
        "2 mistakes in the configuration\n  user (stack.toml:1): expected a section [user]\n  nothing (stack.toml:3): \
         unknown key"
    );
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_default() {
    let (_folder, path) = written("[user]\nlimit = 7\nttl = \"5s\"\n[notification.smtp]\nhost = \"mail\"\n");
    let (everything, effective) =
        outcome(Some(&path), &[("STACK_USER_LIMIT", "9"), ("STACK_NOTIFICATION_SMTP_HOST", "")]).unwrap();
    assert_eq!((everything.limit, everything.ttl, everything.host), (9, Duration::from_secs(5), None));
    let printed = shown(&effective, &path);
    assert!(
        printed.contains("# STACK_USER_LIMIT; default 100; set by STACK_USER_LIMIT\nlimit = 9\n"),
        "{printed}"
    );
    assert!(
        printed.contains("# STACK_USER_TTL; default \"1h\"; set by stack.toml:3\nttl = \"5s\"\n"),
        "{printed}"
    );
}

#[test]
fn the_effective_configuration_explains_itself() {
    let (_, effective) = outcome(None, &[("STACK_NOTIFICATION_SMTP_PASSWORD", "hunter2")]).unwrap();
    assert_eq!(effective.to_string(), include_str!("config.effective.toml"));
}

#[test]
fn settings_that_do_not_go_together_are_reported_with_their_value() {
    let mut source = load(None, &[("STACK_POOL_LEAST", "9")]).unwrap();
    let mut pool = source.section("pool");
    let least = pool.integer("least", 1, 0..=10, "connections kept");
    let most = pool.integer("most", 4, 0..=10, "connections at most");
    if least > most {
        pool.reject("least", "expected at most pool.most");
    }
    assert_eq!(
        source.finish().unwrap_err().to_string(),
        "1 mistake in the configuration\n  pool.least = 9 (STACK_POOL_LEAST): expected at most pool.most"
    );
}

#[test]
#[should_panic(expected = "a.b_c and a.b.c share the variable STACK_A_B_C")]
fn two_settings_cannot_share_a_variable() {
    let mut source = load(None, &[]).unwrap();
    source.section("a").flag("b_c", false, "one");
    source.section("a.b").flag("c", false, "another");
}

#[test]
fn the_links_that_kubernetes_sets_are_not_mistakes() {
    let links = [
        ("STACK_SERVICE_HOST", "10.0.0.1"),
        ("STACK_USER_SERVICE_PORT_GRPC", "50051"),
        ("STACK_PORT", "tcp://10.0.0.1:50051"),
        ("STACK_PORT_50051_TCP_ADDR", "10.0.0.1"),
    ];
    assert!(outcome(None, &links).is_ok());
    assert!(outcome(None, &[("STACK_PORT", "50051")]).is_err());
}

#[test]
fn a_missing_file_is_named() {
    let error = load(Some(Path::new("/nowhere/stack.toml")), &[]).unwrap_err();
    assert_eq!(error.to_string(), "cannot read the configuration file /nowhere/stack.toml");
    assert!(matches!(error, FileError::Read { source, .. } if source.kind() == std::io::ErrorKind::NotFound));
}

#[test]
fn a_file_that_is_not_text_is_named_with_the_line() {
    let (_folder, path) = written(b"a = 1\nb = \"\xff\"\n");
    let error = load(Some(&path), &[]).unwrap_err();
    assert_eq!(shown(&error, &path), "the configuration file stack.toml:2 is not UTF-8 text");
}

#[test]
fn a_file_that_is_not_toml_is_named_with_every_position() {
    let (_folder, path) = written("[user]\nlimit = \nlimit = 3\n\nü = [1, 2\n");
    let error = load(Some(&path), &[]).unwrap_err();
    assert_eq!(
        shown(&error, &path),
        "the configuration file stack.toml is not TOML
  stack.toml:2:9: string values must be quoted, expected literal string
  stack.toml:3:1: duplicate key
  stack.toml:5:1: invalid unquoted key, expected letters, numbers, `-`, `_`
  stack.toml:5:10: unclosed array, expected `]`"
    );
}

prop_compose! {
    fn everything()(
        data in "[a-z/ \"\\\\\n\t\u{1b}é龚]{1,12}", json: bool, port: u16, limit in 1u32..=1000, offset in -10i64..=10,
        cache in (1u64 << 20)..=(1 << 40), ttl in 1u64..=86_400_000, eager: bool,
        host in proptest::option::of("[^\u{0}]{1,8}"), name in "\\PC{0,8}",
    ) -> Everything {
        Everything {
            data: data.into(), format: if json { Format::Json } else { Format::Human },
            listen: ([127, 0, 0, 1], port).into(), limit, offset, cache, ttl: Duration::from_millis(ttl), eager,
            host, name, password: None,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    /// Environment -> values -> printed file -> values: nothing changes, whatever characters the text holds.
    #[test]
    fn what_is_printed_reads_back(expected in everything()) {
        let format = if expected.format == Format::Json { "json" } else { "human" };
        let (listen, limit, offset) = (expected.listen.to_string(), expected.limit.to_string(), expected.offset.to_string());
        let (cache, ttl) = (format!("{}B", expected.cache), format!("{}ms", expected.ttl.as_millis()));
        let (data, eager) = (expected.data.to_string_lossy(), expected.eager.to_string());
        let mut env = vec![
            ("STACK_DATA", &*data), ("STACK_LOG_FORMAT", format), ("STACK_USER_LISTEN", &listen),
            ("STACK_USER_LIMIT", &limit), ("STACK_USER_OFFSET", &offset), ("STACK_USER_CACHE", &cache),
            ("STACK_USER_TTL", &ttl), ("STACK_USER_EAGER", &eager), ("STACK_NOTIFICATION_SMTP_NAME", &expected.name),
        ];
        if let Some(host) = &expected.host {
            env.push(("STACK_NOTIFICATION_SMTP_HOST", host));
        }
        let (first, effective) = outcome(None, &env).unwrap();
        prop_assert_eq!(&first, &expected);
        let (_folder, path) = written(effective.to_string());
        let (second, again) = outcome(Some(&path), &[]).unwrap();
        prop_assert_eq!(second, expected);
        let values = |effective: &Effective| -> Vec<String> {
            effective.to_string().lines().filter(|line| !line.starts_with("# STACK")).map(str::to_owned).collect()
        };
        prop_assert_eq!(values(&again), values(&effective));
    }

    /// No file makes the reader panic.
    #[test]
    fn any_file_is_read_or_refused(content in "[a-z\\[\\]=\".{}# \n0-9é]{0,60}") {
        let (_folder, path) = written(content);
        if let Ok(mut source) = load(Some(&path), &[]) {
            read(&mut source);
            let _refused_or_not = source.finish();
        }
    }
}
