//! Files that are wrong before any rule is asked.

use mesh_build::Contracts;

use crate::workshop::Workshop;

#[test]
fn every_wrong_file_is_reported_with_its_line() {
    let error = Workshop::with(&[
        ("a/v1/a.proto", "syntax = \"proto3\";\npackage a.v1;\nmessage A { Absent absent = 1; }\n"),
        ("b/v1/b.proto", "syntax = \"proto3\";\npackage b.v1\n"),
        ("c/v1/c.proto", "syntax = \"proto3\";\npackage c.v1;\nimport \"b/v1/b.proto\";\n"),
        ("d/v1/d.proto", "syntax = \"proto3\";\npackage d.v1;\nimport \"e/v1/e.proto\";\n"),
    ])
    .compile()
    .unwrap_err()
    .to_string();
    let lines: Vec<_> = error.lines().collect();
    assert_eq!(lines.len(), 4, "{error}");
    assert_eq!(lines[0], "the contracts are wrong:");
    assert!(lines[1].starts_with("  a/v1/a.proto:3:13: "), "{error}");
    assert!(lines[1].contains("'Absent'"), "{error}");
    assert!(lines[2].starts_with("  b/v1/b.proto: "), "{error}");
    assert!(lines[3].starts_with("  d/v1/d.proto:3:1: "), "{error}");
    assert!(lines[3].contains("'e/v1/e.proto'"), "{error}");
}

#[test]
fn a_folder_without_contracts_or_without_itself_is_refused() {
    let workshop = Workshop::with(&[("readme.md", "")]);
    let error = workshop.compile().unwrap_err().to_string();
    assert!(error.starts_with("there is no .proto file below "), "{error}");
    let error = Contracts::new("no/such/folder").compile_to(workshop.out.path()).unwrap_err().to_string();
    assert!(error.starts_with("cannot list the contracts in no/such/folder: "), "{error}");
}

#[test]
fn another_definition_of_the_option_is_refused() {
    let policy = "syntax = \"proto3\"; package mesh.v1; import \"google/protobuf/descriptor.proto\";
        message MethodPolicy { int64 deadline = 1; }
        extend google.protobuf.MethodOptions { MethodPolicy method = 50100; }";
    let service = "syntax = \"proto3\"; package a.v1; import \"mesh/v1/policy.proto\"; message M {}
        service S { rpc Do(M) returns (M) { option (mesh.v1.method) = { deadline: 1 }; } }";
    let workshop = Workshop::with(&[("mesh/v1/policy.proto", policy), ("a/v1/s.proto", service)]);
    assert_eq!(
        workshop.compile().unwrap_err().to_string(),
        "cannot read the option (mesh.v1.method): \
         mesh.v1.MethodPolicy has no field `deadline` of the expected type"
    );
}
