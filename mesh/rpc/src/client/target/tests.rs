use super::*;

#[test]
fn reads_what_it_writes() {
    for text in [
        "static:///127.0.0.1:1",
        "static:///127.0.0.1:1,[::1]:2",
        "dns:///user.default.svc:50051",
        "dns:///localhost:1",
        "dns:///[::1]:1",
        "dns:///_grpc._tcp.user.default.svc",
        "dns://127.0.0.1:5353/user.default.svc:50051",
        "file:///etc/mesh/users",
        "unix:///run/user.sock",
    ] {
        assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
    }
    let ours: Target = "dns://10.0.0.2/user:1".parse().unwrap();
    assert_eq!(ours.to_string(), "dns://10.0.0.2:53/user:1");
    let ours: Target = "dns://[fd00::2]/user:1".parse().unwrap();
    assert_eq!(ours.to_string(), "dns://[fd00::2]:53/user:1");
}

#[test]
fn says_what_is_wrong() {
    let error = |text: &str| text.parse::<Target>().unwrap_err().to_string();
    assert_eq!(
        error("127.0.0.1:1"),
        r#""127.0.0.1:1" is no target: expected static:///IP:PORT,IP:PORT, dns:///HOST:PORT, dns:///_SERVICE._PROTOCOL.NAME, k8s:///NAMESPACE/SERVICE:PORT, file:///PATH or unix:///PATH"#
    );
    assert_eq!(
        error("static:///localhost:1"),
        r#""localhost:1" is no address: a static target lists IP:PORT, separated by commas; names need dns:///"#
    );
    assert_eq!(error("static:///127.0.0.1:1,127.0.0.1:1"), "127.0.0.1:1 stands twice in a static target");
    for wrong in [
        "dns:///user",
        "dns:///:1",
        "dns:///user:",
        "dns:///user:99999",
        "dns:///a b:1",
        "dns:///a@b:1",
        "dns:///_grpc",
        "dns:///_grpc._tcp",
        "dns:///_grpc._tcp.",
        "dns:///_._tcp.user",
        "dns:///grpc._tcp.user",
        "dns://",
    ] {
        assert!(matches!(wrong.parse::<Target>(), Err(TargetError::Name(_))), "{wrong}");
    }
    assert!(matches!("static:///".parse::<Target>(), Err(TargetError::Address(_))));
    assert!(matches!("dns://names/user:1".parse::<Target>(), Err(TargetError::NameServer(_))));
    for wrong in ["file://", "file:///", "file://users", "unix://user.sock", "unix:///a\0b"] {
        assert!(matches!(wrong.parse::<Target>(), Err(TargetError::Path(_))), "{wrong}");
    }
    for wrong in
        ["user:1", "default/user", "default/:1", "/user:1", "a/b:c:d", "a/../b:1", "a/b?c:1", "A/b:1"]
    {
        let wrong = format!("k8s:///{wrong}");
        assert!(matches!(wrong.parse::<Target>(), Err(TargetError::Service(_))), "{wrong}");
    }
}

#[test]
fn a_port_of_a_service_is_a_name_or_a_number() {
    for text in ["k8s:///default/user:grpc", "k8s:///default/user:50051"] {
        let parsed = text.parse::<Target>();
        if cfg!(feature = "k8s") {
            assert_eq!(parsed.unwrap().to_string(), text);
        } else {
            assert_eq!(parsed, Err(TargetError::NoKubernetes(text.to_owned())));
        }
    }
}

#[test]
fn calls_go_by_the_name_that_was_asked_for() {
    let authority = |text: &str| text.parse::<Target>().unwrap().authority();
    assert_eq!(authority("static:///127.0.0.1:1"), None);
    assert_eq!(authority("dns:///user.test:1").unwrap(), "user.test:1");
    assert_eq!(authority("dns:///_grpc._tcp.user.test").unwrap(), "user.test");
    assert_eq!(authority("unix:///run/user.sock").unwrap(), "localhost");
}
